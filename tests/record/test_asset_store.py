"""Content is laid down once under its digest, verified, whole or absent."""

import hashlib
import os
import socket
import stat
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from reconciler.core.contents import digest_of_files
from reconciler.core.manifest import Content
from reconciler.errors import ProviderError
from reconciler.load.disk.digest import content_digest, content_files
from reconciler.record.assets import AssetStore
from reconciler.record.files import open_regular
from reconciler.record.laying import workplace


def files_of(folder: Path) -> Iterable[tuple[str, Path]]:
    """Every file but those that end in .tmp."""
    found = sorted(file for file in folder.rglob("*") if file.is_file() and file.suffix != ".tmp")
    return [(str(file.relative_to(folder)), file) for file in found]


def digest_of(path: Path) -> str:
    named = files_of(path) if path.is_dir() else [("", path)]
    return digest_of_files((name, hashlib.sha256(file.read_bytes()).hexdigest()) for name, file in named)


def content(path: Path) -> Content:
    return Content(digest_of(path), path.name, path, path.is_dir())


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "src" / "code"
    (folder / "lib").mkdir(parents=True)
    (folder / "score.py").write_text("def run(raw): ...\n")
    (folder / "lib" / "tool.sh").write_text("#!/bin/sh\n")
    (folder / "lib" / "tool.sh").chmod(0o755)
    (folder / "notes.tmp").write_text("ignored")
    return folder


def assets(tmp_path: Path, *contents: Content) -> AssetStore:
    sources = {item.digest: item for item in contents}
    return AssetStore(tmp_path / "assets", sources, digest_of=digest_of, files_of=files_of)


def test_a_folder_is_copied_without_what_is_ignored(tmp_path: Path, code: Path) -> None:
    stored = assets(tmp_path, content(code)).path(digest_of(code))
    assert [name for name, _ in files_of(stored)] == ["lib/tool.sh", "score.py"]
    assert not (stored / "notes.tmp").exists()


def test_a_file_is_stored_as_a_file(tmp_path: Path, code: Path) -> None:
    script = content(code / "score.py")
    assert assets(tmp_path, script).path(script.digest).read_text() == "def run(raw): ...\n"


def test_files_are_read_only_and_keep_their_executable_bit(tmp_path: Path, code: Path) -> None:
    stored = assets(tmp_path, content(code)).path(digest_of(code))
    assert [oct((stored / name).stat().st_mode & 0o777) for name in ("score.py", "lib/tool.sh")] == ["0o444", "0o555"]


def test_what_is_stored_is_there_when_the_source_is_gone(tmp_path: Path, code: Path) -> None:
    digest = digest_of(code)
    assets(tmp_path, content(code)).path(digest)
    (code / "score.py").unlink()
    assert (assets(tmp_path).path(digest) / "score.py").exists()


def test_content_that_nobody_knows_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match="the content sha256:abc is not stored here; apply from the files"):
        assets(tmp_path).path("sha256:abc")


def test_a_source_that_changed_since_planning_is_refused_and_nothing_is_left(tmp_path: Path, code: Path) -> None:
    planned = content(code)
    (code / "score.py").write_text("def run(raw): return 1\n")
    with pytest.raises(ProviderError, match="code: changed since the plan was made; plan again"):
        assets(tmp_path, planned).path(planned.digest)
    assert [file.name for file in (tmp_path / "assets").iterdir()] == [".gitignore"]


def test_a_source_that_is_gone_is_told(tmp_path: Path, code: Path) -> None:
    script = content(code / "score.py")
    (code / "score.py").unlink()
    with pytest.raises(ProviderError, match=r"score\.py: cannot be copied to .* plan again"):
        assets(tmp_path, script).path(script.digest)


def test_threads_that_lay_down_the_same_content_all_get_it_whole(tmp_path: Path, code: Path) -> None:
    store, digest, got = assets(tmp_path, content(code)), digest_of(code), []
    together = threading.Barrier(8)

    def ask() -> None:
        together.wait()
        got.append(digest_of(store.path(digest)))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [digest] * 8
    assert sorted(file.name for file in (tmp_path / "assets").iterdir()) == [".gitignore", digest.replace(":", "-")]


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """What lies outside of all that a manifest may name."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "score.py").write_text("hunter2")
    return folder


@pytest.mark.parametrize("place", ["", "score.py", "lib", "lib/tool.sh"], ids=["all", "file", "folder", "in a folder"])
def test_b39_a_link_that_was_put_there_since_planning_lays_nothing_of_outside_down(
    tmp_path: Path, code: Path, secret: Path, place: str
) -> None:
    planned = content(code)
    swapped = code / place
    target = secret / "score.py" if swapped.is_file() else secret
    swapped.rename(tmp_path / "away")
    swapped.symlink_to(target)
    with pytest.raises(ProviderError, match="code: changed since the plan was made; plan again"):
        assets(tmp_path, planned).path(planned.digest)
    assert [file.name for file in (tmp_path / "assets").iterdir()] == [".gitignore"]


def test_b39_a_link_that_is_put_there_while_it_is_copied_lays_nothing_of_outside_down(
    tmp_path: Path, code: Path, secret: Path
) -> None:
    """Between the listing of the files and the copying of one, when whatever was checked before has been."""
    planned = content(code)

    def swapping(folder: Path) -> Iterable[tuple[str, Path]]:
        for name, file in files_of(folder):
            if name == "score.py":
                file.unlink()
                file.symlink_to(secret / "score.py")
            yield name, file

    store = AssetStore(tmp_path / "assets", {planned.digest: planned}, digest_of=digest_of, files_of=swapping)
    with pytest.raises(ProviderError, match="code: changed since the plan was made; plan again"):
        store.path(planned.digest)
    assert [file.name for file in (tmp_path / "assets").iterdir()] == [".gitignore"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "link to a device"])
def test_what_is_no_file_any_more_is_neither_waited_for_nor_read(
    tmp_path: Path, code: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(code)  # a socket's path is short
    script = content(code / "score.py")
    script.location.unlink()
    with socket.socket(socket.AF_UNIX) as bound:
        match kind:
            case "pipe":
                os.mkfifo(script.location)
            case "socket":
                bound.bind("score.py")
            case "device":
                _zeros(script.location)
            case _:
                script.location.symlink_to("/dev/zero")
        with pytest.raises(ProviderError, match=r"score\.py: cannot be copied to .*; plan again"):
            assets(tmp_path, script).path(script.digest)
    assert [file.name for file in (tmp_path / "assets").iterdir()] == [".gitignore"]


def _zeros(file: Path) -> None:
    try:
        os.mknod(file, 0o600 | stat.S_IFCHR, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root makes devices")


def test_content_that_was_altered_is_laid_down_anew_once_it_is_distrusted(tmp_path: Path, code: Path) -> None:
    store, digest = assets(tmp_path, content(code)), digest_of(code)
    script = store.path(digest) / "score.py"
    script.chmod(0o644)
    script.write_text("edited")
    assert (store.path(digest) / "score.py").read_text() == "edited"
    store.distrust(digest)
    assert (store.path(digest) / "score.py").read_text() == "def run(raw): ...\n"
    assert [file.name for file in (tmp_path / "assets").iterdir() if file.name.startswith(".sha256")] == []


def test_altered_content_whose_source_is_gone_is_not_given_out(tmp_path: Path, code: Path) -> None:
    digest = digest_of(code)
    (assets(tmp_path, content(code)).path(digest) / "more.py").write_text("edited")
    store = assets(tmp_path)
    store.distrust(digest)
    with pytest.raises(ProviderError, match="not stored here"):
        store.path(digest)


def test_a_copy_that_was_killed_is_gone_on_with(tmp_path: Path, code: Path) -> None:
    """What is there already is read and kept; what is other, longer or a stranger's is not taken."""
    planned = content(code)
    place = tmp_path / "assets" / f".{planned.digest.replace(':', '-')}-laying" / "content"
    (place / "lib").mkdir(parents=True)
    (place / "score.py").write_bytes((code / "score.py").read_bytes())
    (place / "lib" / "tool.sh").write_text("#!/bin/bash and more than that")
    (place / "lib" / "tool.sh").chmod(0o444)
    kept = (place / "score.py").stat().st_ino
    stored = assets(tmp_path, planned).path(planned.digest)
    assert (stored / "score.py").stat().st_ino == kept
    assert digest_of(stored) == planned.digest
    assert [file.name for file in (tmp_path / "assets").iterdir()] == [stored.name]


def test_a_copy_with_a_file_too_many_is_not_taken_and_made_anew_by_the_next(tmp_path: Path, code: Path) -> None:
    planned = content(code)
    place = tmp_path / "assets" / f".{planned.digest.replace(':', '-')}-laying" / "content"
    place.mkdir(parents=True)
    (place / "more.py").write_text("")
    with pytest.raises(ProviderError, match="changed since"):
        assets(tmp_path, planned).path(planned.digest)
    assert digest_of(assets(tmp_path, planned).path(planned.digest)) == planned.digest


def test_while_another_one_lays_it_down_a_process_has_a_place_of_its_own(tmp_path: Path, code: Path) -> None:
    planned = content(code)
    with workplace(tmp_path / planned.digest.replace(":", "-")) as first:
        with workplace(tmp_path / planned.digest.replace(":", "-")) as second:
            assert first != second
            (second / "content").write_text("x")
        assert not second.exists()
        (first / "content").write_text("x")
    assert (first / "content").exists()
    with workplace(tmp_path / planned.digest.replace(":", "-")) as again:
        assert again == first


def test_a_file_that_grows_while_it_is_copied_is_refused(
    tmp_path: Path, code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bytes are digested as they are written, so what was read when it was planned is of no account."""
    planned = content(code)

    def growing(path: Path) -> object:
        if path.name == "score.py":
            path.write_text(path.read_text() + "# more\n")
        return open_regular(path)

    monkeypatch.setattr("reconciler.record.laying.open_regular", growing)
    with pytest.raises(ProviderError, match="code: changed since the plan was made; plan again"):
        assets(tmp_path, planned).path(planned.digest)
    assert [file.name for file in (tmp_path / "assets").iterdir()] == [".gitignore"]


def test_content_that_says_otherwise_which_of_its_files_count_is_refused(tmp_path: Path) -> None:
    """An .amlignore that leaves itself out: the copy would be known by the rules of .gitignore."""
    folder = tmp_path / "src" / "code"
    folder.mkdir(parents=True)
    for name, text in {".amlignore": ".amlignore\n", ".gitignore": "data\n", "data": "x"}.items():
        (folder / name).write_text(text)
    planned = Content(content_digest(folder), "code", folder)
    store = AssetStore(tmp_path / "assets", {planned.digest: planned}, digest_of=content_digest, files_of=content_files)
    with pytest.raises(ProviderError, match="changed since"):
        store.path(planned.digest)
