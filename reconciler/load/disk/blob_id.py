"""Git's id of what a file holds, which it calls a blob: by it contents are told apart without asking git."""

import hashlib

from reconciler.load.disk.stat_index import Hash

DIGITS = 40
"""As many has an id in nearly all repositories; in others they are of SHA-256."""


def blob_id(data: bytes, digits: int = DIGITS) -> str:
    """The id of a content, which has so many digits."""
    digest = blob_begun(len(data), digits)
    digest.update(data)
    return digest.hexdigest()


def blob_begun(size: int, digits: int = DIGITS) -> Hash:
    """The same of a content of some size, before it is read."""
    made = hashlib.sha1 if digits == DIGITS else hashlib.sha256
    return made(b"blob %d\0" % size, usedforsecurity=False)
