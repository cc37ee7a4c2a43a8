"""Providers by name, through the entry-point group `mlops.providers`; the built-in ones are declared there too."""

import importlib
from typing import TYPE_CHECKING

from reconciler.core.words import nearest
from reconciler.errors import ProviderError
from reconciler.providers.provider import Provider

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "mlops.providers"
# As declared in pyproject.toml, where a test compares them: to ask the installed packages takes 30 ms of every plan.
BUILT_IN = {
    "docker": "reconciler.providers.docker:DockerProvider",
    "local": "reconciler.providers.local:LocalProvider",
    "memory": "reconciler.providers.memory:MemoryProvider",
}


def provider_named(name: str) -> type[Provider]:
    """Load the class of a provider, and nothing of any other.

    Raises:
        ProviderError: there is no such provider, or it cannot be imported.
    """
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        built_in: type[Provider] = getattr(importlib.import_module(module), attribute)
        return built_in
    from importlib.metadata import entry_points  # noqa: PLC0415 - costs as much as all else of a small plan

    known = {point.name: point for point in entry_points(group=GROUP)}
    if name not in known:
        near = nearest(name, known)
        advice = f"; did you mean {near}?" if near else ";"
        raise ProviderError(f"there is no provider {name!r}{advice} known: {', '.join(sorted(known))}")
    return _loaded(known[name])


def _loaded(point: "EntryPoint") -> type[Provider]:
    try:
        found: type[Provider] = point.load()
    except (ImportError, AttributeError) as error:
        raise ProviderError(f"provider {point.name!r} ({point.value}) cannot be loaded: {error}") from error
    return found
