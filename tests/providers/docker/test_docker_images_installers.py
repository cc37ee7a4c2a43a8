"""A conda file is installed by what the base image has for it.

No image with a real conda or micromamba can be had without a registry. Those here are stand-ins: scripts that write
down how they were called, make the environment as a virtual one, and run programs in it as activated.
"""

import os

import pytest

from reconciler.errors import ProviderError
from tests.providers.docker.image_world import ImageWorld, package_index

CONDA = {"name": "other", "channels": ["conda-forge"], "dependencies": ["python=3.11", {"pip": ["tiny"]}]}
BYOC = {"inference_config": {"scoring_route": {"port": 80, "path": "/"}}}
PREFIX = "/opt/stand-in/envs/inf-conda-env"
STAND_IN = f"""#!/bin/sh
set -e
case "$1" in
run)
  while [ "$1" != env ]; do shift; done
  exec env CONDA_PREFIX={PREFIX} PROJ_DATA={PREFIX}/share "$@"
  ;;
*)
  python3 -m venv --without-pip {PREFIX}
  echo "$(basename "$0") $*" > {PREFIX}/called
  cat /tmp/mlops/conda.yml > {PREFIX}/given
  env > {PREFIX}/environment
  ;;
esac
"""


@pytest.fixture
def world(engine_host, project, tmp_path):
    world = ImageWorld(engine_host, project, tmp_path, os.environ)
    yield world
    world.clear()


def has(*programs):
    return {f"/usr/local/bin/{name}": STAND_IN for name in programs}


@pytest.mark.parametrize(
    ("programs", "called"),
    [
        (("conda", "mamba", "uv"), "conda env create --file /tmp/mlops/conda.yml -n inf-conda-env\n"),
        (("micromamba", "uv"), "micromamba create --file /tmp/mlops/conda.yml -n inf-conda-env\n"),
    ],
)
def test_an_image_with_conda_or_micromamba_has_it_create_azures_environment(world, base_image, programs, called):
    world.env |= {"CONDA_CHANNEL_ALIAS": "https://mine.example"}
    image = world.derived("tools", base_image, has(*programs))
    found = world.ready({"image": image, "conda_file": CONDA, **BYOC})
    assert found.path == (f"{PREFIX}/bin",)
    script = f"cat {PREFIX}/called {PREFIX}/given; which python; echo $PROJ_DATA; cat {PREFIX}/environment"
    printed = world.printed(found.reference, "sh", "-c", script)
    assert printed.startswith(called)
    assert "name: other\nchannels:\n- conda-forge\ndependencies:\n- python=3.11\n- pip:\n  - tiny\n" in printed
    assert f"\n{PREFIX}/bin/python\n{PREFIX}/share\n" in printed
    # The tool had the settings of this machine, and the image has not.
    assert "CONDA_CHANNEL_ALIAS=https://mine.example" in printed
    assert "CONDA_CHANNEL_ALIAS" not in str(world.api.inspect_image(found.reference))


def test_our_server_joins_what_conda_installed(world, base_image):
    image = world.derived("tools", base_image, has("conda"))
    found = world.ready({"image": image, "conda_file": CONDA}, wants_server=True)
    assert (found.python, found.path) == (f"{PREFIX}/bin/python", (f"{PREFIX}/bin",))
    code = "import uvicorn, httptools; print(uvicorn.__file__)"
    assert world.printed(found.reference, found.python, "-c", code).startswith(f"{PREFIX}/lib/")


def test_the_uv_of_an_image_is_taken_before_ours(world, base_image):
    image = world.derived(
        "tools", base_image, {"/usr/local/bin/uv": "#!/bin/sh\necho the image has its own: $*\nexit 7\n"}
    )
    with pytest.raises(ProviderError, match=r"cannot be installed with uv \(status 7\)"):
        world.ready({"image": image, "conda_file": CONDA})
    assert world.lines[-1] == "the image has its own: venv --no-project --python ==3.11.* /opt/inf-conda-env"


def test_the_uv_that_fits_every_image_runs_where_ours_would_not(world, base_image, monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "another")
    with package_index("a:b") as address:
        world.env |= {"UV_INDEX": address}
        found = world.ready({"image": base_image, "conda_file": CONDA, **BYOC})
    assert world.printed(found.reference, "python", "-c", "import tiny; print(tiny.ANSWER)") == "42\n"


def test_a_tool_that_fails_fails_the_build_with_what_it_printed(world, base_image):
    image = world.derived(
        "tools", base_image, {"/usr/local/bin/conda": "#!/bin/sh\necho LibMambaUnsatisfiableError\nexit 1\n"}
    )
    with pytest.raises(ProviderError, match=r"cannot be installed with conda \(status 1\)") as error:
        world.ready({"image": image, "conda_file": CONDA})
    assert error.value.log_tail == ("LibMambaUnsatisfiableError",)
    assert world.left() == ([image], [])


def test_an_image_without_a_shell_is_refused(world):
    image = world.derived("bare", "scratch", {"/thing": ""})
    with pytest.raises(ProviderError, match="the image has no /bin/sh, which installing a conda file needs"):
        world.ready({"image": image, "conda_file": CONDA})
    assert world.left() == ([image], [])
