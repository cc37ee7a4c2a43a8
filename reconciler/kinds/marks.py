"""Marks: what no file says of a resource and a command does."""

from reconciler.core.manifest import Spec

ARCHIVED = "archived"
"""Of a version that is not listed and is not the latest, and may still be named."""
BY_COMMAND = "by_command"
"""Of a version that belongs to the registry: a command registered it, and no file has defined it since."""
OF_VERSIONS = frozenset({ARCHIVED, BY_COMMAND})
"""The marks of versions of models and environments."""
KEYLESS = "keyless"
"""Of an endpoint that whoever is on this machine may call, as one that `az ml … --local` makes."""
UNTIL_A_FILE = frozenset({BY_COMMAND, KEYLESS})
"""Marks that a resource has no more once a file defines it."""


def is_archived(spec: Spec) -> bool:
    """Whether a version was put away."""
    return bool(spec.get(ARCHIVED))


def is_by_command(spec: Spec) -> bool:
    """Whether no folder of files may delete a version because it does not define it."""
    return bool(spec.get(BY_COMMAND))


def is_keyless(spec: Spec) -> bool:
    """Whether an endpoint asks for no key; one that asks for tokens means them, whoever made it."""
    return bool(spec.get(KEYLESS)) and asks_for_keys(spec)


def asks_for_keys(document: Spec) -> bool:
    """Whether callers of an endpoint prove who they are by a key, which is so where nothing is said."""
    return str(document.get("auth_mode") or "key").lower() == "key"
