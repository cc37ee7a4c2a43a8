"""Content is laid down once under its digest, verified, whole or absent."""

import hashlib
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from reconciler.core.manifest import Content
from reconciler.errors import ProviderError
from reconciler.record.assets import AssetStore


def files_of(folder: Path) -> Iterable[tuple[str, Path]]:
    """Every file but those that end in .tmp."""
    found = sorted(file for file in folder.rglob("*") if file.is_file() and file.suffix != ".tmp")
    return [(str(file.relative_to(folder)), file) for file in found]


def digest_of(path: Path) -> str:
    named = files_of(path) if path.is_dir() else [(path.name, path)]
    digest = hashlib.sha256()
    for name, file in named:
        digest.update(f"{name}\0{file.read_bytes()!r}\0".encode())
    return f"sha256:{digest.hexdigest()}"


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
