"""The memory provider's file: several processes may have it open, and what cannot be written has no effect."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reconciler.core.address import Address
from reconciler.core.plan import Action, Operation, Step
from reconciler.errors import ProviderError
from reconciler.load.disk.digest import content_digest, content_files
from reconciler.providers import memory
from reconciler.providers.memory import MemoryProvider
from reconciler.providers.provider import Setting
from reconciler.record.assets import AssetStore
from tests.mounts import read_only

BLUE = Address("deployment", "blue", endpoint="credit")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "live.jsonl"


@pytest.fixture
def provider(file: Path) -> Iterator[MemoryProvider]:
    with closing(MemoryProvider(file)) as opened:
        yield opened


def step(number: int) -> Step:
    return Step(1, Action.CREATE, BLUE, "new", (), None, {"n": number})


def operation(generation: int) -> Operation:
    return Operation(f"op-{generation}", "lineage", generation, lambda _line: None)


def test_an_option_that_is_not_known_is_told(tmp_path: Path) -> None:
    assets = AssetStore(tmp_path / "assets", {}, digest_of=content_digest, files_of=content_files)
    setting = Setting("dev", tmp_path, assets, {"fiel": "live.jsonl"}, tmp_path)
    with pytest.raises(ProviderError, match="target option fiel is not known to a memory target; there is file"):
        MemoryProvider.open(setting)


def test_what_another_process_wrote_is_seen(file: Path, provider: MemoryProvider) -> None:
    with closing(MemoryProvider(file)) as other:
        other.create(step(1), operation(1))
        found = provider.observe(BLUE)
        assert found is not None
        assert (found.spec, provider.fences()) == ({"n": 1}, {BLUE: 1})
    file.unlink()
    assert list(provider.list()) == []


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda file: file.symlink_to("/dev/zero")])
def test_what_is_no_file_is_neither_waited_for_nor_read(file: Path, make: Callable[[Path], None]) -> None:
    make(file)
    with pytest.raises(ProviderError, match=r"live\.jsonl: cannot be read: (not a regular file|Is a directory)"):
        MemoryProvider(file).list()


def test_f30_what_a_hung_process_sends_late_is_refused_though_another_raised_the_fence(
    file: Path, provider: MemoryProvider
) -> None:
    provider.create(step(1), operation(1))
    with closing(MemoryProvider(file)) as successor:
        successor.fence(BLUE, 3)
        successor.create(step(2), operation(3))
    with pytest.raises(ProviderError, match="an operation of generation 2 is refused: 3 was seen"):
        provider.create(step(9), operation(2))
    provider.close()
    with closing(MemoryProvider(file)) as again:
        assert [item.spec for item in again.list()] == [{"n": 2}]


def test_f25_what_cannot_be_written_has_no_effect_and_names_the_file(
    file: Path, provider: MemoryProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.create(step(1), operation(1))

    def full(path: Path, line: str) -> None:
        with path.open("a") as stream:
            stream.write(line[:10])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(memory, "_append", full)
        with pytest.raises(ProviderError, match=r"live\.jsonl: cannot be written: No space left on device"):
            provider.create(step(2), operation(2))
    assert [item.spec for item in provider.list()] == [{"n": 1}]
    provider.create(step(3), operation(3))
    with closing(MemoryProvider(file)) as again:
        assert [item.spec for item in again.list()] == [{"n": 3}]


def test_f26_a_file_that_cannot_be_opened_for_writing_fails_the_step_and_is_named(
    file: Path, provider: MemoryProvider
) -> None:
    provider.create(step(1), operation(1))
    with (
        read_only(file.parent),
        pytest.raises(ProviderError, match=r"live\.jsonl: cannot be written: .*Read-only file system"),
    ):
        provider.create(step(2), operation(2))
    assert [item.spec for item in provider.list()] == [{"n": 1}]
