"""F09 and F11 of what is asked outside of steps: a platform that is busy is waited for, as it asks and no longer."""

import threading
from pathlib import Path

import pytest

from reconciler.apply import InTime
from reconciler.core.address import Address
from reconciler.core.plan import Action, Operation, Step
from reconciler.core.state import Live
from reconciler.errors import ProviderError, TransientError
from reconciler.providers.memory import MemoryProvider
from tests.cli.command_line import Repository
from tests.faults.plugin import plugged, settings
from tests.faults.scheduled import Fail, FakeClock, Fault, Hang, Refuse, Scheduled

BUSY = Refuse("429 Too Many Requests", retry_after_s=30)
CREDIT, FRAUD = Address.parse("endpoint/credit"), Address.parse("endpoint/fraud")


class World:
    """Two endpoints of a platform with faults, asked by a clock that only waiting moves."""

    def __init__(self, faults: dict[str, list[Fault]], **pace: object) -> None:
        self.clock, self.told = FakeClock(), list[str]()
        memory = MemoryProvider()
        for address in (CREDIT, FRAUD):
            memory.create(Step(1, Action.CREATE, address, "new", (), None, {}), Operation("op", "ours", 1))
        self.provider = Scheduled(memory, faults, clock=self.clock)
        self.eyes = InTime(self.provider, self.clock.pace(told=self.told.append, **pace))


ASK = {
    "list": ("what is live", lambda eyes: len(eyes.list())),
    "observe endpoint/credit": ("how endpoint/credit is", lambda eyes: eyes.observe(CREDIT) is not None),
    "known endpoint/credit": ("how 1 objects are", lambda eyes: len(eyes.known({CREDIT: ""}))),
    "some endpoint/credit": ("how 1 objects are", lambda eyes: len(eyes.some([CREDIT]))),
    "fences": ("what is refused", lambda eyes: len(eyes.fences())),
    "fence endpoint/credit 3": ("settling endpoint/credit", lambda eyes: eyes.fence(CREDIT, 3)),
}


@pytest.mark.parametrize("words", ASK)
def test_f11_a_429_to_a_question_is_waited_for_as_told(words):
    what, ask = ASK[words]
    world = World({words.removesuffix(" 3"): [BUSY, BUSY]})
    assert ask(world.eyes) == ask(World({}).eyes)
    assert world.clock.waits == [30, 30]
    assert world.told == [f"{what}: 429 Too Many Requests, retrying in 30 s ({n} of 5)" for n in (2, 3)]


def test_f11_no_platform_makes_us_wait_for_longer_than_two_minutes_at_once():
    world = World({"list": [Refuse("429", retry_after_s=86400)]})
    world.eyes.list()
    assert world.clock.waits == [120]


def test_f09_questions_are_asked_five_times_and_then_the_look_has_failed():
    world = World({"list": [BUSY] * 9})
    with pytest.raises(ProviderError, match="429 Too Many Requests; given up after 5 tries"):
        world.eyes.list()
    assert world.provider.calls == ["list"] * 5


def test_f12_all_tries_of_a_question_end_within_the_time_of_a_step():
    world = World({"list": [BUSY] * 9}, step_timeout_s=70)
    with pytest.raises(ProviderError, match="given up after 3 tries"):
        world.eyes.list()
    assert world.clock.now == 60


def test_f09_what_fails_for_good_is_not_asked_again():
    world = World({"list": [Fail("no such project")]})
    with pytest.raises(ProviderError, match=r"^no such project$"):
        world.eyes.list()
    assert (world.provider.calls, world.told) == (["list"], [])


@pytest.mark.parametrize("error", [TransientError("no engine"), ConnectionRefusedError("no engine"), TimeoutError()])
def test_f09_a_platform_that_does_not_answer_is_told_at_once(error):
    class Away(MemoryProvider):
        def list(self):
            raise error

    clock, told = FakeClock(), list[str]()
    with pytest.raises(type(error)):
        InTime(Away(), clock.pace(told=told.append)).list()
    assert (clock.waits, told) == ([], [])


class Many:
    """A platform that is asked for one object at a time; it counts how many are asked for at once."""

    def __init__(self, busy: dict[Address, TransientError] | None = None) -> None:
        self.busy, self.asked = busy or {}, list[Address]()
        self.under_way = self.most = 0
        self._guard, self._full = threading.Lock(), threading.Event()

    def observe(self, address: Address) -> Live | None:
        with self._guard:
            self.asked.append(address)
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            if self.under_way >= 4:
                self._full.set()
        self._full.wait(30)
        with self._guard:
            self.under_way -= 1
            error = self.busy.pop(address, None)
        if error:
            raise error
        return None if address.name == "e7" else Live(address, {})


ENDPOINTS = [Address("endpoint", f"e{number}") for number in range(20)]


def test_objects_are_asked_for_a_few_at_once_where_no_question_takes_them_all():
    platform, clock = Many(), FakeClock()
    found = InTime(platform, clock.pace()).some(ENDPOINTS)
    assert {item.address for item in found} == {address for address in ENDPOINTS if address.name != "e7"}
    assert platform.most == 4


def test_f11_one_of_many_questions_that_gets_a_429_waits_for_itself():
    clock = FakeClock()
    platform = Many({ENDPOINTS[3]: TransientError("429", retry_after_s=30)})
    assert len(InTime(platform, clock.pace()).some(ENDPOINTS)) == 19
    assert (clock.waits, platform.asked.count(ENDPOINTS[3])) == ([30], 2)


def test_f09_where_one_of_many_questions_fails_the_look_fails_and_those_that_wait_are_let_go():
    class Broken(Many):
        def observe(self, address: Address) -> Live | None:
            super().observe(address)
            raise ProviderError("gone") if address == ENDPOINTS[1] else TransientError("429", retry_after_s=3000)

    with pytest.raises(ProviderError, match=r"^gone$"):
        InTime(Broken(), FakeClock().pace(wait=None)).some(ENDPOINTS)


def test_f12_a_question_that_is_never_answered_ends(monkeypatch):
    hang = Hang()
    world = World({"some endpoint/credit": [hang]}, step_timeout_s=0.05)
    try:
        with pytest.raises(ProviderError, match=r"no answer on how 1 objects are within 0\.05 s"):
            world.eyes.some([CREDIT])
    finally:
        hang.release.set()


@pytest.mark.parametrize("command", ["plan", "drift"])
def test_f11_a_command_tells_what_it_waits_for_beside_its_answer(tmp_path: Path, command: str):
    plugin, repo = plugged(tmp_path / "site"), Repository(tmp_path / "repo", settings({"list": ["429", "503"]}))
    ran = repo.mlops(command, **plugin)
    assert "what is live: 429 Too Many Requests, retrying in 0 s (2 of 5)\n" in ran.err
    assert "what is live: 503 Service Unavailable, retrying in 0 s (3 of 5)\n" in ran.err
    assert "retrying" not in ran.out
