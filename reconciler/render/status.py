"""The state of a target as text: endpoints, their deployments, who gets how much."""

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.core.holder import holder_text, unlocking
from reconciler.render.values import lines_text, printable, span_text

# A minute here and there, in which nobody looked after a target, makes no difference.
_PRACTICALLY_ALL = 0.99


def status_text(status: Mapping[str, Any]) -> str:
    """What runs, and what the last run did."""
    recorded = f"{status['recorded']} resources recorded, serial {status['serial']}"
    lines = [f"target {status['target']} ({status['provider']}): {recorded}"]
    if run := status["last_run"]:
        commit = f" at {run['commit'][:12]}{' (dirty)' if run['dirty'] else ''}" if run["commit"] else ""
        lines.append(f"last run: {run['command']} by {run['user']}{commit}, {run['started']}: {run['outcome']}")
    lines += _unfinished(status)
    lines += [
        f"{what}: it is an older copy; `mlops explain E-OLD-RECORD` says what to do" for what in status.get("newer", ())
    ]
    if status.get("live") and not status["recorded"]:
        lines.append(
            f"nothing is recorded, but {status['live']} objects are live; `mlops state rebuild` records them, "
            "if the state that made them was lost"
        )
    for endpoint in status["endpoints"]:
        lines += ["", *_endpoint(endpoint)]
    return lines_text(lines)


def _unfinished(status: Mapping[str, Any]) -> Iterator[str]:
    """Who is at work on the target and at what, or what a run left without an end."""
    found, held = status["unfinished"], status["lock"]
    if held is None:
        yield from (f"cut off: {what}; the next apply looks at what became of it" for what in found)
        return
    what = f": {', '.join(found)}" if found else ""
    way = f"; if that run hangs, break its lock: `{unlocking(status['target'], held['id'])}`" if "id" in held else ""
    yield printable(f"in progress by {holder_text(held)}{what}{way}")


def _endpoint(endpoint: Mapping[str, Any]) -> Iterator[str]:
    yield f"{endpoint['name']}  {endpoint['provisioning_state']}  {endpoint['scoring_uri']}".rstrip()
    if endpoint.get("gateway") == "not running":
        yield "  the gateway does not run, so nothing is served; `mlops drift` tells what is amiss, an apply mends it"
    if endpoint.get("keyless"):
        yield "  asks for no key: whoever is on this machine may call it, until a file that defines it is applied"
    certificate = endpoint.get("certificate") or {}
    if certificate.get("self_signed"):
        yield f"  self-signed certificate, for clients to trust: {certificate['file']}"
    width = max((len(deployment["name"]) for deployment in endpoint["deployments"]), default=0)
    for deployment in endpoint["deployments"]:
        wanted = "?" if deployment["wanted"] is None else deployment["wanted"]
        yield (
            f"  {deployment['name']:<{width}}  {deployment['traffic']:>3} %  {deployment['ready']} of {wanted} ready  "
            f"{deployment['provisioning_state']}{_lacking(deployment)}"
        )
    if not endpoint["deployments"]:
        yield "  no deployments"
    if note := endpoint.get("note"):
        yield f"  {printable(note)}"
    if slo := endpoint.get("slo"):
        yield from _promises(slo)


def _lacking(deployment: Mapping[str, Any]) -> str:
    """What Azure's states leave out: they tell how the last operation ended, not how instances do."""
    if deployment["ready"] == 0 and deployment["wanted"] != 0:
        return ", but none is ready"
    return ""


def spent_budgets(status: Mapping[str, Any]) -> list[str]:
    """The promises of which nothing is left, in words."""
    return [
        f"endpoint/{endpoint['name']}: the error budget of {_promise(each)} is spent"
        for endpoint in status["endpoints"]
        for each in (endpoint.get("slo") or {"objectives": ()})["objectives"]
        if each["spent"]
    ]


def uncovered_windows(status: Mapping[str, Any]) -> list[str]:
    """The promises of which less than the window is known, in words; a hundredth of it may be missing."""
    return [
        f"endpoint/{endpoint['name']}: {_promise(each)} is counted over {_reach(each, slo)}"
        for endpoint in status["endpoints"]
        if (slo := endpoint.get("slo"))
        for each in slo["objectives"]
        if _reach(each, slo)
    ]


def _promises(slo: Mapping[str, Any]) -> Iterator[str]:
    yield f"  promised over {span_text(slo['window_seconds'])}"
    for each in slo["objectives"]:
        counted = f" (counted over {reach})" if (reach := _reach(each, slo)) else ""
        if not each["total"]:
            yield f"    {_promise(each)}: no requests, budget left 100 %{counted}"
            continue
        yield (
            f"    {_promise(each)}: {each['achieved']:.6g} % of {each['total']:,} requests, "
            f"budget left {each['budget_left']:.3g} %, burn rate {each['burn_rate']:.3g}{counted}"
        )


def _reach(objective: Mapping[str, Any], slo: Mapping[str, Any]) -> str:
    """How much of its window a promise is counted over; empty where that is practically all."""
    covered, window = objective["covered_seconds"], slo["window_seconds"]
    return f"{span_text(covered)} of {span_text(window)}" if covered < window * _PRACTICALLY_ALL else ""


def _promise(objective: Mapping[str, Any]) -> str:
    name, target = objective["name"], objective["target"]
    return f"{name} {target:g} %" if name == "availability" else name
