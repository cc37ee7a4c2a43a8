"""debugpy's adapter, run as a script: a debugger that has just hung up keeps no other from coming.

debugpy greets whoever comes in the one thread that lets debuggers in, and there it also tells the one that came before.
Where either has hung up meanwhile, that thread would end: the port listens on, and whoever comes next waits for ever.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    del sys.path[0]  # the folder of this file, whose modules have names of others

import importlib
import os
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any


def outlasting(serve: Callable[..., Any], report: Callable[[str], Any]) -> Callable[..., Any]:
    """The same server, whose thread goes on whatever becomes of one connection.

    Args:
        serve: what starts it, by a name, what it does with each connection, and more.
        report: is told of what was raised, by the name of the server, while that is handled.
    """

    def serving(name: str, handler: Callable[[Any], Any], *more: Any) -> Any:
        def handled(connection: Any) -> None:
            try:
                handler(connection)
            except Exception:  # noqa: BLE001 - it is reported, and concerns this connection alone
                report(f"{name} has hung up")

        return serve(name, handled, *more)

    return serving


def main(folder: str) -> None:
    """Run the adapter of the debugpy of a folder."""
    sys.path.insert(0, str(Path(folder).parent))
    importlib.import_module("debugpy")
    del sys.path[0]
    sockets: Any = importlib.import_module("debugpy.common.sockets")
    log: Any = importlib.import_module("debugpy.common.log")
    sockets.serve = outlasting(sockets.serve, log.swallow_exception)
    runpy.run_module("debugpy.adapter", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(os.environ["MLOPS_DEBUGPY"])
