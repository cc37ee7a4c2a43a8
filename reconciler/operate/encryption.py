"""A record is sealed under the key that is given, or opened for good."""

from reconciler.attending import locked
from reconciler.errors import StateError
from reconciler.record.sealing import ADVICE, VARIABLE, SealKey, SealKeys
from reconciler.record.store import Sealable
from reconciler.workspace import Workspace


def encrypt(workspace: Workspace, keys: SealKeys, *, lock_timeout_s: float = 0) -> bool:
    """Seal everything that is recorded, of all targets of the same file or database; False when it is so already.

    Args:
        workspace: the target.
        keys: those that are given; the current one is what is sealed under.
        lock_timeout_s: how long to wait for another run to end.

    Raises:
        StateError: no key is given, or the record is under one that is not.
    """
    if keys.current is None:
        raise StateError(f"{VARIABLE} is not set; {ADVICE}")
    return _resealed(workspace, "mlops state encrypt", keys.current, lock_timeout_s)


def decrypt(workspace: Workspace, *, lock_timeout_s: float = 0) -> bool:
    """Keep everything that is recorded in the clear; False when it is so already.

    Raises:
        StateError: the key that the record is under is not given.
    """
    return _resealed(workspace, "mlops state decrypt", None, lock_timeout_s)


def _resealed(workspace: Workspace, command: str, key: SealKey | None, lock_timeout_s: float) -> bool:
    store = workspace.store
    if not isinstance(store, Sealable):
        raise StateError(f"target {workspace.target.name}: its record lives in memory, where nothing is at rest")
    with locked(workspace, command, timeout_s=lock_timeout_s):
        return store.reseal(key)
