"""What an image is called by and how its packages are installed, without an engine."""

import shlex

import pytest

from reconciler.errors import ProviderError
from reconciler.providers.docker.dockerfiles import bases
from reconciler.providers.docker.package_settings import package_settings, proxies
from reconciler.providers.docker.pulling import Progress
from reconciler.providers.docker.recipes import SCRIPT, Activated, activated, digest_of, environment_with, recipe
from reconciler.providers.docker.server_packages import Interpreter, ServerPackages
from reconciler.providers.docker.uv_binaries import uv_for

CONDA = {"name": "other", "channels": ["conda-forge"], "dependencies": ["python=3.11", "six=1.16", {"pip": ["tiny"]}]}


def commands(installer, conda=CONDA):
    """The commands of a script, without what all have."""
    lines = recipe(conda, installer).files[SCRIPT].splitlines()
    assert lines[:3] == ["set -eu", "umask 022", ". /tmp/mlops/settings.sh"]
    return [line for line in lines[3:] if not line.startswith(("export", "env -i", "printf"))]


@pytest.mark.parametrize(
    ("installer", "command"),
    [
        ("conda", "conda env create --file /tmp/mlops/conda.yml -n inf-conda-env"),
        ("mamba", "mamba env create --file /tmp/mlops/conda.yml -n inf-conda-env"),
        ("micromamba", "micromamba create --file /tmp/mlops/conda.yml -n inf-conda-env"),
    ],
)
def test_a_tool_of_condas_kind_gets_the_file_as_it_is(installer, command):
    assert commands(installer) == [command]
    assert "six=1.16" in recipe(CONDA, installer).files["/tmp/mlops/conda.yml"]


@pytest.mark.parametrize(("installer", "program"), [("uv", "uv"), ("", "/tmp/mlops/uv")])
def test_uv_gets_the_requirements_that_the_file_comes_to(installer, program):
    venv, install = map(shlex.split, commands(installer))
    assert venv == [program, "venv", "--no-project", "--python", "==3.11.*", "/opt/inf-conda-env"]
    assert install[:3] == [program, "pip", "install"]
    made = recipe(CONDA, installer)
    assert made.files["/tmp/mlops/requirements.txt"] == "six==1.16.*\ntiny\n"
    assert made.notes == ("conda package is taken from PyPI: six=1.16",)


def test_what_pip_cannot_say_is_refused_only_where_pip_is_to_install_it():
    odd = {"dependencies": ["numpy[version='>=1']"]}
    assert "numpy[version" in recipe(odd, "conda").files["/tmp/mlops/conda.yml"]
    with pytest.raises(ProviderError, match="cannot be installed with pip"):
        recipe(odd, "uv")


def test_the_digest_depends_on_each_part_and_not_on_the_order_of_keys():
    assert digest_of("conda", {"a": 1, "b": 2}) == digest_of("conda", {"b": 2, "a": 1})
    assert len({digest_of("conda", "x"), digest_of("server", "x"), digest_of("conda", "y")}) == 3


def test_what_activation_sets_becomes_part_of_the_image_and_its_programs_come_first():
    printed = (
        b"CONDA_PREFIX=/opt/c/envs/e\0PROJ_DATA=/opt/c/envs/e/share/proj\0PATH=/nowhere\0HOME=/root\0_=/usr/bin/env\0"
    )
    found = activated(printed)
    assert found == Activated(
        "/opt/c/envs/e", {"CONDA_PREFIX": "/opt/c/envs/e", "PROJ_DATA": "/opt/c/envs/e/share/proj"}
    )
    assert environment_with(["PATH=/usr/bin", "LANG=C"], found) == [
        "PATH=/opt/c/envs/e/bin:/usr/bin",
        "LANG=C",
        "CONDA_PREFIX=/opt/c/envs/e",
        "PROJ_DATA=/opt/c/envs/e/share/proj",
    ]


def test_an_activation_that_names_no_folder_is_none():
    assert activated(b"") is None
    assert activated(b"CONDA_PREFIX=\0") is None


@pytest.mark.parametrize(
    ("dockerfile", "images"),
    [
        ("FROM debian:12\nRUN true\n", ["debian:12"]),
        (
            "# FROM no\nfrom --platform=linux/amd64 a:1 as build\nFROM build\nFROM b:2\nCOPY --from=build /x /x\n",
            ["a:1", "b:2"],
        ),
        ("ARG TAG=3.11\nFROM python:${TAG}-slim\nARG TAG=9\nFROM x:$TAG\n", ["python:3.11-slim", "x:3.11"]),
        ("FROM a:${TAG:-7}\nFROM b:${NONE}\nFROM scratch\n", ["a:7"]),
        ("FROM a:1\nCOPY --chown=1:1 \\\n  --from=tools:2 /x /x\nCOPY --from=0 /y /y\n", ["a:1", "tools:2"]),
    ],
)
def test_the_images_that_a_dockerfile_builds_on_are_read_from_it(dockerfile, images):
    assert list(bases(dockerfile)) == images


def test_settings_of_the_machine_are_handed_on_and_its_places_are_not(tmp_path):
    home, system = tmp_path / "home", tmp_path / "etc"
    for path, text in {
        home / ".config/pip/pip.conf": "[global]\nindex-url = https://user@mine/simple\n",
        home / ".netrc": "machine mine login me password secret\n",
        system / "pip.conf": "[global]\nindex-url = https://theirs/simple\ntimeout = 9\n",
        system / "uv/uv.toml": 'index-url = "https://uv/simple"\n',
        tmp_path / "ca.pem": "certificate\n",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    env = {
        "UV_INDEX_MINE_PASSWORD": "p",
        "https_proxy": "http://proxy:1",
        "PIP_TARGET": "/here",
        "UV_CACHE_DIR": "/here",
        "VIRTUAL_ENV": "/here",
        "REQUESTS_CA_BUNDLE": str(tmp_path / "ca.pem"),
    }
    settings = package_settings(env, home, system)
    assert settings.variables == {"UV_INDEX_MINE_PASSWORD": "p", "https_proxy": "http://proxy:1"}
    assert sorted(settings.files) == [".config/pip/pip.conf", ".config/uv/uv.toml", ".netrc", "ca.pem"]
    assert settings.files["ca.pem"] == b"certificate\n"
    pip = settings.files[".config/pip/pip.conf"].decode()
    assert "https://user@mine/simple" in pip
    assert "timeout = 9" in pip
    assert "theirs" not in pip
    assert settings.below("/h")["SSL_CERT_FILE"] == settings.below("/h")["PIP_CERT"] == "/h/ca.pem"
    assert proxies(env) == {"https_proxy": "http://proxy:1"}
    assert "secret" not in repr(settings)


def test_a_configuration_of_pip_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "pip.conf").write_text("index-url = without a section\n")
    with pytest.raises(ProviderError, match=r"pip\.conf: pip's configuration cannot be read"):
        package_settings({}, tmp_path, tmp_path)


def test_the_progress_of_a_pull_is_told_in_layers_and_megabytes():
    progress = Progress()
    for event in (
        {"status": "Pulling from library/debian", "id": "12"},
        {"status": "Pulling fs layer", "id": "a"},
        {"status": "Pulling fs layer", "id": "b"},
        {"status": "Already exists", "id": "c"},
        {"status": "Downloading", "id": "a", "progressDetail": {"current": 10_000_000, "total": 40_000_000}},
        {"status": "Downloading", "id": "b", "progressDetail": {"current": 1_000_000, "total": 2_000_000}},
        {"status": "Download complete", "id": "b"},
        {"status": "Pull complete", "id": "b", "progressDetail": {}},
    ):
        progress.take(event)
    assert str(progress) == "2 of 3 layers, 12 of 42 MB"


@pytest.mark.parametrize(
    ("libc", "platform"),
    [("2.36", "x86_64-manylinux_2_28"), ("2.27", "x86_64-manylinux_2_17"), ("", "x86_64-unknown-linux-musl")],
)
def test_wheels_are_chosen_by_the_c_library_of_the_image(libc, platform):
    assert Interpreter("/usr/bin/python3", (3, 12, 1), "x86_64", libc).platform == platform


@pytest.mark.parametrize(
    "packages", [{"uvicorn": "0.30.0", "HttpTools": "0.6.4"}, {"uvicorn": "1.0", "httptools": "0.10"}]
)
def test_an_image_that_has_what_the_server_needs_is_given_nothing_and_no_index_is_asked(packages):
    # Uv would find no index here.
    server = ServerPackages({"UV_OFFLINE": "1"}, ("uvicorn>=0.30", "httptools>=0.6"))
    assert server.layer(Interpreter("/usr/bin/python3", (3, 12, 1), "x86_64", "2.36", packages)) == b""


def test_an_image_without_what_the_server_needs_is_told_how_to_have_it_where_no_index_answers(tmp_path):
    server = ServerPackages({"UV_OFFLINE": "1", "UV_CACHE_DIR": str(tmp_path)}, ("uvicorn>=0.30", "httptools>=0.6"))
    with pytest.raises(ProviderError, match=r"give the image uvicorn>=0\.30 and httptools>=0\.6 yourself") as error:
        server.layer(Interpreter("/usr/bin/python3", (3, 12, 1), "x86_64", "2.36", {"uvicorn": "0.29"}))
    assert error.value.log_tail


def test_an_image_for_which_there_is_no_uv_is_told_what_to_have_instead(tmp_path):
    offline = {"UV_OFFLINE": "1", "UV_CACHE_DIR": str(tmp_path)}
    with pytest.raises(ProviderError, match="there is no uv for an image of arm64; give it conda, micromamba or uv"):
        uv_for("arm64", offline, musl=True)
