"""Plans, applies and drifts as metrics for a file that Prometheus' node exporter reads; times are in seconds.

Every sample is of a target, and what is told of runs is of a command, too: so a file keeps what other targets and
commands wrote into it.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.plan import Action, Outcome, Plan, Result
from reconciler.core.state import Drift, DriftClass
from reconciler.render.values import log_line

# Of drifted resources that are told one by one, so that a target that is gone altogether fills no time series database.
_MOST_RESOURCES = 500

_HELP = {
    "mlops_drift": "Resources whose live side is not as recorded, by class.",
    "mlops_drift_resource": "A resource whose live side is not as recorded.",
    "mlops_drift_unfinished": "Operations that were begun and have no end.",
    "mlops_drift_silent_instances": "Instances that do not say what they serve.",
    "mlops_recorded_resources": "Resources that are recorded.",
    "mlops_plan_changes": "Steps that are to be done, by action.",
    "mlops_apply_steps": "Steps of the last apply, by result.",
    "mlops_last_run_timestamp_seconds": "When the command last ended.",
    "mlops_last_run_exit_code": "What the command last ended with, changes and drift aside.",
    "mlops_last_success_timestamp_seconds": "When the command last did what it should.",
}
_SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*)\} (\S+)')
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')


@dataclass(frozen=True)
class _Sample:
    """One value; labels are escaped already."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: str

    @property
    def whose(self) -> tuple[str, str | None, str | None]:
        """What is written anew as one: a metric of a target, and of a command where it is one of runs."""
        labels = dict(self.labels)
        return self.name, labels.get("target"), labels.get("command")

    def __str__(self) -> str:
        labels = ",".join(f'{name}="{value}"' for name, value in self.labels)
        return f"{self.name}{{{labels}}} {self.value}"


def plan_metrics(plan: Plan, *, now: float, command: str = "plan") -> str:
    """What a plan would change."""
    return _text(
        [*_changes(plan.target, Counter(step.action for step in plan.steps)), *_run(plan.target, command, now)]
    )


def apply_metrics(
    plan: Plan, outcomes: Sequence[Outcome], *, now: float, exit_code: int, command: str = "apply"
) -> str:
    """What an apply did, and what is yet to be done."""
    done = {outcome.step.id for outcome in outcomes if outcome.result is Result.SUCCEEDED}
    left = Counter(step.action for step in plan.steps if step.id not in done)
    results = Counter(outcome.result for outcome in outcomes)
    told = (_sample("mlops_apply_steps", results[each], target=plan.target, result=each) for each in Result)
    return _text([*_changes(plan.target, left), *told, *_run(plan.target, command, now, exit_code)])


def drift_metrics(
    drifts: Sequence[Drift], *, target: str, recorded: int, unfinished: int, silent: int, now: float
) -> str:
    """What changed behind git's back."""
    classes = Counter(drift.kind for drift in drifts)
    return _text(
        [
            *(_sample("mlops_drift", classes[each], target=target, **{"class": each}) for each in DriftClass),
            *(
                _sample("mlops_drift_resource", 1, target=target, address=str(each.address), **{"class": each.kind})
                for each in drifts[:_MOST_RESOURCES]
            ),
            _sample("mlops_drift_unfinished", unfinished, target=target),
            _sample("mlops_drift_silent_instances", silent, target=target),
            _sample("mlops_recorded_resources", recorded, target=target),
            *_run(target, "drift", now),
        ]
    )


def failure_metrics(*, target: str, command: str, exit_code: int, now: float) -> str:
    """That a command came to nothing: what it told when it last succeeded stays."""
    return _text(_run(target, command, now, exit_code))


def merged(former: str, fresh: str) -> str:
    """The metrics of a file with those of one more run; what the run tells of its target replaces what was there.

    Lines that are no samples of ours go, as one of them would make the whole file worthless to its reader.
    """
    samples = _samples(fresh)
    told = {sample.whose for sample in samples}
    told |= {("mlops_drift_resource", target, None) for name, target, _ in told if name == "mlops_drift"}
    kept = [sample for sample in _samples(former) if sample.whose not in told]
    return _text([*kept, *samples])


def _run(target: str, command: str, now: float, exit_code: int = 0) -> Iterator[_Sample]:
    about = {"target": target, "command": command}
    yield _sample("mlops_last_run_timestamp_seconds", round(now, 3), **about)
    yield _sample("mlops_last_run_exit_code", exit_code, **about)
    if not exit_code:
        yield _sample("mlops_last_success_timestamp_seconds", round(now, 3), **about)


def _changes(target: str, counted: Mapping[Action, int]) -> Iterator[_Sample]:
    return (_sample("mlops_plan_changes", counted.get(each, 0), target=target, action=each) for each in Action)


def _sample(name: str, value: float, **labels: str) -> _Sample:
    return _Sample(name, tuple((label, _escaped(text)) for label, text in labels.items()), f"{value:.15g}")


def _escaped(text: str) -> str:
    """The text as a label's value; what would act in a terminal or the log of a job is spelled out."""
    return log_line(text).replace("\\", "\\\\").replace('"', '\\"')


def _text(samples: Iterable[_Sample]) -> str:
    """The samples, those of one metric together; of two of the same labels the last."""
    families: dict[str, dict[tuple[tuple[str, str], ...], _Sample]] = {name: {} for name in _HELP}
    for sample in samples:
        families[sample.name][sample.labels] = sample
    lines = [line for name, found in families.items() if found for line in _family(name, found.values())]
    return "".join(f"{line}\n" for line in lines)


def _family(name: str, samples: Iterable[_Sample]) -> Iterator[str]:
    yield f"# HELP {name} {_HELP[name]}"
    yield f"# TYPE {name} gauge"
    yield from map(str, samples)


def _samples(text: str) -> list[_Sample]:
    found = (_SAMPLE.fullmatch(line) for line in text.split("\n"))
    return [
        _Sample(match[1], tuple((name, value) for name, value in _LABEL.findall(match[2])), match[3])
        for match in found
        if match and match[1] in _HELP and _is_number(match[3])
    ]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
