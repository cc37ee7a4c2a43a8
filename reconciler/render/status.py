"""The state of a target as text: endpoints, their deployments, who gets how much."""

from collections.abc import Iterator, Mapping
from typing import Any


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
    width = max((len(deployment["name"]) for deployment in endpoint["deployments"]), default=0)
    for deployment in endpoint["deployments"]:
        wanted = "?" if deployment["wanted"] is None else deployment["wanted"]
        yield (
            f"  {deployment['name']:<{width}}  {deployment['traffic']:>3} %  {deployment['ready']} of {wanted} ready  "
            f"{deployment['provisioning_state']}"
        )
    if not endpoint["deployments"]:
        yield "  no deployments"
