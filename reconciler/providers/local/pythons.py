"""Which Python interpreters the machine has, and which of them an environment gets."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from reconciler.errors import ProviderError
from reconciler.frozen import dataclass
from reconciler.providers.hosting.packages import OLDEST_PYTHON, uv_binary

Version = tuple[int, ...]
_CLAUSE = re.compile(r"^(===?|[<>!~]=|[<>])(\d+(?:\.\d+)*)(\.\*)?")


@dataclass(frozen=True)
class Python:
    """An interpreter of the machine."""

    path: str
    version: Version

    def __str__(self) -> str:
        return ".".join(map(str, self.version))


@dataclass(frozen=True)
class Choice:
    """The interpreter to build with; `note` is not empty when it is not what the conda file asks for."""

    python: Python
    note: str = ""


def choose(wanted: Sequence[str], machine: Sequence[Python], *, exact: bool = False) -> Choice:
    """Choose what fits, else the nearest minor version.

    Of two equally near the older wins: a pinned release keeps wheels for several older Pythons, and has none for
    a Python that came out after it.

    Raises:
        ProviderError: nothing fits and only what fits will do, or the machine has no Python at all.
    """
    usable = [python for python in machine if python.version >= OLDEST_PYTHON]
    anchor = _anchor(wanted)
    near = sorted(usable, key=lambda python: _distance(python.version, anchor))
    fitting = [python for python in near if all(_fits(python.version, clause) for clause in wanted)]
    if fitting:
        return Choice(fitting[0])
    asked, there = _shown(wanted), ", ".join(sorted({str(python) for python in usable})) or "none"
    if exact or not near:
        raise ProviderError(f"Python {asked} is not on this machine (there: {there}); install it, or ask for another")
    return Choice(near[0], f"Python {asked} is not on this machine; {near[0]} is used, the nearest there is")


def on_machine(cache: Path, env: Mapping[str, str]) -> list[Python]:
    """List the interpreters, remembered until a folder that is searched for them changes."""
    searched = _searched(env)
    fingerprint = _fingerprint(searched)
    remembered = _remembered(cache)
    if remembered.get("fingerprint") != fingerprint:
        found = [asdict(python) for python in _found(searched, env)]
        remembered = {"fingerprint": fingerprint, "pythons": found}
        cache.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = cache.with_suffix(f".{os.getpid()}.{os.urandom(4).hex()}")
        fresh.write_text(json.dumps(remembered), encoding="utf-8")
        fresh.replace(cache)
    return [Python(item["path"], tuple(item["version"])) for item in remembered["pythons"]]


def _anchor(wanted: Sequence[str]) -> Version:
    """The version to be near to: the one that is named, else the one that runs this."""
    named = [match for clause in wanted if (match := _CLAUSE.match(clause)) and match[1] in ("==", "===", "~=")]
    bounds = [match for clause in wanted if (match := _CLAUSE.match(clause)) and match[1] in (">=", "<=")]
    own = sys.version_info[:3]
    if named or (bounds and not all(_fits(own, clause) for clause in wanted)):
        return _numbers((named or bounds)[0][2])
    return own


def _distance(version: Version, anchor: Version) -> tuple[int, bool, int]:
    """By minor version; the older first; within one minor version the newest patch first."""
    minor = anchor[1] if len(anchor) > 1 else sys.version_info[1]
    return abs(version[1] - minor), version[1] > minor, -version[2]


def _fits(version: Version, clause: str) -> bool:
    match = _CLAUSE.match(clause)
    if not match:
        return False
    sign, bound = match[1], _numbers(match[2])
    head = version[: len(bound)]
    if sign in ("==", "==="):
        return head == bound
    if sign == "~=":
        return version >= bound and version[: len(bound) - 1] == bound[:-1]
    return {"!=": head != bound, ">=": head >= bound, "<=": head <= bound, ">": head > bound, "<": head < bound}[sign]


def _numbers(text: str) -> Version:
    return tuple(int(part) for part in text.split("."))


def _shown(wanted: Sequence[str]) -> str:
    return ",".join(wanted).removeprefix("==").removesuffix(".*") or f">={'.'.join(map(str, OLDEST_PYTHON))}"


def _searched(env: Mapping[str, str]) -> list[str]:
    """Where interpreters are looked for: as uv does, and in pyenv's folder, whose shims hide what is not selected."""
    root = Path(env.get("PYENV_ROOT") or Path.home() / ".pyenv")
    own = str(Path(sys.base_prefix) / "bin")
    shims = str(root / "shims")
    path = [folder for folder in env.get("PATH", os.defpath).split(os.pathsep) if folder and folder != shims]
    return [*path, *sorted(map(str, root.glob("versions/*/bin"))), own]


def _fingerprint(folders: Sequence[str]) -> str:
    return hashlib.sha256(repr([(folder, _changed(folder)) for folder in folders]).encode()).hexdigest()


def _changed(folder: str) -> int:
    try:
        return Path(folder).stat().st_mtime_ns
    except OSError:
        return 0


def _remembered(cache: Path) -> dict[str, Any]:
    try:
        remembered = json.loads(cache.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return remembered if isinstance(remembered, dict) else {}


def _found(folders: Sequence[str], env: Mapping[str, str]) -> list[Python]:
    argv = [uv_binary(), "python", "list", "--only-installed", "--no-python-downloads", "--output-format", "json"]
    search = {**env, "PATH": os.pathsep.join(folders)}
    search.pop("VIRTUAL_ENV", None)
    done = subprocess.run(argv, env=search, capture_output=True, text=True, check=False, start_new_session=True)
    if done.returncode:
        raise ProviderError("uv cannot list the Pythons of this machine", log_tail=done.stderr.splitlines()[-5:])
    return [_python(item) for item in json.loads(done.stdout) if _is_plain(item)]


def _python(item: Mapping[str, object]) -> Python:
    return Python(str(item["path"]), _numbers(str(item["version"])))


def _is_plain(item: Mapping[str, object]) -> bool:
    """Whether it is a released CPython with the ordinary lock."""
    released = re.fullmatch(r"\d+\.\d+\.\d+", str(item["version"]))
    return bool(released) and item.get("implementation") == "cpython" and item.get("variant") == "default"
