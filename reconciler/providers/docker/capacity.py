"""What an engine has to give to instances."""

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.limits import Capacity

_CDI_GPU = "nvidia.com/gpu="


def capacity_of(engine: Engine) -> Capacity:
    """Ask the engine.

    Raises:
        ProviderError: it does not answer.
    """
    with engine.doing("the engine cannot be asked what it has"):
        info = engine.api.info()
    return capacity_in(info)


def capacity_in(info: Mapping[str, Any]) -> Capacity:
    """What an engine has by its own account.

    Args:
        info: its answer to `docker info`. `DiscoveredDevices` is of its API 1.50; an older engine does not tell which
            CDI devices it has, and counts as one without.
    """
    has_runtime = "nvidia" in (info.get("Runtimes") or {})
    gpus = () if has_runtime else _gpus(str(each.get("ID", "")) for each in info.get("DiscoveredDevices") or ())
    return Capacity(int(info["NCPU"]), int(info["MemTotal"]), has_gpus=has_runtime or bool(gpus), cdi_gpus=gpus)


def _gpus(devices: Iterable[str]) -> tuple[str, ...]:
    """Each GPU once: it may be there by its number and by its UUID, and all of them as `all`."""
    names = [each.removeprefix(_CDI_GPU) for each in devices if each.startswith(_CDI_GPU)]
    numbers = sorted(int(name) for name in names if name.isdecimal())
    found = map(str, numbers) if numbers else sorted(name for name in names if name.startswith("GPU-"))
    return tuple(f"{_CDI_GPU}{name}" for name in found)
