"""Content on an engine: whole or not used, readable and not writable by everybody, one volume for everyone."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from docker.errors import APIError
from requests import Response

from reconciler.errors import ProviderError
from reconciler.providers.docker.archives import only_file_of, tar_of
from reconciler.providers.docker.contents import KIND, Content, Contents
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.names import Names
from reconciler.providers.docker.volumes import Volumes

DIGEST = "sha256:" + "1" * 64

# Fills a volume until the archive has begun, and dies as by `kill -9`.
CUT_OFF = """
import os, signal, sys
from pathlib import Path
from reconciler.providers.docker import contents
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.names import Names

def cut_off(sources):
    pieces = list(tar_of(sources))
    yield from pieces[:2]
    os.kill(os.getpid(), signal.SIGKILL)

tar_of, contents.tar_of = contents.tar_of, cut_off
contents.Contents(Engine(sys.argv[1]), Names(sys.argv[2])).volume(sys.argv[3], lambda: Path(sys.argv[4]))
"""
# Prints the volume of a content, once its standard input ends.
FILL = """
import sys
from pathlib import Path
from reconciler.providers.docker.contents import Contents
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.names import Names
contents = Contents(Engine(sys.argv[1]), Names(sys.argv[2]))
print("ready", flush=True)
sys.stdin.read()
print(contents.volume(sys.argv[3], lambda: Path(sys.argv[4])))
"""


@pytest.fixture
def engine(engine_host: str) -> Iterator[Engine]:
    opened = Engine(engine_host)
    yield opened
    opened.close()


@pytest.fixture
def contents(engine: Engine, project: str) -> Contents:
    return Contents(engine, Names(project))


@pytest.fixture
def volumes(engine: Engine, project: str) -> Volumes:
    return Volumes(engine, Names(project), KIND)


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    (folder / "src" / "deep").mkdir(parents=True)
    (folder / "src" / "score.py").write_text("answer = 42\n")
    (folder / "src" / "deep" / ("ä" * 120)).write_bytes(os.urandom(3_000_000))
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o700)
    (folder / "empty").mkdir()
    return folder


def shown(engine: Engine, image: str, volume: str, script: str) -> str:
    """What a shell script prints in a container that has a volume at /content, as a user that nobody knows."""
    from docker.types import Mount  # noqa: PLC0415 - 300 ms

    api = engine.api
    mounts = [Mount("/content", volume, read_only=True)]
    settings = api.create_host_config(mounts=mounts, network_mode="none", cap_drop=["ALL"])
    container = api.create_container(image, ["sh", "-c", script], user="4321:4321", host_config=settings)["Id"]
    try:
        api.start(container)
        api.wait(container)
        return api.logs(container).decode()
    finally:
        api.remove_container(container, force=True)


def nothing() -> Path:
    raise AssertionError("the content was looked for although it is known")


def test_instances_find_the_content_and_cannot_change_it(
    engine: Engine, contents: Contents, code: Path, base_image: str
) -> None:
    volume = contents.volume(DIGEST, lambda: code)
    script = (
        "cd /content && find * -printf '%p %y %m %U:%G\\n' | LC_ALL=C sort && cat src/score.py && cat src/deep/*|wc -c"
    )
    assert shown(engine, base_image, volume, script) == (
        "empty d 555 0:0\n"
        "run.sh f 555 0:0\n"
        "src d 555 0:0\n"
        "src/deep d 555 0:0\n"
        f"src/deep/{'ä' * 120} f 444 0:0\n"
        "src/score.py f 444 0:0\n"
        "answer = 42\n"
        "3000000\n"
    )


@pytest.mark.parametrize("is_folder", [True, False])
def test_a_model_lies_under_its_own_name(
    engine: Engine, contents: Contents, tmp_path: Path, base_image: str, *, is_folder: bool
) -> None:
    stored = tmp_path / "sha256-1"
    file = stored / "weights" if is_folder else stored
    file.parent.mkdir(exist_ok=True)
    file.write_text("w")
    volume = contents.volume(DIGEST, lambda: stored, "risk.pkl")
    expected = ". ./risk.pkl ./risk.pkl/weights" if is_folder else ". ./risk.pkl"
    assert shown(engine, base_image, volume, "cd /content && echo $(find . | LC_ALL=C sort)") == f"{expected}\n"


def test_contents_of_a_deployment_are_filled_together_and_each_has_its_own_volume(
    contents: Contents, volumes: Volumes, code: Path, tmp_path: Path
) -> None:
    model = tmp_path / "sha256-2"
    model.write_text("w")
    wanted = [Content(DIGEST, lambda: code), Content("sha256:2", lambda: model, "risk.pkl")]
    first, second = contents.lay(wanted)
    assert (volumes.read(first, "src/score.py"), volumes.read(second, "risk.pkl")) == (b"answer = 42\n", b"w")
    assert (volumes.read(first, "risk.pkl"), volumes.read(second, "src/score.py")) == (None, None)
    third = Content("sha256:3", lambda: model, "other.pkl")
    again = contents.lay([third, *(Content(each.digest, nothing, each.name) for each in wanted)])
    assert again[1:] == [first, second]
    assert volumes.read(again[0], "other.pkl") == b"w"


def test_known_content_costs_one_look_and_no_copy(
    engine: Engine, contents: Contents, project: str, code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = contents.volume(DIGEST, lambda: code)
    asked: list[str] = []
    send = engine.api.send
    monkeypatch.setattr(engine.api, "send", lambda request, **more: asked.append(request.url) or send(request, **more))
    known = Content(DIGEST, nothing)
    assert Contents(engine, Names(project)).lay([known, known]) == [volume, volume]
    assert len(asked) == 1


def test_a_filling_that_was_cut_off_is_never_used_and_swept(
    contents: Contents, volumes: Volumes, engine_host: str, engine: Engine, project: str, code: Path
) -> None:
    words = [sys.executable, "-c", CUT_OFF, engine_host, project, DIGEST, str(code)]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
    (half,) = volumes.labels()
    whole = contents.volume(DIGEST, lambda: code)
    assert whole != half
    assert volumes.read(whole, "src/score.py") == b"answer = 42\n"
    contents.sweep()
    assert half not in volumes.labels()
    assert engine.api.containers(all=True, filters={"label": f"mlops.project={project}"}) == []


def test_a_filling_that_fails_leaves_nothing_and_says_why(
    contents: Contents, volumes: Volumes, engine: Engine, project: str, code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(sources: Mapping[str, Path]) -> Iterator[bytes]:
        yield next(tar_of(sources))
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("reconciler.providers.docker.contents.tar_of", failing)
    with pytest.raises(ProviderError, match=r"cannot be filled: .*Input/output error"):
        contents.volume(DIGEST, lambda: code)
    assert volumes.labels() == {}
    assert engine.api.containers(all=True, filters={"label": f"mlops.project={project}"}) == []


def test_threads_that_want_the_same_content_fill_it_once(contents: Contents, volumes: Volumes, code: Path) -> None:
    asked: list[Path] = []
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: contents.volume(DIGEST, lambda: asked.append(code) or code), range(4)))
    assert (len(found), len(asked)) == (1, 1)
    assert len(volumes.labels()) == 2


def test_processes_that_want_the_same_content_agree_on_one_volume(
    volumes: Volumes, engine_host: str, project: str, code: Path
) -> None:
    words = [sys.executable, "-c", FILL, engine_host, project, DIGEST, str(code)]
    started = [subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    told = [process.communicate()[0] for process in started]
    assert len(set(told)) == 1
    assert volumes.read(told[0].strip(), "src/score.py") == b"answer = 42\n"
    assert len(volumes.labels()) == 2


def test_the_volume_of_a_faster_process_is_taken(
    contents: Contents, volumes: Volumes, engine: Engine, project: str, code: Path
) -> None:
    def overtaken() -> Path:
        Contents(engine, Names(project)).volume(DIGEST, lambda: code)
        return code

    found = contents.volume(DIGEST, overtaken)
    assert volumes.read(found, "src/score.py") == b"answer = 42\n"
    assert found in volumes.labels()
    assert len(volumes.labels()) == 2


def test_content_that_somebody_removed_is_filled_again(
    contents: Contents, volumes: Volumes, engine: Engine, code: Path
) -> None:
    former = contents.volume(DIGEST, lambda: code)
    engine.api.remove_volume(former)
    again = contents.volume(DIGEST, lambda: code)
    assert volumes.read(again, "src/score.py") == b"answer = 42\n"


def test_sweeping_spares_what_containers_have_and_what_was_just_given_out(
    contents: Contents, volumes: Volumes, engine: Engine, project: str, code: Path, base_image: str
) -> None:
    from docker.types import Mount  # noqa: PLC0415 - 300 ms

    used = Contents(engine, Names(project)).volume(DIGEST, lambda: code)
    idle = Contents(engine, Names(project)).volume(DIGEST, lambda: code, "idle")
    given = contents.volume(DIGEST, lambda: code, "given")
    settings = engine.api.create_host_config(mounts=[Mount("/content", used)])
    labels = Names(project).labels("instance")
    engine.api.create_container(base_image, ["true"], host_config=settings, labels=labels)
    contents.sweep()
    left = volumes.labels().keys()
    assert (used in left, given in left, idle in left) == (True, True, False)
    assert len(left) == 4


def test_sweeping_while_another_thread_fills_spares_the_filling(
    contents: Contents, volumes: Volumes, code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, swept = threading.Event(), threading.Event()

    def slow(sources: Mapping[str, Path]) -> Iterator[bytes]:
        first, *rest = tar_of(sources)
        yield first
        begun.set()
        assert swept.wait(60)
        yield from rest

    monkeypatch.setattr("reconciler.providers.docker.contents.tar_of", slow)
    with ThreadPoolExecutor(1) as pool:
        filling = pool.submit(contents.volume, DIGEST, lambda: code)
        assert begun.wait(60)
        contents.sweep()
        swept.set()
        assert volumes.read(filling.result(), "src/score.py") == b"answer = 42\n"


def test_with_the_last_content_nothing_of_ours_is_left(
    contents: Contents, engine: Engine, project: str, code: Path
) -> None:
    contents.volume(DIGEST, lambda: code)
    Contents(engine, Names(project)).sweep()
    filters = {"label": f"mlops.project={project}"}
    assert engine.api.volumes(filters=filters)["Volumes"] == []
    assert engine.api.images(filters=filters) == []


def test_the_empty_image_may_be_gone_or_in_use_and_any_other_refusal_is_told(
    volumes: Volumes, contents: Contents, engine: Engine, project: str, code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volumes.remove_image()
    contents.lay([Content("sha256:1", lambda: code)])
    image = f"{Names(project).of('image', 'empty')}:1"
    user = engine.api.create_container(image, ["none"], labels=Names(project).labels("test"))["Id"]
    volumes.remove_image()
    assert engine.api.images(image)
    engine.api.remove_container(user)
    answer = Response()
    answer.status_code = 500

    def refuse(_image: str) -> None:
        raise APIError("layer is broken", answer)

    with monkeypatch.context() as patched:
        patched.setattr(engine.api, "remove_image", refuse)
        with pytest.raises(ProviderError, match=r"image .*-empty:1 cannot be removed: 500 Server Error"):
            volumes.remove_image()
    volumes.remove_image()
    assert not engine.api.images(image)


def test_a_large_file_passes_in_pieces(tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(1 << 30)
    assert max(len(piece) for piece in tar_of({"model.bin": large})) <= 1 << 20


def test_a_file_that_becomes_shorter_is_told(tmp_path: Path) -> None:
    file = tmp_path / "model"
    file.write_bytes(bytes(3 << 20))
    pieces = tar_of({"model": file})
    next(pieces)
    os.truncate(file, 10)
    with pytest.raises(ProviderError, match="became shorter"):
        list(pieces)


def test_an_archive_has_a_names_own_letters(tmp_path: Path) -> None:
    (tmp_path / "ü").write_text("here")
    assert only_file_of(tar_of({"ü" * 200: tmp_path / "ü"})) == b"here"
