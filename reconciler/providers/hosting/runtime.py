"""The scoring server's sources, laid down for Pythons that do not have this package."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path


def laid_runtime(folder: Path) -> Path:
    """Copy the scoring server's sources under their digest, for Pythons that do not have this package."""
    source = Path(str(files("reconciler") / "scoring"))
    modules = {path.name: path.read_bytes() for path in sorted(source.glob("*.py"))}
    target = folder / hashlib.sha256(repr(sorted(modules.items())).encode()).hexdigest()[:16]
    if not target.exists():
        _lay(target, modules)
    return target


def _lay(target: Path, modules: Mapping[str, bytes]) -> None:
    fresh = target.with_name(f".{os.urandom(6).hex()}")
    package = fresh / "reconciler" / "scoring"
    package.mkdir(parents=True, mode=0o700)
    (package.parent / "__init__.py").touch()
    for name, text in modules.items():
        (package / name).write_bytes(text)
    try:
        fresh.rename(target)
    except OSError:
        # Another thread or process was first; what it laid is the same.
        shutil.rmtree(fresh, ignore_errors=True)
        if not target.exists():
            raise
