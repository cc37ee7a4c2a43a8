"""What an engine has to give to instances."""

from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.limits import Capacity


def capacity_of(engine: Engine) -> Capacity:
    """Ask the engine.

    Raises:
        ProviderError: it does not answer.
    """
    with engine.doing("the engine cannot be asked what it has"):
        info = engine.api.info()
    return Capacity(int(info["NCPU"]), int(info["MemTotal"]), has_gpus="nvidia" in (info.get("Runtimes") or {}))
