"""The secrets of an object under another key: the same values, known by other digests."""

from collections.abc import Mapping
from dataclasses import replace

from reconciler.core.secret import Secret
from reconciler.providers.hosting.objects import Object, Objects, version_of


def resealed(objects: Objects, item: Object, key: bytes) -> bool:
    """Know an object's secrets by their digests under a key; False where a value is not at hand, and nothing changes.

    Its instances go on, and are of the version that the object's spec has then.
    """
    variables: Mapping[str, object] = item.spec.get("environment_variables") or {}
    sealed = {name: value for name, value in variables.items() if isinstance(value, Secret)}
    stored = objects.secrets(item.address) if sealed else {}
    if any(value.digest not in stored for value in sealed.values()):
        return False
    fresh = {name: Secret.of(stored[value.digest], key) for name, value in sealed.items()}
    if fresh == sealed:
        return True
    spec = {**item.spec, "environment_variables": {**variables, **fresh}}
    renamed = {version_of(item.spec): version_of(spec)}
    versions = {name: renamed.get(version, version) for name, version in item.versions.items()}
    # The values come first: an object never speaks of one that is not at hand.
    objects.keep_secrets(item.address, {**stored, **{each.digest: each.reveal() for each in fresh.values()}})
    objects.put(replace(item, spec=spec, versions=versions))
    return True
