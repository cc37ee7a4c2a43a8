"""drift() and refresh(): what changed behind git's back, and having the record follow it."""

from reconciler.apply import Pace, recoveries, unfinished
from reconciler.core.state import Drift
from reconciler.diff import altered, drifts, fold, moved_labels, newer, silent, under_way, with_served
from reconciler.observing import corrections_of, live_of, served_of
from reconciler.providers.provider import Renewing
from reconciler.remembering import looking_for_drift
from reconciler.wishes import Drifted, Manner
from reconciler.workspace import Workspace


def drift(
    workspace: Workspace, *, served: bool = True, looks: int = 3, pace: Pace | None = None, cached: bool = True
) -> Drifted:
    """What changed behind git's back; where a run records something between our two looks, we look again.

    Args:
        workspace: the target.
        served: whether instances are asked which content they have loaded.
        looks: how often at the most.
        pace: how long the platform may take to say what is live.
        cached: whether an earlier look that found nothing is remembered, and this one may be.
    """
    pace = pace or Pace()
    look = looking_for_drift(workspace, pace) if cached else None
    narrowed = look.narrowed() if look else None
    recorded, live = narrowed or (workspace.store.read(), live_of(workspace, pace))
    told = served_of(workspace, pace) if served else ()
    if isinstance(workspace.provider, Renewing):
        live = altered(live, recorded, told)
    intents, who = unfinished(workspace.store)
    found = drifts(recorded, live, newer(recorded, live, workspace.store.generation))
    found = with_served(found, recorded, told)
    if found and looks > 1 and workspace.store.root().serial != recorded.serial:
        return drift(workspace, served=served, looks=looks - 1, pace=pace, cached=cached)
    if who is not None:
        found = under_way(found, {intent.address for intent in intents})
    if narrowed is None:
        from reconciler.resolve import Registry  # noqa: PLC0415 - a look that is known from earlier has none

        found += moved_labels(recorded, Registry.of(recorded).latest)
    untold = recoveries(intents, recorded, {item.address: item for item in live})
    if look and not (found or untold):
        look.keep(recorded, live)
    ordered = tuple(sorted(found, key=lambda each: each.address))
    count = look.record.entries if look and narrowed else len(recorded.entries)
    return Drifted(ordered, count, untold, who, workspace.target.name, silent(told))


def refresh(workspace: Workspace, manner: Manner | None = None) -> tuple[Drift, ...]:
    """Record the live side as it is, and change nothing there."""
    from reconciler.attending import locked  # noqa: PLC0415 - who only looks neither waits nor writes
    from reconciler.executing import settled  # noqa: PLC0415 - as above

    manner = manner or Manner()
    with locked(workspace, "mlops apply --refresh-only", timeout_s=manner.lock_timeout_s):
        settled(workspace, manner.pace)
        recorded = workspace.store.read()
        live = live_of(workspace, manner.pace)
        found = drifts(recorded, live, newer(recorded, live, workspace.store.generation))
        for address, entry in corrections_of(recorded, fold(recorded, live), (), ()).items():
            workspace.store.note(address, entry)
        return tuple(found)
