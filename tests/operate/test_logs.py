"""Lines of a deployment: from the instances that run, or from the kept console log."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from reconciler.core.address import Address
from reconciler.core.state import Live
from reconciler.errors import MlopsError
from reconciler.operate.logs import Wish, log_lines
from reconciler.operate.tables import CONSOLE

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()
BLUE = Address.parse("deployment/credit/blue")


def row(at: float, message: str, instance: str = "a", **columns: str) -> str:
    """A line of the console log, so many seconds after noon."""
    return json.dumps(
        {
            "TimeGenerated": datetime.fromtimestamp(NOON + at, UTC).isoformat().replace("+00:00", "Z"),
            "InstanceId": instance,
            "EndpointName": "credit",
            "DeploymentName": "blue",
            "ContainerName": "inference-server",
            "Message": message,
            **columns,
        }
    )


class Target:
    """A target on which deployment blue runs instance `a`, and whose console log lies in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def observe(self, address: Address) -> Live | None:
        if address != BLUE:
            return None
        return Live(address, {}, "lineage", 1, "operation", "Succeeded", {"instances": [{"name": "a"}]})

    def list(self) -> Sequence[Live]:
        return [found] if (found := self.observe(BLUE)) else []

    def logs(self, address: Address, *, tail: int, follow: bool, instance: str = "") -> Iterable[str]:
        return [f"straight from {instance or 'all'}, tail {tail}"]

    def tables(self) -> Mapping[str, Sequence[Path]]:
        return {CONSOLE: sorted(self.folder.glob("*.jsonl*"), reverse=True)}

    def write(self, *rows: str, name: str = "console.jsonl") -> None:
        with (self.folder / name).open("a") as file:
            file.writelines(f"{each}\n" for each in rows)


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return Target(tmp_path)


def lines_of(target: Target, *, sleep: Callable[[float], None] = lambda _: None, **wish) -> Iterator[str]:
    workspace = SimpleNamespace(provider=target, target=SimpleNamespace(name="dev"))
    return log_lines(workspace, Wish(BLUE, **wish), sleep=sleep)


def shown(target: Target, **wish) -> list[str]:
    return list(lines_of(target, **wish))


def test_what_runs_is_read_straight_from_the_instances(target: Target):
    assert shown(target) == ["straight from all, tail 100"]
    assert shown(target, instance="a", tail=5) == ["straight from a, tail 5"]


def test_since_a_time_lines_come_from_the_console_log_in_order_of_time(target: Target):
    target.write(row(3, "three"), row(4, "four"))
    target.write(row(1, "one"), row(2, "two"), name="console.jsonl.1")
    assert shown(target, since=NOON + 2) == ["two", "three", "four"]


def test_an_instance_that_is_gone_is_read_from_the_console_log(target: Target):
    target.write(row(1, "of the gone", "b"), row(2, "of the running"))
    assert shown(target, instance="b") == ["of the gone"]


def test_lines_of_several_instances_have_their_names(target: Target):
    target.write(row(1, "one"), row(2, "two", "b"))
    assert shown(target, since=NOON) == ["a: one", "b: two"]


def test_the_tail_is_of_every_instance(target: Target):
    target.write(row(1, "a1"), row(2, "a2"), row(3, "b1", "b"), row(4, "b2", "b"))
    assert shown(target, since=NOON, tail=1) == ["a: a2", "b: b2"]
    assert shown(target, since=NOON, tail=0) == []


def test_a_container_is_told_apart(target: Target):
    target.write(row(1, "laid down", "", ContainerName="storage-initializer"), row(2, "printed"))
    assert shown(target, container="storage-initializer") == ["laid down"]
    assert shown(target, since=NOON) == ["printed"]


def test_lines_of_others_are_not_shown(target: Target):
    target.write(
        row(1, "of another endpoint's blue", EndpointName="fraud"),
        row(2, "blue, says green", DeploymentName="green"),
        '{"DeploymentName": "blue", torn',
        row(3, "of blue"),
    )
    assert shown(target, since=NOON) == ["of blue"]


def test_followed_lines_go_on_over_a_rotation_and_with_a_new_instance(target: Target):
    target.write(row(1, "one"))
    steps: list[Callable[[], object]] = [
        lambda: target.write(row(2, "two")),
        lambda: (target.folder / "console.jsonl").rename(target.folder / "console.jsonl.1"),
        lambda: target.write(row(3, "three", "b")),
    ]

    def sleep(_: float) -> None:
        if not steps:
            raise KeyboardInterrupt
        steps.pop(0)()

    following = lines_of(target, since=NOON, follow=True, sleep=sleep)
    assert [next(following) for _ in range(3)] == ["one", "two", "b: three"]
    with pytest.raises(KeyboardInterrupt):
        next(following)


def test_an_unknown_instance_is_refused_with_those_that_there_are(target: Target):
    target.write(row(1, "x", "b"))
    with pytest.raises(MlopsError, match=r"has no instance c; there are: a, b$"):
        shown(target, instance="c")


def test_a_known_instance_without_lines_since_then_is_no_error(target: Target):
    target.write(row(1, "x", "b"))
    assert shown(target, instance="b", since=NOON + 5) == []


def test_an_unknown_container_is_refused_with_those_that_there_are(target: Target):
    with pytest.raises(MlopsError, match="no container sidecar; there are inference-server and storage-initializer"):
        shown(target, container="sidecar")
