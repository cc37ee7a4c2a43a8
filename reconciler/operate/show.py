"""A resource in the shape in which `az ml … show` prints it, and the state of a whole target."""

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.apply import unfinished
from reconciler.core.address import Address
from reconciler.core.state import Live, State
from reconciler.diff import newer
from reconciler.kinds.autoscaling import bounds
from reconciler.kinds.marks import is_keyless
from reconciler.operate.access import live_object
from reconciler.operate.budgets import as_json, budgets
from reconciler.record.store import Run
from reconciler.render.values import Veil
from reconciler.workspace import Workspace


def shown(workspace: Workspace, address: Address) -> dict[str, Any]:
    """One resource: Azure's field names, secrets veiled, what the provider tells besides."""
    live = live_object(workspace, address)
    named: dict[str, Any] = {"name": address.name}
    if address.version:
        named["version"] = address.version
    if address.endpoint:
        named["endpoint_name"] = address.endpoint
    entry = workspace.store.read().entries.get(address)
    spec = {**(entry.spec if entry else {}), **live.spec}
    told = {"provisioning_state": live.status, "generation": live.generation, **live.detail}
    return {**named, **Veil().over(spec), **told}


def status(workspace: Workspace) -> dict[str, Any]:
    """The target in one value: what is recorded, what is live, what is left of its promises, what the last run did."""
    state = workspace.store.read()
    live = {item.address: item for item in workspace.provider.list()}
    ahead = newer(state, live.values(), workspace.store.generation)
    runs = workspace.store.runs(limit=1)
    intents, held = unfinished(workspace.store)
    promised = {name: as_json(found) for name, found in budgets(workspace).items()}
    endpoints = _of_kind(live.values(), "endpoint")
    return {
        "target": workspace.target.name,
        "provider": workspace.provider.name,
        "lineage": state.lineage,
        "serial": state.serial,
        "recorded": len(state.entries),
        "live": len(live),
        "newer": [str(each) for each in ahead],
        "unfinished": [f"{intent.action} {intent.address}" for intent in intents],
        "last_run": _run(runs),
        "lock": None if held is None else dict(held),
        "endpoints": [{**_endpoint(item, live, state), "slo": promised.get(item.address.name)} for item in endpoints],
    }


def _endpoint(item: Live, live: Mapping[Address, Live], state: State) -> dict[str, Any]:
    traffic: Mapping[str, int] = item.spec.get("traffic") or {}
    deployments = [d for d in _of_kind(live.values(), "deployment") if d.address.endpoint == item.address.name]
    return {
        "name": item.address.name,
        "provisioning_state": item.status,
        "scoring_uri": item.detail.get("scoring_uri", ""),
        "certificate": item.detail.get("certificate"),
        "note": item.detail.get("note", ""),
        "gateway": item.detail.get("gateway", ""),
        "keyless": is_keyless(item.spec),
        "deployments": [
            {
                "name": deployment.address.name,
                "provisioning_state": deployment.status,
                "ready": deployment.detail.get("ready", deployment.spec.get("instance_count")),
                "wanted": _wanted(deployment.address, state),
                "traffic": traffic.get(deployment.address.name, 0),
            }
            for deployment in deployments
        ],
    }


def _wanted(address: Address, state: State) -> Any:
    entry = state.entries.get(address)
    if entry is None:
        return None
    limits = bounds(entry.spec)
    return f"{limits[0]} to {limits[1]}" if limits else entry.spec.get("instance_count")


def _of_kind(items: Any, kind: str) -> list[Live]:
    return sorted((item for item in items if item.address.kind == kind), key=lambda item: item.address)


def _run(runs: Sequence[Run]) -> dict[str, Any] | None:
    if not runs:
        return None
    run = runs[0]
    return {
        "command": run.command,
        "started": run.started,
        "outcome": run.outcome or "unfinished",
        "user": run.user,
        "commit": run.commit,
        "dirty": run.dirty,
    }
