"""What is said of a deployment that is debugged: where to send requests, and how an editor attaches."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.render.values import json_text, lines_text, printable

_HOST = "127.0.0.1"


def launch_configuration(
    address: str, *, port: int, mappings: Sequence[tuple[str, str]] = (), watched: str = ""
) -> dict[str, Any]:
    """How VS Code attaches to it, as one of the configurations of its launch.json.

    Args:
        address: of the deployment.
        port: of this machine, where debugpy listens.
        mappings: where the editor has files, and where they run from, if that is elsewhere.
        watched: a folder in which an edit counts at once, while a debugger is attached; empty for none.
    """
    found: dict[str, Any] = {
        "name": f"mlops debug {address.removeprefix('deployment/')}",
        "type": "debugpy",
        "request": "attach",
        "connect": {"host": _HOST, "port": port},
        "justMyCode": True,
    }
    if mappings:
        found["pathMappings"] = [{"localRoot": local, "remoteRoot": remote} for local, remote in mappings]
    if watched:
        found["autoReload"] = {"enable": True, "watchDirectories": [watched]}
    return found


def debug_text(
    address: str, configuration: Mapping[str, Any], *, port: int, sample: str = "", notes: Sequence[str] = ()
) -> str:
    """What a person needs to debug a deployment.

    Args:
        address: of the deployment.
        configuration: of `launch_configuration`.
        port: of this machine, where it takes requests.
        sample: a file with a request; empty where there is none.
        notes: what is to be known besides.
    """
    connect = configuration["connect"]
    return lines_text(
        [
            f"{printable(address)}: a debugger may attach to {connect['host']}:{connect['port']}",
            *(f"  {printable(note)}" for note in notes),
            "",
            "Once it is ready, send it a request; no key is asked for:",
            f"  curl http://{_HOST}:{port}/score -H 'Content-Type: application/json' --data {_data(sample)}",
            "",
            "In VS Code, as .vscode/launch.json, or its configuration into yours; then F5:",
            *json_text({"version": "0.2.0", "configurations": [configuration]}).split("\n"),
            "",
            "Ctrl-C ends it.",
        ]
    )


def _data(sample: str) -> str:
    return printable(shlex.quote(f"@{sample}")) if sample else "'{}'"
