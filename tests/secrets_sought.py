"""Where on this machine some secrets are to be found, in whatever form they were written."""

import base64
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import psutil

_LARGEST = 100_000_000


def forms(secret: str) -> set[bytes]:
    """A secret as it is, as JSON and addresses have it, in hexadecimal, and in base64 wherever in a text it stands."""
    raw = secret.encode()
    told = {raw, json.dumps(secret)[1:-1].encode(), quote(secret, safe="").encode(), raw.hex().encode()}
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + raw)
        # Of the first and the last letters some bits are the neighbours'.
        inner = whole[-(-shift * 4 // 3) + (shift > 0) : len(whole) - 4].rstrip(b"=")
        told |= {inner, inner.replace(b"+", b"-").replace(b"/", b"_")}
    return told


def held(secrets: Mapping[str, str], text: bytes) -> list[str]:
    """The names of the secrets that a text has in it, in any form."""
    return [name for name, secret in secrets.items() if any(form in text for form in forms(secret))]


def in_files(secrets: Mapping[str, str], folders: Iterable[Path], *, since: float = 0.0) -> dict[Path, list[str]]:
    """The files below folders that hold secrets, of those that were changed since a moment."""
    found = {path: held(secrets, _read(path)) for folder in folders for path in _files(folder, since)}
    return {path: names for path, names in found.items() if names}


def of_others(paths: Iterable[Path]) -> list[str]:
    """Those of these files that somebody else than their owner may read, or that are not ours."""
    facts = [(path, path.stat()) for path in paths]
    return [str(path) for path, of in facts if stat.S_IMODE(of.st_mode) != 0o600 or of.st_uid != os.geteuid()]


def in_processes(secrets: Mapping[str, str]) -> list[str]:
    """The processes whose command line or environment holds a secret."""
    found = []
    for process in psutil.process_iter():
        for what in ("cmdline", "environ"):
            try:
                text = Path(f"/proc/{process.pid}/{what}").read_bytes()
            except OSError:
                continue
            found += [f"{what} of {process.pid}: {name}" for name in held(secrets, text)]
    return found


def _read(path: Path) -> bytes:
    """A file's content; what is no file but in name, as the network of a container, has none."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _files(folder: Path, since: float) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            try:
                facts = path.lstat()
            except FileNotFoundError:
                continue
            if stat.S_ISREG(facts.st_mode) and facts.st_mtime >= since and facts.st_size < _LARGEST:
                yield path
