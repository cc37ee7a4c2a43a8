"""What of a plan is settled: where nothing is to be done or corrected, and nothing drifted."""

from collections.abc import Collection
from dataclasses import replace

from reconciler.core.address import Address
from reconciler.core.state import State
from reconciler.wishes import Planned


def finds_nothing(planned: Planned) -> bool:
    """Whether nothing is to be done, nothing drifted, and nothing of the record is to be corrected."""
    return not (unsettled_of(planned) or planned.plan.recovery or planned.plan.offline)


def unsettled_of(planned: Planned) -> set[Address]:
    """Where anything is to be done or corrected, or drifted."""
    steps, drifts = planned.plan.steps, planned.drifts
    return {*(step.address for step in steps), *(drift.address for drift in drifts), *planned.corrections}


def settled_of(planned: Planned, unsettled: Collection[Address], recorded: State) -> Planned | None:
    """The plan without what is unsettled: all that is recorded counts as unchanged.

    None where an entry is neither unchanged, nor registered by command, nor of a step.
    """
    from reconciler.remembering.clusters import cluster_of  # noqa: PLC0415 - nothing differs for most plans

    plan, changed = planned.plan, {step.address for step in planned.plan.steps}
    same, entries = plan.unchanged + len(plan.by_command), recorded.entries
    if same != len(entries.keys() - changed) or not changed.isdisjoint(plan.by_command):
        return None
    clusters = set(map(cluster_of, unsettled))
    labels = {address: each for address, each in plan.labels.items() if cluster_of(address) not in clusters}
    return replace(planned, plan=replace(plan, unchanged=len(entries) - len(plan.by_command), labels=labels))
