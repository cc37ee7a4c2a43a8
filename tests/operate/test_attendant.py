"""The attendant round by round, with a platform of memory: what it does, and what it keeps its hands off."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.attending import COMMAND, locked, unfollowed
from reconciler.core.address import Address
from reconciler.core.plan import Action, Operation, Step
from reconciler.core.rollout import Gates, Rollout
from reconciler.core.state import Entry
from reconciler.errors import LockHeldError, ManifestError, ProviderError
from reconciler.load.settings.config import Config, Target
from reconciler.operate.attendant import Attendant, attend
from reconciler.providers.memory import MemoryProvider
from reconciler.providers.provider import Usage
from reconciler.record.memory import Memory, MemoryStore
from reconciler.workspace import Workspace
from tests.builders import blue, endpoint
from tests.waiting import until

ENDPOINT, BLUE = Address("endpoint", "credit"), Address("deployment", "blue", endpoint="credit")
NOW = 1_700_000_000.0
UP = {"metric": "CpuUtilizationPercentage", "above": 70, "aggregation": "average", "for": 1.0}
RULES = [{**UP, "change": 1, "cooldown": 5.0}]
AUTOSCALE = {"minimum": 1, "maximum": 3, "interval": 1.0, "rules": RULES, "schedules": []}
WAY = Rollout("op", {"blue": 100}, {"green": 100}, (10, 100), 5.0, Gates(error_rate=0.1, min_requests=2), since=NOW - 5)


class Platform(MemoryProvider):
    """Memory that also has usages, a traffic log, roll-outs, and a process beside it."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.log = folder / "access.log"
        self.log.touch()
        self.cpu_seconds = 0.0
        self.moving: dict[Address, Rollout] = {}
        self.metrics_port: int | None = None
        self.ended = 0
        self.broken = ""
        self.slow = threading.Event()
        self.slow.set()

    def usage(self) -> Sequence[Usage]:
        return [Usage(BLUE, "one", "running", self.cpu_seconds, 1)]

    def tables(self) -> Mapping[str, Sequence[Path]]:
        return {"AmlOnlineEndpointTrafficLog": [self.log]}

    def demand(self) -> Mapping[Address, int]:
        return {BLUE: 3}

    def rollouts(self) -> Mapping[Address, Rollout]:
        return self.moving

    def advance(self, endpoint: Address, rollout: Rollout) -> None:
        if self.broken:
            raise ProviderError(self.broken)
        self.moving = {} if rollout.done else {endpoint: rollout}

    def scale(self, step: Step, operation: Operation) -> None:
        if self.broken:
            raise ProviderError(self.broken)
        assert self.slow.wait(60)
        super().scale(step, operation)

    def attend(self, argv: Sequence[str], folder: Path) -> None: ...

    def unattend(self) -> None:
        self.ended += 1

    def attended(self) -> bool:
        return True

    def answered(self, status: int, *, at: float, count: int = 1) -> None:
        """Requests that green answered."""
        began = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
        names = {"EndpointName": "credit", "DeploymentName": "green"}
        row = {"TimeGenerated": began, **names, "ResponseCode": status, "TotalDurationMs": 5}
        with self.log.open("a") as log:
            log.write((json.dumps(row) + "\n") * count)


class AtOnce(Executor):
    """Does what it is given before it returns."""

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        ended: Future[Any] = Future()
        try:
            ended.set_result(work(*arguments, **named))
        except ProviderError as error:
            ended.set_exception(error)
        return ended


class Room:
    """A target with an attendant, and the clock."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.memory = folder, Memory()
        self.platform = Platform(folder)
        self.said: list[str] = []
        self.wrong = ""
        self.now = NOW
        self.policies: dict[Address, dict[str, Any]] = {}
        self.attendant = self.another()

    def another(self, executor: Executor | None = None) -> Attendant:
        return Attendant(self.folder, "dev", say=self.said.append, opened=self.opened, executor=executor or AtOnce())

    @contextmanager
    def opened(self, root: Path, target: str) -> Iterator[Workspace]:
        if self.wrong:
            raise ManifestError([]) if self.wrong == "manifest" else ProviderError(self.wrong)
        config = Config(root, ".", {})
        yield Workspace(
            config, Target(target, "memory", policies=self.policies), MemoryStore(target, self.memory), self.platform
        )

    def store(self) -> MemoryStore:
        return MemoryStore("dev", self.memory)

    def deployed(self, **fields: Any) -> None:
        spec = {"instance_count": 1, "request_settings": {"max_concurrent_requests_per_instance": 1}, **fields}
        self.platform.create(Step(1, Action.CREATE, BLUE, "", (), None, spec), Operation("op", "ours", 7))
        with self.store_locked() as store:
            store.note(BLUE, Entry(spec, 7, "op"))

    @contextmanager
    def store_locked(self) -> Iterator[MemoryStore]:
        store = self.store()
        with store.lock({"command": "apply"}, timeout_s=0):
            yield store

    def rounds(self, count: int, *, busy: float = 0.0, attendant: Attendant | None = None) -> None:
        """So many rounds, a second apart, in which the instance spends a share of each second."""
        for _ in range(count):
            self.now += 1
            self.platform.cpu_seconds += busy
            (attendant or self.attendant).round(self.now, moment=self.now)

    @property
    def instances(self) -> int:
        live = self.platform.observe(BLUE)
        assert live is not None
        count: int = live.spec["instance_count"]
        return count


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    yield made
    made.attendant.close()


def test_a_busy_deployment_gets_more_instances_up_to_the_most(room: Room):
    room.deployed(autoscale=AUTOSCALE)
    room.rounds(30, busy=0.9)
    assert room.instances == 3
    assert [line for line in room.said if "->" in line] == [
        "deployment/credit/blue: 1 -> 2 instances (CpuUtilizationPercentage 90 above 70 for 1 s)",
        "deployment/credit/blue: 2 -> 3 instances (CpuUtilizationPercentage 90 above 70 for 1 s)",
    ]


def test_an_act_is_the_objects_own_operation_so_that_a_later_one_fences_it_off(room: Room):
    room.deployed(autoscale=AUTOSCALE)
    room.rounds(4, busy=0.9)
    live = room.platform.observe(BLUE)
    assert live is not None
    assert (live.spec["instance_count"], live.generation, live.operation) == (2, 7, "op")
    room.platform.fence(BLUE, 8)
    room.rounds(10, busy=0.9)
    assert room.instances == 2
    assert "generation 7 is refused" in room.said[-1]


def test_nothing_is_done_while_an_apply_holds_the_target(room: Room):
    room.deployed(autoscale=AUTOSCALE)
    room.platform.moving = {ENDPOINT: WAY}
    room.platform.answered(200, at=NOW - 1, count=5)
    with room.store_locked():
        room.rounds(10, busy=0.9)
        assert (room.instances, room.platform.moving[ENDPOINT]) == (1, WAY)
    room.rounds(3, busy=0.9)
    assert (room.instances, room.platform.moving) == (2, {})


def test_the_cool_down_outlives_the_process(room: Room):
    long = {**AUTOSCALE, "rules": [{**UP, "change": 1, "cooldown": 100.0}]}
    room.deployed(autoscale=long)
    room.rounds(4, busy=0.9)
    another = room.another()
    room.rounds(20, busy=0.9, attendant=another)
    another.close()
    assert room.instances == 2


def test_what_is_asked_for_at_once_scales_by_scale_settings(room: Room):
    room.deployed(scale_settings={"type": "target_utilization", "max_instances": 4, "polling_interval": 1})
    room.rounds(1)
    assert room.instances == 4
    assert room.said[-1] == "deployment/credit/blue: 1 -> 4 instances (3 requests at once, target 70 %)"


def test_after_an_act_that_failed_nothing_is_tried_for_a_while(room: Room):
    room.deployed(autoscale=AUTOSCALE)
    room.platform.broken = "no room"
    room.rounds(20, busy=0.9)
    assert [line for line in room.said if line == "no room"] == ["no room"]
    room.platform.broken = ""
    room.rounds(30, busy=0.9)
    assert room.instances == 1
    room.rounds(60, busy=0.9)
    assert room.instances == 3


def test_a_rollout_counts_requests_from_its_steps_begin_on_also_those_before_the_attendant_began(room: Room):
    room.platform.moving = {ENDPOINT: WAY}
    room.platform.answered(500, at=NOW - 60, count=9)
    room.platform.answered(200, at=NOW - 4, count=2)
    room.rounds(1)
    assert room.said[-1] == "endpoint/credit: roll-out done"


def test_requests_are_counted_once_as_they_come(room: Room):
    room.platform.moving = {ENDPOINT: replace(WAY, pause_s=1000.0, gates=Gates(error_rate=0.4, min_requests=4))}
    room.platform.answered(200, at=NOW, count=2)
    room.rounds(3)
    room.platform.answered(500, at=NOW + 1, count=2)
    room.rounds(3)
    returned = "endpoint/credit: roll-out returned: at 10 %, error_rate above 0.4: 2 of 4 requests failed"
    assert returned in room.said


@pytest.fixture
def beside(room: Room) -> Iterator[Attendant]:
    """The room's attendant, with threads as it has them in earnest."""
    made = room.another(ThreadPoolExecutor(4))
    yield made
    room.platform.slow.set()
    made.close()


def test_traffic_is_led_back_while_an_instance_takes_its_time_to_be_ready(room: Room, beside: Attendant):
    room.deployed(autoscale=AUTOSCALE)
    room.platform.slow.clear()
    room.rounds(4, busy=0.9, attendant=beside)
    room.platform.moving = {ENDPOINT: replace(WAY, pause_s=1000.0, since=room.now)}
    room.platform.answered(500, at=room.now, count=2)
    room.rounds(2, busy=0.9, attendant=beside)
    assert "endpoint/credit: roll-out returned: at 10 %, error_rate above 0.1: 2 of 2 requests failed" in room.said
    assert room.instances == 1


def test_an_apply_meets_no_scaling_that_is_under_way_and_has_its_turn_afterwards(room: Room, beside: Attendant):
    room.deployed(autoscale=AUTOSCALE)
    room.platform.slow.clear()
    room.rounds(4, busy=0.9, attendant=beside)
    with pytest.raises(LockHeldError), room.store_locked():
        pass
    room.platform.slow.set()
    until(lambda: room.instances == 2)
    until(lambda: room.rounds(1, attendant=beside) or any("1 -> 2 instances" in line for line in room.said))
    with room.store_locked():
        pass


def test_one_scaling_at_a_time_is_under_way_and_what_failed_is_said(room: Room, beside: Attendant):
    room.deployed(autoscale=AUTOSCALE)
    room.platform.slow.clear()
    room.rounds(10, busy=0.9, attendant=beside)
    room.platform.fence(BLUE, 8)
    room.platform.slow.set()
    until(lambda: room.rounds(1, attendant=beside) or any("generation 7 is refused" in line for line in room.said))
    assert room.instances == 1


@pytest.mark.parametrize("wrong", ["{", "[1]", '{"a": null}'])
def test_what_was_remembered_and_cannot_be_read_is_said_and_forgotten(room: Room, wrong: str):
    file = room.folder / ".mlops" / "attendant" / "dev.json"
    file.parent.mkdir(parents=True)
    file.write_text(wrong)
    room.deployed(autoscale=AUTOSCALE)
    another = room.another()
    assert f"{file} cannot be read, and cool-downs begin anew" in room.said[-1]
    room.rounds(4, busy=0.9, attendant=another)
    another.close()
    assert room.instances == 2


def test_what_is_promised_is_written_down_by_the_minute(room: Room):
    room.policies = {ENDPOINT: {"slo": {"availability": 99.0, "window": 86400.0}}}
    with room.store_locked() as store:
        store.note(ENDPOINT, Entry({}, 7, "op"))
    room.platform.answered(200, at=NOW, count=3)
    room.rounds(130)
    file = room.folder / ".mlops" / "attendant" / "dev.minutes.jsonl"
    assert [json.loads(line)["counted"] for line in file.read_text().splitlines()] == [3, 0]
    assert room.platform.ended == 0


def test_one_act_that_fails_keeps_no_other_from_being_done(room: Room):
    room.deployed(autoscale=AUTOSCALE)
    room.platform.moving = {ENDPOINT: WAY}
    room.platform.answered(200, at=NOW - 1, count=5)
    room.platform.broken = "the gateway refused"
    room.rounds(3, busy=0.9)
    assert room.said.count("the gateway refused") == 1
    room.platform.broken = ""
    room.rounds(1)
    assert room.platform.moving == {}


def test_a_metrics_port_that_another_program_has_is_said_and_stops_nothing(room: Room):
    room.deployed(autoscale=AUTOSCALE)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        room.platform.metrics_port = taken.getsockname()[1]
        room.rounds(4, busy=0.9)
    said = f"metrics: port: {room.platform.metrics_port} of 127.0.0.1 cannot be had: Address already in use"
    assert said in room.said
    assert room.instances == 2


def test_a_rollout_that_is_done_is_acted_on_no_more(room: Room):
    room.platform.moving = {ENDPOINT: WAY}
    room.platform.answered(200, at=NOW - 1, count=5)
    room.rounds(8)
    assert [line for line in room.said if "roll-out" in line] == [f"{ENDPOINT}: roll-out done"]


def test_with_nothing_left_to_do_it_has_itself_ended(room: Room):
    room.rounds(1)
    assert room.platform.ended == 1
    assert room.said[-1] == "nothing is left to look after"


def test_it_goes_on_as_before_while_the_settings_are_wrong_and_says_so_once(room: Room):
    room.deployed(autoscale=AUTOSCALE)
    room.rounds(1)
    room.wrong = "targets are missing"
    (room.folder / "mlops.yaml").write_text("targets: [")
    room.rounds(5, busy=0.9)
    assert room.said.count("goes on as before: targets are missing") == 1
    assert room.instances == 2


def test_settings_that_are_wrong_from_the_beginning_are_waited_for(room: Room):
    room.deployed(autoscale=AUTOSCALE)
    room.wrong = "targets are missing"
    room.rounds(3, busy=0.9)
    assert room.said == ["targets are missing"]
    room.wrong = ""
    room.rounds(4, busy=0.9)
    assert room.instances == 2


def test_a_deployment_that_is_recorded_no_more_is_left_alone(room: Room):
    room.deployed(autoscale=AUTOSCALE)
    room.rounds(2)
    with room.store_locked() as store:
        store.note(BLUE, None)
    room.rounds(10, busy=0.9)
    assert room.instances == 1


def test_an_apply_waits_for_what_the_attendant_does_at_the_moment(room: Room):
    entered = threading.Event()

    def apply() -> None:
        with room.opened(room.folder, "dev") as workspace, locked(workspace, "mlops apply", timeout_s=0):
            entered.set()

    with room.store().lock({"command": COMMAND}, timeout_s=0):
        waiting = threading.Thread(target=apply)
        waiting.start()
        assert not entered.is_set()
    waiting.join()
    assert entered.is_set()


def test_an_apply_waits_no_longer_than_it_was_told_for_another_run(room: Room):
    with (
        room.store_locked(),
        room.opened(room.folder, "dev") as workspace,
        pytest.raises(LockHeldError),
        locked(workspace, "mlops apply", timeout_s=0),
    ):
        pass


def test_a_provider_that_cannot_follow_a_policy_is_told_so():
    scaled, moved = blue(autoscale=AUTOSCALE), endpoint(rollout={})
    told = [str(problem) for problem in unfollowed(MemoryProvider(), [scaled, moved])]
    assert [line.partition(": ")[2].partition(":")[0] for line in told] == ["W-POLICY", "W-POLICY"]


def test_a_provider_that_can_is_not(tmp_path: Path):
    assert list(unfollowed(Platform(tmp_path), [blue(autoscale=AUTOSCALE), endpoint(rollout={})])) == []


def test_it_goes_on_as_before_when_the_settings_are_gone(room: Room):
    settings = room.folder / "mlops.yaml"
    settings.write_text("targets: {dev: {provider: memory}}")
    room.deployed(autoscale=AUTOSCALE)
    room.rounds(1)
    settings.unlink()
    room.wrong = "opened at another place"
    room.rounds(4, busy=0.9)
    assert room.said.count(f"goes on as before: {settings} is gone") == 1
    assert room.instances == 2


def test_it_ends_with_the_folder_of_its_target(tmp_path: Path):
    folder = tmp_path / "repository"
    folder.mkdir()
    said: list[str] = []
    attend(folder, "nowhere", say=said.append, sleep=lambda _seconds: folder.rmdir())
    assert said[-1] == f"ends: {folder} is gone"
