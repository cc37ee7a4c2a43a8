"""Providers by name, through the entry-point group `mlops.providers`; the built-in ones are declared there too."""

import difflib
from importlib.metadata import EntryPoint, entry_points

from reconciler.errors import ProviderError
from reconciler.providers.provider import Provider

GROUP = "mlops.providers"


def provider_named(name: str) -> type[Provider]:
    """Load the class of a provider, and nothing of any other.

    Raises:
        ProviderError: there is no such provider, or it cannot be imported.
    """
    known = {point.name: point for point in entry_points(group=GROUP)}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        advice = f"; did you mean {near[0]}?" if near else ""
        raise ProviderError(f"there is no provider {name!r}{advice} Known: {', '.join(sorted(known))}")
    return _loaded(known[name])


def _loaded(point: EntryPoint) -> type[Provider]:
    try:
        found: type[Provider] = point.load()
    except (ImportError, AttributeError) as error:
        raise ProviderError(f"provider {point.name!r} ({point.value}) cannot be loaded: {error}") from error
    return found
