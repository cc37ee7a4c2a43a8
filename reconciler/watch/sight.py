"""What is to be seen of a watcher from outside: whether it is well, and its metrics; no secret is among them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from reconciler.watch.deciding import Hold, Outage

PATIENCE = 3
"""After how many intervals without a good round, or without any sign of life, a watcher is not well."""


@dataclass(frozen=True)
class Sight:
    """A watcher at a moment; times are seconds since the epoch, 0 for never.

    Args:
        remote: as the operator wrote it.
        branch: of the remote.
        interval_s: between two rounds.
        due: by when it must have given another sign of life.
        head: the commit that the remote names.
        in_force: the commit that was applied to its end.
        leads: whether it may apply; another one does where it may not.
        rounds: how many there were.
        outages: how many rounds failed, by what could not be reached.
        failing_since: since when all rounds failed.
        failed_applies: how many applies there were that failed.
        hold: why something is not done that is to be done.
        drift: how many resources are not as recorded.
        changes: how many steps the plan has that were not done.
        fetched: when the remote last answered.
        succeeded: when all was last as the commit says.
    """

    remote: str = ""
    branch: str = ""
    interval_s: float = 60.0
    due: float = 0.0
    head: str = ""
    in_force: str = ""
    leads: bool = False
    suspended: bool = False
    rounds: int = 0
    outages: Mapping[Outage, int] = field(default_factory=dict)
    failing_since: float = 0.0
    failed_applies: int = 0
    hold: Hold | None = None
    drift: int = 0
    changes: int = 0
    fetched: float = 0.0
    succeeded: float = 0.0

    def failed(self, outage: Outage, now: float) -> "Sight":
        """The sight of it behind a round that failed."""
        counted = {**self.outages, outage: self.outages.get(outage, 0) + 1}
        return replace(self, outages=counted, failing_since=self.failing_since or now)


def ailment(sight: Sight, now: float) -> str:
    """What is wrong with a watcher; empty where it is well."""
    if now > sight.due:
        return f"stuck: no sign of life since it was due {now - sight.due:.0f} s ago"
    limit = PATIENCE * sight.interval_s
    if sight.failing_since and now - sight.failing_since > limit:
        return f"failing: no round was good for {now - sight.failing_since:.0f} s"
    return ""


def readiness(sight: Sight) -> str:
    """What it is ready for: to lead or to take over; empty before its first round ended."""
    return ("leader" if sight.leads else "standby") if sight.rounds else ""


def metrics(sight: Sight, now: float) -> str:
    """The metrics in Prometheus' text format."""
    return "".join(_lines(sight, now))


def _lines(sight: Sight, now: float) -> Iterator[str]:
    commits = {"head": sight.head, "in_force": sight.in_force}
    named = {f'{{branch="{_escaped(sight.branch)}",commit="{sight.in_force}"}}': 1.0}
    yield from _family("mlops_watch_commit_info", "gauge", "The commit in force", named)
    behind = float(commits["head"] != commits["in_force"])
    yield from _one("mlops_watch_behind", "gauge", "Whether the branch has a commit that is not in force", behind)
    yield from _one("mlops_watch_leader", "gauge", "Whether it leads, and applies", float(sight.leads))
    yield from _one("mlops_watch_suspended", "gauge", "Whether it was told to change nothing", float(sight.suspended))
    yield from _one("mlops_watch_rounds_total", "counter", "Rounds ended", sight.rounds)
    outages = {f'{{kind="{kind}"}}': float(sight.outages.get(kind, 0)) for kind in Outage}
    yield from _family("mlops_watch_outages_total", "counter", "Rounds that could not reach something", outages)
    failed = sight.failed_applies
    yield from _one("mlops_watch_failed_applies_total", "counter", "Applies of which a step failed", failed)
    holds = {f'{{reason="{hold.replace(" ", "_")}"}}': float(sight.hold is hold) for hold in Hold}
    yield from _family("mlops_watch_held", "gauge", "Why something that is to be done is not done", holds)
    yield from _one("mlops_watch_drift", "gauge", "Resources that are not as recorded", sight.drift)
    yield from _one("mlops_watch_plan_changes", "gauge", "Steps of the plan that were not done", sight.changes)
    if sight.succeeded:
        meaning = "When all was last as the commit says"
        yield from _one("mlops_watch_last_success_timestamp_seconds", "gauge", meaning, sight.succeeded)
    if sight.fetched:
        meaning = "Seconds since the remote last answered"
        yield from _one("mlops_watch_fetch_age_seconds", "gauge", meaning, max(0.0, now - sight.fetched))


def _one(name: str, kind: str, meaning: str, value: float) -> Iterator[str]:
    yield from _family(name, kind, meaning, {"": value})


def _family(name: str, kind: str, meaning: str, values: Mapping[str, float]) -> Iterator[str]:
    yield f"# HELP {name} {meaning}\n# TYPE {name} {kind}\n"
    for labels, value in values.items():
        yield f"{name}{labels} {int(value) if value == int(value) else repr(value)}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
