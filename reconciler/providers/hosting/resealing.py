"""The secrets of an object under another key: the same values, known by other digests."""

from dataclasses import replace

from reconciler.core.secret import Secret, secrets_of, with_secrets
from reconciler.providers.hosting.objects import Object, Objects, by_digest, version_of


def resealed(objects: Objects, item: Object, key: bytes) -> bool:
    """Know an object's secrets by their digests under a key; False where a value is not at hand, and nothing changes.

    Its instances go on, and are of the version that the object's spec has then.
    """
    known = list(secrets_of(item.spec))
    stored = objects.secrets(item.address) if known else {}
    if any(secret.digest not in stored for secret in known):
        return False
    spec = with_secrets(item.spec, lambda each: Secret.of(stored[each.digest], key, shown=each.shown))
    if spec == item.spec:
        return True
    renamed = {version_of(item.spec): version_of(spec)}
    versions = {name: renamed.get(version, version) for name, version in item.versions.items()}
    # The values come first: an object never speaks of one that is not at hand.
    objects.keep_secrets(item.address, {**stored, **by_digest(spec)})
    objects.put(replace(item, spec=spec, versions=versions))
    return True
