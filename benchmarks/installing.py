"""Programs to measure beside ours, each in a folder of its own below `.bench/`: nothing of the machine is changed."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CACHE = Path(__file__).resolve().parent.parent / ".bench"


def environment(name: str, requirements: Sequence[str]) -> Path:
    """The folder of programs of a Python environment, which is built first if need be.

    Raises:
        RuntimeError: it cannot be built; the message says why.
    """
    home = CACHE / name.replace(" ", "-").lower()
    done, wanted = home / "requirements.txt", "\n".join([*requirements, ""])
    if not done.is_file() or done.read_text() != wanted:
        uv = str(Path(sys.executable).with_name("uv"))
        run(uv, "--quiet", "venv", "--clear", "--no-project", "--python", sys.executable, str(home))
        into = ("--compile-bytecode", "--python", str(home / "bin/python"))
        run(uv, "--quiet", "pip", "install", *into, *requirements)
        done.write_text(wanted)
    return home / "bin"


def unpacked(package: str) -> Path:
    """The root folder into which a Debian package and what it needs beyond this machine are unpacked, not installed.

    No script of theirs is run, so that none of their services is started.

    Raises:
        RuntimeError: they cannot be had; the message says why.
    """
    home = CACHE / package
    archives, root = home / "archives", home / "root"
    if not root.is_dir():
        (archives / "partial").mkdir(parents=True, exist_ok=True)
        options = (f"Dir::Cache::archives={archives}", "APT::Sandbox::User=root", "Debug::NoLocking=1")
        set_ = [word for option in options for word in ("-o", option)]
        words = ("install", "--quiet", "--yes", "--no-install-recommends", "--download-only", "--reinstall", package)
        run("apt-get", *set_, *words)
        fresh = home / "unpacking"
        fresh.mkdir(exist_ok=True)
        for archive in sorted(archives.glob("*.deb")):
            run("dpkg-deb", "--extract", str(archive), str(fresh))
        fresh.rename(root)
    return root


def version_of(package: str) -> str:
    """The version of a Debian package that is unpacked."""
    return next((CACHE / package / "archives").glob(f"{package}_*.deb")).name.split("_")[1].partition("-")[0]


def run(*command: str) -> str:
    """What a command says.

    Raises:
        RuntimeError: it fails, or is not there.
    """
    plain = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=plain)
    except OSError as error:
        raise RuntimeError(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "failed").splitlines()
        raise RuntimeError(f"{Path(command[0]).name}: {said[-1]}")
    return done.stdout
