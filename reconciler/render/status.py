"""The state of a target as text: endpoints, their deployments, who gets how much."""

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.render.values import printable, span_text


def status_text(status: Mapping[str, Any]) -> str:
    """What runs, and what the last run did."""
    recorded = f"{status['recorded']} resources recorded, serial {status['serial']}"
    lines = [f"target {status['target']} ({status['provider']}): {recorded}"]
    if run := status["last_run"]:
        commit = f" at {run['commit'][:12]}{' (dirty)' if run['dirty'] else ''}" if run["commit"] else ""
        lines.append(f"last run: {run['command']} by {run['user']}{commit}, {run['started']}: {run['outcome']}")
    lines += [f"unfinished: {what}; the next apply looks at what became of it" for what in status["unfinished"]]
    for endpoint in status["endpoints"]:
        lines += ["", *_endpoint(endpoint)]
    return "\n".join(lines)


def _endpoint(endpoint: Mapping[str, Any]) -> Iterator[str]:
    yield f"{endpoint['name']}  {endpoint['provisioning_state']}  {endpoint['scoring_uri']}".rstrip()
    certificate = endpoint.get("certificate") or {}
    if certificate.get("self_signed"):
        yield f"  self-signed certificate, for clients to trust: {certificate['file']}"
    width = max((len(deployment["name"]) for deployment in endpoint["deployments"]), default=0)
    for deployment in endpoint["deployments"]:
        wanted = "?" if deployment["wanted"] is None else deployment["wanted"]
        yield (
            f"  {deployment['name']:<{width}}  {deployment['traffic']:>3} %  {deployment['ready']} of {wanted} ready  "
            f"{deployment['provisioning_state']}"
        )
    if not endpoint["deployments"]:
        yield "  no deployments"
    if note := endpoint.get("note"):
        yield f"  {printable(note)}"
    if slo := endpoint.get("slo"):
        yield from _promises(slo)


def spent_budgets(status: Mapping[str, Any]) -> list[str]:
    """The promises of which nothing is left, in words."""
    return [
        f"endpoint/{endpoint['name']}: the error budget of {_promise(each)} is spent"
        for endpoint in status["endpoints"]
        for each in (endpoint.get("slo") or {"objectives": ()})["objectives"]
        if each["spent"]
    ]


def _promises(slo: Mapping[str, Any]) -> Iterator[str]:
    window, covered = span_text(slo["window_seconds"]), slo["covered_seconds"]
    reach = f" (the logs reach back {span_text(covered)})" if covered < slo["window_seconds"] else ""
    yield f"  promised over {window}{reach}"
    for each in slo["objectives"]:
        if not each["total"]:
            yield f"    {_promise(each)}: no requests, budget left 100 %"
            continue
        yield (
            f"    {_promise(each)}: {each['achieved']:.6g} % of {each['total']:,} requests, "
            f"budget left {each['budget_left']:.3g} %, burn rate {each['burn_rate']:.3g}"
        )


def _promise(objective: Mapping[str, Any]) -> str:
    name, target = objective["name"], objective["target"]
    return f"{name} {target:g} %" if name == "availability" else name
