"""The packages that our scoring server needs beside a deployment's own, and the tool that installs packages."""

import threading
from collections.abc import Iterator, Sequence

# What our scoring server needs in a deployment's environment: this process's version, or the newest for its Python.
SERVER_REQUIREMENTS = ("uvicorn>=0.30", "httptools>=0.6")
# The oldest Python that it runs on.
OLDEST_PYTHON = (3, 9)

_FINDING = threading.Lock()


def uv_binary() -> str:
    """Where uv is; asked by one thread at a time, for `sysconfig` shows its table to others while it fills it."""
    from uv import find_uv_bin  # noqa: PLC0415 - only a build needs it

    with _FINDING:
        return find_uv_bin()


def besides(lines: Sequence[str], requirements: Sequence[str]) -> Iterator[str]:
    """Requirements in the versions that this process has, unless the lines of a conda file choose one themselves.

    A Python too old for that version gets the newest that there is for it.
    """
    from importlib.metadata import metadata  # noqa: PLC0415 - only a build needs it

    from reconciler.providers.hosting.conda import names_of  # noqa: PLC0415

    for requirement in requirements:
        (name,) = names_of([requirement])
        if name not in names_of(lines):
            own = metadata(name)
            oldest = own["Requires-Python"].removeprefix(">=").split(",")[0]
            yield f'{name}=={own["Version"]} ; python_version >= "{oldest}"'
            yield f'{requirement} ; python_version < "{oldest}"'


def index_strategy(lines: Sequence[str]) -> tuple[str, ...]:
    """How to read several indexes: a conda file that names some was written for pip, which takes the best of all."""
    named = any(line.strip().startswith(("--index-url", "--extra-index-url", "-i ")) for line in lines)
    return ("--index-strategy", "unsafe-best-match") if named else ()
