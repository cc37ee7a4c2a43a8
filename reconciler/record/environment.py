"""Which variables lead a process of ours to the same record: names of files and places, never a key or a password."""

from collections.abc import Mapping
from pathlib import Path

from reconciler.errors import StateError
from reconciler.record.sealing import FALLBACK, VARIABLE

_FILES = (f"{VARIABLE}_FILE", f"{FALLBACK}_FILE", "PGPASSFILE", "PGSERVICEFILE", "PGSSLROOTCERT")
_NAMES = ("PGHOST", "PGPORT", "PGUSER", "PGSERVICE", "PGSSLMODE")


def passed_on(environ: Mapping[str, str]) -> dict[str, str]:
    """What a process that outlives this one gets of the environment, so that it opens the record by itself."""
    files = {name: str(Path(environ[name]).expanduser().absolute()) for name in _FILES if environ.get(name)}
    return files | {name: environ[name] for name in _NAMES if environ.get(name)}


def refuse_values(location: str, environ: Mapping[str, str]) -> None:
    """Refuse what opens a record where a process that outlives this one could not have it.

    A keeper starts its processes again, so it would have to write the value down.

    Args:
        location: of the record, as `mlops.yaml` says it.
        environ: what this process was given.

    Raises:
        StateError: a key or a password is in a variable, and not in a file.
    """
    in_file = {VARIABLE: f"{VARIABLE}_FILE"}
    if location.startswith("postgres"):
        in_file["PGPASSWORD"] = "PGPASSFILE"
    for name, file in in_file.items():
        if environ.get(name):
            raise StateError(
                "what was applied is recorded, but nobody follows its policies: the attendant opens the state by "
                f"itself, and the value of {name} is not written down for it; give {file} in its place"
            )
