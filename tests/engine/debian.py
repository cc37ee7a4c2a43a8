"""The root file system of a small Debian with python3, as a tar in the user's cache: debootstrap takes a minute for it.

`python3 tests/engine/debian.py` makes it ahead of the tests, which else make it when the first of them asks. It needs
nothing but the standard library, so that it runs before there is a virtual environment.
"""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGES = "python3,python3-venv,ca-certificates"
# To be raised when this file makes the tar otherwise.
_RECIPE = 2


class CannotBeMadeError(Exception):
    """The machine lacks what is needed to make an image; the message says what."""


def key() -> str:
    """What the tar of this machine's Debian contains, as a short name.

    Raises:
        CannotBeMadeError: this is no Debian.
    """
    content = [_RECIPE, _suite(), PACKAGES, platform.machine()]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]


def root_tar() -> Path:
    """The tar, made if it is not there.

    Raises:
        CannotBeMadeError: the machine lacks what it is made with, or its package mirror does not answer.
    """
    tar = cache() / f"base-{key()}.tar"
    with lock("debian"):
        if not tar.exists():
            for abandoned in cache().glob("making-*"):
                shutil.rmtree(abandoned)
            with tempfile.TemporaryDirectory(dir=cache(), prefix="making-") as folder:
                _make(Path(folder)).rename(tar)
    return tar


def cache() -> Path:
    """The folder of the user's cache where images of tests are kept between runs."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mlops-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def lock(name: str) -> Iterator[None]:
    """Let one process at a time make a thing: workers run in parallel, and so may whole runs."""
    with (cache() / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(folder: Path) -> Path:
    tool = shutil.which("debootstrap", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if os.geteuid() != 0 or tool is None:
        raise CannotBeMadeError(
            "the base image is made by debootstrap, as root; install it, or name another in MLOPS_TEST_BASE_IMAGE"
        )
    root, tar, suite = str(folder / "root"), folder / "tar", _suite()
    # In a mount namespace of its own, so that what debootstrap mounts goes with it, however it ends.
    _run("unshare", "--mount", tool, "--variant=minbase", f"--include={PACKAGES}", suite, root, _mirror(suite))
    # A read-only container cannot keep what Python compiles, and compiles it at each start.
    _run("chroot", root, "/usr/bin/python3", "-m", "compileall", "-q", "/usr/lib")
    _run("chroot", root, "/usr/bin/apt-get", "clean")
    _run("tar", "--create", "--numeric-owner", "--sort=name", "--directory", root, "--file", str(tar), ".")
    return tar


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = " | ".join((done.stdout + done.stderr).splitlines()[-5:])
        raise CannotBeMadeError(f"{' '.join(command)} failed: {tail}")


def _suite() -> str:
    facts = platform.freedesktop_os_release() if sys.platform == "linux" else {}
    if facts.get("ID") != "debian":
        raise CannotBeMadeError("the base image is made on Debian; name another in MLOPS_TEST_BASE_IMAGE")
    return facts["VERSION_CODENAME"]


def _mirror(suite: str) -> str:
    """Where apt finds a suite on this machine."""
    line = ("apt-get", "indextargets", "--format", "$(CODENAME) $(COMPONENT) $(REPO_URI)", "Created-By: Packages")
    for target in subprocess.run(line, capture_output=True, text=True, check=True).stdout.splitlines():
        codename, component, uri = target.split(" ", 2)
        if (codename, component) == (suite, "main"):
            return uri
    raise CannotBeMadeError(f"apt has no source for {suite} main; see apt-get update")


if __name__ == "__main__":
    try:
        print(root_tar())  # noqa: T201 - a script
    except CannotBeMadeError as problem:
        sys.exit(f"{problem}")
