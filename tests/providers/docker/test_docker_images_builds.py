"""Images are built from a context by the engine itself, as the docker command builds them."""

import os

import pytest

from reconciler.errors import ProviderError
from tests.providers.docker.image_world import ImageWorld

BYOC = {"inference_config": {"scoring_route": {"port": 80, "path": "/"}}}


@pytest.fixture
def world(engine_host, project, tmp_path):
    world = ImageWorld(engine_host, project, tmp_path, os.environ)
    yield world
    world.clear()


def test_a_context_is_built_by_the_dockerfile_that_is_named_without_what_it_ignores(world, base_image):
    build = world.context(
        "one",
        {
            "docker/Dockerfile.serve": f"FROM {base_image}\nCOPY . /app\nRUN echo building it now\nCMD ['serve']\n",
            "code/keep.txt": "kept",
            "secret.pem": "private",
            "data/big.bin": "large",
            "data/small.bin": "small",
            ".dockerignore": "# not these\n*.pem\ndata/*\n!data/small.bin\n",
        },
    )
    environment = {"build": {**build, "dockerfile_path": "docker/Dockerfile.serve"}, **BYOC}
    found = world.ready(environment)
    files = world.printed(found.reference, "find", "/app", "-type", "f").split()
    assert sorted(files) == [
        "/app/.dockerignore",
        "/app/code/keep.txt",
        "/app/data/small.bin",
        "/app/docker/Dockerfile.serve",
    ]
    assert "building it now" in world.lines
    # What is unchanged is never built again.
    world.api.calls.clear()
    assert world.ready(environment) == found
    assert "build" not in world.api.calls


def test_a_context_gets_our_server_too(world, base_image):
    build = world.context(
        "one", {"Dockerfile": f"FROM {base_image}\nRUN echo 'ANSWER = 1' > /mine.py\nENTRYPOINT [\"/x\"]\n"}
    )
    found = world.ready({"build": build}, wants_server=True)
    assert found.python == "/usr/bin/python3"
    code = "import uvicorn, httptools; print(open('/mine.py').read())"
    assert "ANSWER = 1" in world.printed(found.reference, found.python, "-c", code)


def test_another_context_another_dockerfile_and_a_base_that_moved_are_other_images(world, base_image):
    base = world.derived("moving", base_image, {"/one": ""})
    text = f"FROM {base}\nRUN true\n"
    build = world.context("one", {"Dockerfile": text, "Other": text})
    first = world.ready({"build": build, **BYOC})
    other = world.ready({"build": {**build, "dockerfile_path": "Other"}, **BYOC})
    changed = world.ready({"build": world.context("two", {"Dockerfile": text, "more": ""}), **BYOC})
    assert world.derived("moving", base_image, {"/two": ""}) == base
    moved = world.ready({"build": build, **BYOC})
    assert len({first.reference, other.reference, changed.reference, moved.reference}) == 4
    world.printed(moved.reference, "test", "-e", "/two")


def test_a_build_that_fails_says_why_and_leaves_no_image_and_no_container(world, base_image):
    build = world.context(
        "bad", {"Dockerfile": f"FROM {base_image}\nRUN echo nearly there\nRUN echo it broke >&2; exit 3\n"}
    )
    with pytest.raises(
        ProviderError, match=r"the image cannot be built from Dockerfile: .* returned a non-zero code: 3"
    ) as error:
        world.ready({"build": build}, wants_server=True)
    assert "it broke" in error.value.log_tail
    assert "\n" not in str(error.value)
    assert tuple(world.lines[-len(error.value.log_tail) :]) == error.value.log_tail
    assert world.left() == ([], [])
    ran = [line.rpartition(" ")[2] for line in world.lines if "Running in" in line]
    assert ran
    there = [each["Id"][:12] for each in world.api.containers(all=True, quiet=True)]
    assert not {*ran} & {*there}


def test_a_dockerfile_that_is_not_one_is_refused_by_its_line(world):
    build = world.context("bad", {"Dockerfile": "FRM debian\n"})
    with pytest.raises(ProviderError, match=r"the image cannot be built.*FRM"):
        world.ready({"build": build})


@pytest.mark.parametrize("path", ["missing/Dockerfile", "../outside"])
def test_a_dockerfile_that_is_not_in_its_context_is_refused(world, path):
    build = world.context("one", {"Dockerfile": "FROM scratch\n"})
    (world.contexts / "outside").write_text("FROM scratch\n")
    with pytest.raises(ProviderError, match=f"build.dockerfile_path {path} is not in the build context"):
        world.ready({"build": {**build, "dockerfile_path": path}})
    assert "build" not in world.api.calls


def test_a_context_that_lies_elsewhere_is_refused(world):
    with pytest.raises(ProviderError, match="is not in this repository; copy the context into it"):
        world.ready({"build": {"path": "https://example.org/context.git"}})


def test_an_environment_of_nothing_is_refused(world):
    with pytest.raises(ProviderError, match="names neither an image nor a build context"):
        world.ready({}, wants_server=True)


def test_proxies_reach_a_build_and_not_its_image(world, base_image):
    world.env |= {"HTTP_PROXY": "http://proxy.example:3128"}
    asks = 'RUN case "$HTTP_PROXY" in *:3128) ;; *) exit 1 ;; esac'
    build = world.context("one", {"Dockerfile": f"FROM {base_image}\n{asks}\n"})
    found = world.ready({"build": build, **BYOC})
    described = f"{world.api.inspect_image(found.reference)}{world.api.history(found.reference)}"
    assert "proxy.example" not in described
