"""What a deployment's instances wrote: those that run from their own logs, the past from the kept console log."""

import json
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from reconciler.core.address import Address
from reconciler.errors import MlopsError
from reconciler.operate.access import live_object, log_source, table_source
from reconciler.operate.rotated import Follower, at_time
from reconciler.operate.tables import CONSOLE
from reconciler.workspace import Workspace

INFERENCE_SERVER = "inference-server"
CONTAINERS = (INFERENCE_SERVER, "storage-initializer")
TAIL = 100
_POLL_S = 0.2
# A line has the time that it names itself, so that lines of several instances are not quite in order.
_DISORDER_S = 60.0


@dataclass(frozen=True)
class Wish:
    """Which lines are wanted.

    Args:
        instance: the name of one; empty for all.
        container: one of `CONTAINERS`.
        since: seconds since the epoch; None for the last lines.
        tail: how many of the last lines of every instance; None for `TAIL`, or with `since` for all.
        follow: whether to go on with what is yet to come.
    """

    deployment: Address
    instance: str = ""
    container: str = INFERENCE_SERVER
    since: float | None = None
    tail: int | None = None
    follow: bool = False


@dataclass(frozen=True)
class _Row:
    time: float
    instance: str
    message: str


def log_lines(workspace: Workspace, wish: Wish, *, sleep: Callable[[float], None] = time.sleep) -> Iterator[str]:
    """The lines, without their ends; with the instance's name before each where there are several.

    Raises:
        MlopsError: there is no such deployment, instance or container; the message names those that there are.
    """
    if wish.container not in CONTAINERS:
        raise MlopsError(f"there is no container {wish.container}; there are {' and '.join(CONTAINERS)}")
    source = log_source(workspace)
    live = live_object(workspace, wish.deployment)
    running = [str(each["name"]) for each in live.detail.get("instances", ())]
    if wish.container == INFERENCE_SERVER and wish.since is None and wish.instance in ("", *running):
        tail = TAIL if wish.tail is None else wish.tail
        yield from source.logs(wish.deployment, tail=tail, follow=wish.follow, instance=wish.instance)
    else:
        yield from kept_lines(workspace, wish, running, sleep=sleep)


def kept_lines(
    workspace: Workspace, wish: Wish, running: Sequence[str] = (), *, sleep: Callable[[float], None] = time.sleep
) -> Iterator[str]:
    """The lines that are kept, also of a deployment that is gone, or never came to be."""
    console = _Console(workspace, wish)
    shown = _last(_wanted(console.more(), wish), wish)
    if wish.instance and not shown:
        _must_be(wish, {*running, *_kept_instances(workspace, wish)})
    labels = {row.instance for row in shown}
    while True:
        for row in shown:
            yield f"{row.instance}: {row.message}" if len(labels) > 1 else row.message
        if not wish.follow:
            return
        sleep(_POLL_S)
        shown = list(_wanted(console.more(), wish))
        labels |= {row.instance for row in shown}


def _must_be(wish: Wish, instances: Set[str]) -> None:
    if wish.instance not in instances:
        names = ", ".join(sorted(instances)) or "none"
        raise MlopsError(f"{wish.deployment} has no instance {wish.instance}; there are: {names}")


def _kept_instances(workspace: Workspace, wish: Wish) -> set[str]:
    """The names of all instances of which lines are kept, gone or not."""
    rows = _Console(workspace, replace(wish, instance="", since=None)).more()
    return {row.instance for row in rows if row.instance}


def _wanted(rows: Iterable[_Row], wish: Wish) -> Iterator[_Row]:
    for row in rows:
        if wish.instance in ("", row.instance) and (wish.since is None or row.time >= wish.since):
            yield row


def _last(rows: Iterable[_Row], wish: Wish) -> list[_Row]:
    """The last lines of every instance, by time."""
    tail = TAIL if wish.tail is None and wish.since is None else wish.tail
    kept: defaultdict[str, deque[_Row]] = defaultdict(lambda: deque(maxlen=tail))
    for row in rows:
        kept[row.instance].append(row)
    return sorted((row for each in kept.values() for row in each), key=lambda row: row.time)


class _Console:
    """The rows of one container of a deployment in the console log, which is made of several logs."""

    def __init__(self, workspace: Workspace, wish: Wish) -> None:
        self._source = table_source(workspace)
        self._wish = wish
        self._followers: dict[Path, Follower] = {}

    def more(self) -> list[_Row]:
        """What was added since the last call, by time; at first what is kept, from about the wish's time on."""
        for log in dict.fromkeys(map(_log, self._files())):
            if log not in self._followers:
                self._followers[log] = self._follower(log)
        lines = (line for follower in self._followers.values() for line in follower.more())
        return sorted(filter(None, map(self._row, lines)), key=lambda row: row.time)

    def _files(self) -> Sequence[Path]:
        return self._source.tables().get(CONSOLE, ())

    def _follower(self, log: Path) -> Follower:
        copies, since = partial(self._copies, log), self._wish.since
        mark = None if since is None else at_time(copies(), since - _DISORDER_S, _time)
        return Follower(copies, mark)

    def _copies(self, log: Path) -> list[Path]:
        return [file for file in self._files() if _log(file) == log]

    def _row(self, line: bytes) -> _Row | None:
        deployment = self._wish.deployment
        # Most lines are of others, and looking for a name is cheaper than reading the line.
        if deployment.name.encode() not in line or self._wish.instance.encode() not in line:
            return None
        try:
            row: dict[str, Any] = json.loads(line)
            found = _Row(_seconds(row), row["InstanceId"], row["Message"])
        except (ValueError, TypeError, KeyError):
            return None  # a torn line
        of = (row.get("EndpointName"), row.get("DeploymentName"), row.get("ContainerName"))
        return found if of == (deployment.endpoint, deployment.name, self._wish.container) else None


def _time(line: bytes) -> float | None:
    try:
        return _seconds(json.loads(line))
    except (ValueError, TypeError, KeyError):
        return None


def _seconds(row: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(row["TimeGenerated"]).timestamp()


def _log(file: Path) -> Path:
    """The log that a file is a copy of: `x.jsonl` of `x.jsonl.2`."""
    return file.with_suffix("") if file.suffix[1:].isdigit() else file
