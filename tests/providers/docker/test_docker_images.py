"""Images of environments on a real engine: had as they are, or made once for all that want the same."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler.errors import ProviderError
from reconciler.providers.docker.building import Builder
from reconciler.providers.docker.launch import Image
from tests.providers.docker.image_world import ImageWorld, names_in, package_index, saved

# What changes an engine, or is the work of a build.
WORK = {"commit", "build", "pull", "create_container_from_config", "start", "put_archive"}
SERVER = "import uvicorn, httptools, os; print(os.path.exists(uvicorn.__spec__.cached))"
LOGIN = "somebody:open-sesame"
BYOC = {"inference_config": {"scoring_route": {"port": 80, "path": "/"}}}


def conda(*pip):
    return {"name": "any", "dependencies": ["python=3.11", {"pip": list(pip)}]}


@pytest.fixture
def world(engine_host, project, tmp_path):
    world = ImageWorld(engine_host, project, tmp_path, os.environ)
    yield world
    world.clear()


@pytest.fixture
def tiny(world):
    """A world whose index has the package `tiny`, and wants a login."""
    with package_index(LOGIN) as address:
        world.env |= {"UV_INDEX": address, "PIP_INDEX_URL": address}
        yield world


def test_an_image_with_a_server_of_its_own_is_taken_as_it_is(world, base_image):
    found = world.ready({"image": base_image, **BYOC}, wants_server=True)
    assert found == Image(world.api.inspect_image(base_image)["Id"])
    assert WORK.isdisjoint(world.api.calls)
    assert world.lines == []


def test_an_image_without_our_server_gets_it_compiled_and_for_every_user(world, base_image):
    found = world.ready({"image": base_image}, wants_server=True)
    assert (found.python, found.path) == ("/usr/bin/python3", ())
    assert world.printed(found.reference, found.python, "-c", SERVER) == "True\n"
    assert world.left() == ([found.reference], [])
    assert any("the scoring server's packages are added to the image's Python" in line for line in world.lines)


def test_an_image_that_has_the_server_keeps_its_own_packages(world, serving_image, base_image):
    found = world.ready({"image": serving_image}, wants_server=True)
    world.printed(found.reference, found.python, "-c", SERVER)
    assert "put_archive" not in world.api.calls
    # What has been found out is known of the image from now on.
    world.api.calls.clear()
    assert world.ready({"image": serving_image}, wants_server=True) == found
    assert world.api.calls == ["inspect_image", "inspect_image"]


def test_what_an_image_has_is_never_replaced_by_what_the_server_needs(world, base_image):
    packages = "/usr/local/lib/python3.11/dist-packages"
    old = {
        f"{packages}/click/__init__.py": "__version__ = 'its own'\n",
        f"{packages}/click-8.1.3.dist-info/METADATA": "Metadata-Version: 2.1\nName: click\nVersion: 8.1.3\n",
    }
    image = world.derived("click", base_image, old, 'ENTRYPOINT ["/entry"]\nUSER 1234\n')
    found = world.ready({"image": image}, wants_server=True)
    code = "import click, h11, importlib.metadata as m; print(click.__version__, m.version('click'))"
    assert world.printed(found.reference, found.python, "-c", code) == "its own 8.1.3\n"
    config = world.api.inspect_image(found.reference)["Config"]
    assert (config["User"], config["Entrypoint"], config["Cmd"]) == ("1234", [], None)


def test_an_image_whose_packages_exclude_the_server_is_refused(world, base_image):
    old = {
        "/usr/local/lib/python3.11/dist-packages/uvicorn-0.20.0.dist-info/METADATA": (
            "Metadata-Version: 2.1\nName: uvicorn\nVersion: 0.20.0\n"
        )
    }
    image = world.derived("old", base_image, old)
    with pytest.raises(
        ProviderError, match=r"the scoring server cannot be added to an image with Python 3\.11"
    ) as error:
        world.ready({"image": image}, wants_server=True)
    assert "uvicorn" in "\n".join(error.value.log_tail)
    assert world.left() == ([image], [])


@pytest.mark.parametrize(
    ("python", "said"),
    [(None, "it has no Python"), ('echo \'{"version": [3, 6, 9], "executable": "x"}\'', "its Python is 3.6.9")],
)
def test_an_image_without_a_python_that_would_do_is_refused(world, base_image, python, said):
    files = {"/only/python3": f"#!/bin/sh\n{python}\n"} if python else {"/only/other": ""}
    image = world.derived("lacking", base_image, files, "ENV PATH=/only\n")
    with pytest.raises(
        ProviderError, match=f"cannot run a scoring script: {said}, and 3.9 or newer is needed; take another"
    ):
        world.ready({"image": image}, wants_server=True)
    assert world.left() == ([image], [])


def test_a_conda_file_is_installed_by_a_uv_that_is_brought_along(tiny, base_image):
    environment = {"image": base_image, "conda_file": conda("tiny")}
    found = tiny.ready(environment, wants_server=True)
    assert (found.python, found.path) == ("/opt/inf-conda-env/bin/python", ("/opt/inf-conda-env/bin",))
    code = f"{SERVER}; import tiny; print(tiny.ANSWER, os.path.exists(tiny.__cached__))"
    assert tiny.printed(found.reference, "python", "-c", code) == "True\n42 True\n"
    assert "installing the conda file with uv, which is brought along" in tiny.lines
    assert " + tiny==1.0" in tiny.lines
    # The same once more is no work at all, also for another project and process.
    tiny.api.calls.clear()
    assert tiny.ready(environment, wants_server=True) == found
    assert tiny.api.calls == ["inspect_image", "inspect_image"]


def test_an_image_with_a_server_of_its_own_gets_the_packages_and_nothing_of_ours(tiny, base_image):
    image = tiny.derived("own", base_image, dockerfile='ENTRYPOINT ["/entry"]\nCMD ["serve"]\nUSER 1234\nENV A=b\n')
    found = tiny.ready({"image": image, "conda_file": conda("tiny"), **BYOC}, wants_server=True)
    config = tiny.api.inspect_image(found.reference)["Config"]
    assert (config["Entrypoint"], config["Cmd"], config["User"]) == (["/entry"], ["serve"], "1234")
    assert "A=b" in config["Env"]
    assert (found.python, found.path) == ("", ("/opt/inf-conda-env/bin",))
    code = "import tiny, importlib.util as u; print(tiny.ANSWER, u.find_spec('uvicorn'))"
    assert tiny.printed(found.reference, "python", "-c", code) == "42 None\n"


def test_nothing_of_the_machines_settings_is_left_in_an_image(tiny, base_image):
    found = tiny.ready({"image": base_image, "conda_file": conda("tiny"), **BYOC})
    described = json.dumps([tiny.api.inspect_image(found.reference), tiny.api.history(found.reference)])
    files = saved(tiny.api, found.reference)
    content = b"".join(files.values())
    for secret in ("somebody", "open-sesame", "127.0.0.1", "UV_INDEX", "SSL_CERT_FILE", "uv.toml", "BEGIN CERTIFICATE"):
        assert secret not in described
        assert secret.encode() not in content
    names = [name for each in files.values() for name in names_in(each)]
    assert "opt/inf-conda-env/pyvenv.cfg" in names
    assert [name for name in names if name.startswith(("tmp/", "root/"))] == []


def test_a_conda_file_that_cannot_be_installed_leaves_nothing_and_says_why(tiny, base_image):
    with pytest.raises(ProviderError, match=r"the conda file cannot be installed with uv \(status 1\)") as error:
        tiny.ready({"image": base_image, "conda_file": conda("tiny==2.0", "--no-index")}, wants_server=True)
    assert "tiny==2.0" in "\n".join(error.value.log_tail)
    assert tiny.lines[-1] == error.value.log_tail[-1]
    assert tiny.left() == ([], [])


def test_an_image_that_has_moved_under_its_name_is_another(tiny, base_image):
    name = tiny.derived("moving", base_image, {"/one": ""})
    environment = {"image": name, "conda_file": conda("tiny"), **BYOC}
    first = tiny.ready(environment)
    assert tiny.derived("moving", base_image, {"/two": ""}) == name
    second = tiny.ready(environment)
    assert first.reference != second.reference
    tiny.printed(second.reference, "test", "-e", "/two")
    assert tiny.ready({"image": name, **BYOC}).reference == tiny.api.inspect_image(name)["Id"]


def test_threads_that_want_the_same_build_it_once(tiny, base_image):
    environment = {"image": base_image, "conda_file": conda("tiny"), **BYOC}
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: tiny.ready(environment).reference, range(4)))
    assert len(found) == 1
    assert tiny.api.calls.count("commit") == 1


def test_processes_that_want_the_same_build_it_once(tiny, base_image):
    code = f"""
from pathlib import Path
from tests.providers.docker.image_world import ImageWorld
import os
world = ImageWorld({tiny.host!r}, {tiny.project!r}, Path({str(tiny.folder)!r}), os.environ)
world.ready({ {"image": base_image, "conda_file": conda("tiny"), **BYOC}!r})
print(world.api.calls.count("commit"))
world.engine.close()
"""
    start = {"stdout": subprocess.PIPE, "text": True, "env": tiny.env}
    both = [subprocess.Popen([sys.executable, "-c", code], **start) for _ in range(2)]
    printed = [each.communicate()[0].strip() for each in both]
    assert sorted(printed) == ["0", "1"]


def test_what_a_killed_build_left_is_removed_by_the_next(tiny, base_image, monkeypatch):
    failing = {"image": base_image, "conda_file": conda("--no-index", "tiny==2.0"), **BYOC}
    with monkeypatch.context() as killed:
        killed.setattr(Builder, "_remove", lambda *_: None)
        with pytest.raises(ProviderError):
            tiny.ready(failing)
    assert len(tiny.left()[1]) == 2
    with pytest.raises(ProviderError):
        tiny.ready(failing)
    assert tiny.left() == ([], [])
