"""Which version of the tool runs, to the last change of any of its files."""

# Paths of the tool's own files are text here: as Path objects they cost as much as all else that is done with them.
# ruff: noqa: PTH100, PTH110, PTH116, PTH120

import hashlib
import os
import sys

_HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# What `functools.cache` would hold, which takes 4 ms to load.
_TOLD: dict[str, str] = {}


def version() -> str:
    """The version of this process."""
    return _TOLD.get(_HERE) or _TOLD.setdefault(_HERE, version_of())


def version_of(tool: str = _HERE) -> str:
    """Changes with every file of this tool, and with the packages beside it: with whatever decides what is kept."""
    packages = [path for path in sys.path if path.endswith(("site-packages", "dist-packages")) and os.path.exists(path)]
    facts = [sys.version, *((path, os.stat(path).st_mtime_ns) for path in packages), *_files_below(tool)]
    return hashlib.sha256(repr(facts).encode("utf-8", "surrogateescape")).hexdigest()[:12]


def _files_below(folder: str) -> list[tuple[str, int, int]]:
    found, folders = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name.endswith((".py", ".json")):
                facts = entry.stat()
                found.append((entry.path, facts.st_size, facts.st_mtime_ns))
            elif "." not in name and name != "__pycache__" and entry.is_dir():
                folders.append(entry.path)
    return sorted(found) + [fact for each in sorted(folders) for fact in _files_below(each)]
