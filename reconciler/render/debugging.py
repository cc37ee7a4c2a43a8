"""What is said of a deployment that is debugged: where to send requests, and how an editor attaches."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.render.values import json_text, lines_text, printable


def launch_configuration(
    name: str, *, host: str, port: int, mappings: Sequence[tuple[str, str]] = ()
) -> dict[str, Any]:
    """How VS Code attaches to it, as one of the configurations of its launch.json.

    Args:
        name: of the deployment.
        host: where debugpy listens.
        port: where debugpy listens.
        mappings: where the editor has files, and where they run from, if that is elsewhere.
    """
    found = {
        "name": f"mlops debug {name}",
        "type": "debugpy",
        "request": "attach",
        "connect": {"host": host, "port": port},
        "justMyCode": True,
    }
    paths = [{"localRoot": local, "remoteRoot": remote} for local, remote in mappings]
    return {**found, "pathMappings": paths} if paths else found


def debug_text(
    address: str, scoring_uri: str, configuration: Mapping[str, Any], *, sample: str, notes: Sequence[str]
) -> str:
    """What a person needs to debug a deployment.

    Args:
        address: of the deployment.
        scoring_uri: where it takes requests, without a key.
        configuration: of `launch_configuration`.
        sample: a file with a request; empty where there is none.
        notes: what is to be known besides.
    """
    return lines_text(_lines(address, scoring_uri, configuration, sample, notes))


def _lines(
    address: str, scoring_uri: str, configuration: Mapping[str, Any], sample: str, notes: Sequence[str]
) -> Iterator[str]:
    connect = configuration["connect"]
    yield f"{printable(address)}: a debugger may attach to {connect['host']}:{connect['port']}"
    yield from (f"  {printable(note)}" for note in notes)
    yield ""
    yield "Once it is ready, send it a request; no key is asked for:"
    yield f"  curl {scoring_uri} -H 'Content-Type: application/json' --data {_data(sample)}"
    yield ""
    yield "In VS Code, as .vscode/launch.json, or its configuration into yours; then F5:"
    yield from json_text({"version": "0.2.0", "configurations": [configuration]}).splitlines()
    yield ""
    yield "Ctrl-C ends it."


def _data(sample: str) -> str:
    return printable(shlex.quote(f"@{sample}")) if sample else "'{}'"
