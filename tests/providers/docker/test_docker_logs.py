"""What instances printed is read from the engine: whole lines, by instance, those to come included."""

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from docker_world import BLUE, ENDPOINT, World

from reconciler.core.address import Address
from reconciler.errors import ProviderError
from reconciler.providers.docker.printed import PIECE_BYTES, Position, lines, pieces
from tests.waiting import until

ONE, TWO, THREE = (f"2026-01-02T10:00:0{second}.000000000Z" for second in (1, 2, 3))
FULL = b"x" * PIECE_BYTES
PRINTING = "def init(): print('init')\ndef run(raw_data):\n    print('asked', raw_data)\n    return 1\n"


def frame(moment: str, text: bytes) -> bytes:
    return moment.encode() + b" " + text


LOG = [
    frame(ONE, b"first\n"),
    frame(TWO, FULL),
    frame(TWO, FULL),
    frame(TWO, b"end\n"),
    frame(THREE, b"last, without an end"),
]


def test_pieces_of_a_line_become_a_line():
    assert list(lines(pieces(LOG))) == [b"first", FULL + FULL + b"end", b"last, without an end"]


def test_what_two_streams_print_at_once_stays_apart():
    frames = [frame(ONE, FULL), frame(TWO, b"other\n"), frame(ONE, b"end\n")]
    assert list(lines(pieces(frames))) == [b"other", FULL + b"end"]


@pytest.mark.parametrize("number", range(len(LOG)))
def test_a_log_is_read_on_from_every_place(number: int):
    found = list(pieces(LOG))
    assert list(pieces(LOG, found[number].position)) == found[number + 1 :]


def test_lines_of_the_same_moment_are_told_apart():
    frames = [frame(ONE, b"a\n"), frame(ONE, b"b\n"), frame(TWO, b"c\n")]
    assert [piece.text for piece in pieces(frames, Position(ONE, 1))] == [b"b", b"c"]


def test_a_clock_that_was_set_back_loses_nothing_that_comes_after_the_place():
    frames = [frame(TWO, b"a\n"), frame(THREE, b"b\n"), frame(ONE, b"c\n")]
    assert [piece.text for piece in pieces(frames, Position(TWO, 1))] == [b"b", b"c"]


class Reader:
    """Reads the lines to come in a thread."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines: list[str] = []
        self._source = lines
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with closing(self._source):  # type: ignore[type-var]  # a generator
            for line in self._source:
                self.lines.append(line)
                if self._over.is_set():
                    return

    def end(self) -> None:
        """Read one line more, and then none; somebody has to see to that line."""
        self._over.set()

    def join(self) -> None:
        self._thread.join(150)
        assert not self._thread.is_alive()


def logs(world: World, *, tail: int = 100, follow: bool = False, instance: str = "") -> Iterator[str]:
    return iter(world.provider.logs(BLUE, tail=tail, follow=follow, instance=instance))


def names(world: World) -> list[str]:
    return [each["name"] for each in world.live(str(BLUE)).detail["instances"]]


@pytest.fixture
def one(world: World) -> World:
    world.do("create", "endpoint/credit", ENDPOINT)
    world.do("create", str(BLUE), world.deployment(PRINTING))
    world.route(blue=100)
    return world


def printed(lines: Iterator[str]) -> list[str]:
    """Only what the script printed."""
    return [line for line in lines if "init" in line or "asked" in line]


def test_the_last_lines_of_an_instance_are_as_many_as_are_wanted(one: World):
    for _ in range(3):
        one.score()
    found = list(logs(one))
    assert "init" in "".join(printed(iter(found)))
    assert list(logs(one, tail=2)) == found[-2:]
    assert list(logs(one, tail=0)) == []
    assert "".join(found).count("asked") == 3


def test_the_lines_of_several_instances_say_whose_they_are(world: World):
    world.do("create", "endpoint/credit", ENDPOINT)
    world.do("create", str(BLUE), world.deployment(PRINTING, instance_count=2))
    first, second = names(world)
    found = list(logs(world))
    assert {line.partition(": ")[0] for line in found} == {first, second}
    alone = list(logs(world, instance=second))
    assert [f"{second}: {line}" for line in alone] == [line for line in found if line.startswith(second)]


def test_lines_to_come_are_followed_over_a_restart_and_with_new_instances(one: World):
    (first,), (container,) = names(one), one.containers()
    to_come = logs(one, tail=0, follow=True)
    one.score()  # before anybody reads
    reader = Reader(to_come)
    until(lambda: "asked" in "".join(reader.lines))
    before = "\n".join(reader.lines)
    assert "init" not in before
    assert first not in before
    one.kill_process(container)
    until(lambda: "init" in "".join(reader.lines))
    until(lambda: one.live(str(BLUE)).detail["instances"][0]["state"] == "running")
    one.do("scale", str(BLUE), one.deployment(PRINTING, instance_count=2))
    (second,) = set(names(one)) - {first}
    until(lambda: any(line.startswith(second) and "init" in line for line in reader.lines))
    assert len([line for line in reader.lines if "init" in line]) == 2
    reader.end()
    until(lambda: one.score() and not reader._thread.is_alive())
    reader.join()


def test_only_a_deployment_prints(one: World):
    with pytest.raises(ProviderError, match="prints nothing; ask for the logs of deployment/ENDPOINT/NAME"):
        one.provider.logs(Address.parse("endpoint/credit"), tail=1, follow=False)
    with pytest.raises(ProviderError, match="deployment/credit/nobody is not there"):
        one.provider.logs(Address.parse("deployment/credit/nobody"), tail=1, follow=False)


def test_an_instance_that_is_gone_has_no_lines(one: World):
    assert list(logs(one, instance="0" * 12)) == []
