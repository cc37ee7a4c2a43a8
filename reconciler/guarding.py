"""A plan is held against what may be done on its target: budgets, protection, quota, and what is live."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from reconciler.apply import InTime, Pace
from reconciler.core.plan import Action, Plan, Step
from reconciler.core.state import Live, Newer, State
from reconciler.diff import foreign
from reconciler.errors import RefusedError
from reconciler.kinds import KINDS
from reconciler.preflight import Guards, over_quota, refusals
from reconciler.providers.provider import Seeing
from reconciler.wishes import Wish, paths_of
from reconciler.workspace import Workspace


def guard(workspace: Workspace, made: Plan, state: State, guards: Guards, *, wanted: int | None) -> None:
    """Refuse a plan that does too much, or needs more than there is.

    Args:
        workspace: the target.
        made: the plan.
        state: what is recorded.
        guards: what it may do.
        wanted: how many resources the files define; None where they are not all that is wanted.

    Raises:
        RefusedError: with every reason.
    """
    over = over_quota(made.steps, state, workspace.target.quota)
    refuse([*refusals(made.steps, state, guards, wanted=wanted), *over], made)


def refuse(reasons: Iterable[str], plan: Plan) -> None:
    """Raise what there is to say against a plan, if there is anything."""
    found = tuple(reasons)
    if found:
        raise RefusedError("\n".join(found), plan=plan)


def guards_of(workspace: Workspace, wish: Wish, state: State, live: Sequence[Live], ahead: Sequence[Newer]) -> Guards:
    """What a plan of the wish may do on the target as it is."""
    target = workspace.target
    return Guards(
        max_delete=wish.max_delete if wish.max_delete is not None else target.max_delete,
        allow_empty=wish.allow_empty,
        protect=target.protect,
        foreign=foreign(state, live),
        where=", ".join(paths_of(workspace.config, wish)),
        ahead=ahead,
        in_force={item.address: item.spec for item in live if item.underway},
    )


def suspects(workspace: Workspace, recorded: State, pace: Pace) -> tuple[Live, ...]:
    """What is live of all that may have changed since it was recorded, where nobody looks at the rest."""
    eyes, store = InTime(workspace.provider, pace), workspace.store
    fences = eyes.fences()
    return tuple(eyes.some([a for a, fence in fences.items() if a in recorded.entries and fence > store.generation(a)]))


def with_unclaimed_traffic(provider: Seeing, state: State, steps: Iterable[Step]) -> State:
    """The record with live traffic where a deployment is to go and nothing is recorded, as nobody claims it.

    Not even a plan that is to look at nothing deletes what answers requests.
    """
    gone = {step.address.parent for step in steps if step.action is Action.DELETE and step.address.parent}
    entries = dict(state.entries)
    for address in sorted(gone & entries.keys()):
        live, spec = provider.observe(address), entries[address].spec
        if live is not None and live.lineage == state.lineage:
            found = {name: live.spec[name] for name in KINDS[address.kind].left_alone if name in live.spec}
            entries[address] = replace(entries[address], spec={**found, **spec})
    return replace(state, entries=entries)
