"""The uv that is brought to images which have nothing to install packages with."""

import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from reconciler.core.secret import without_secrets
from reconciler.errors import ProviderError
from reconciler.providers.hosting.packages import uv_binary

_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


def uv_for(architecture: str, env: Mapping[str, str], *, musl: bool) -> bytes:
    """A uv that runs in an image: this machine's own where it fits, else the one of its release that fits everywhere.

    Args:
        architecture: the image's, in the engine's words.
        env: the process environment: index and proxy settings are the machine's own.
        musl: whether the image has musl for its C library.

    Raises:
        ProviderError: there is none for the image, or it cannot be fetched.
    """
    machine = _MACHINES.get(architecture, architecture)
    if sys.platform == "linux" and platform.machine() == machine and not musl:
        return Path(uv_binary()).read_bytes()
    with tempfile.TemporaryDirectory(prefix="mlops-") as folder:
        target = ("--target", folder, "--no-deps", "--no-python-downloads", "--only-binary", ":all:")
        wheel = ("--python-version", "3.12", "--python-platform", f"{machine}-unknown-linux-musl")
        command = [uv_binary(), "pip", "install", *target, *wheel, f"uv=={version('uv')}"]
        done = subprocess.run(
            command,
            cwd=folder,
            env=without_secrets(env),
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
        )
        if done.returncode:
            raise ProviderError(
                f"there is no uv for an image of {architecture}; give it conda, micromamba or uv",
                log_tail=done.stderr.splitlines()[-10:],
            )
        return (Path(folder) / "bin" / "uv").read_bytes()
