"""What scripts of `az ml` ask in loops, on a local target that serves a model."""

import time
from pathlib import Path

from local import HOUSES, answering, ended, house_prices
from measuring import MLOPS, Bench, Command, python
from table import Row, compared

_TAGGING = ("online-endpoint", "update", "--name", HOUSES.endpoint, "--set", "tags.bench=1", "--no-wait")


def az(bench: Bench) -> list[Row]:
    """Showing and listing, beside what the library takes by which the command line is read."""
    folder = bench.folder / "az"
    house_prices(folder, "{provider: local, default: true}")
    try:
        answering(bench, folder, HOUSES)
        show = _command(folder, "online-endpoint", "show", "--name", HOUSES.endpoint)
        listing = _command(folder, "online-endpoint", "list-deployments", "--name", HOUSES.endpoint)
        leaving = Command((MLOPS, *_TAGGING), folder, prepare=lambda: _all_done(folder))
        commands = [show, listing, leaving, python("import typer", folder)]
        shown, listed, left, typer = bench.in_turns(commands, bench.runs(15, 5))
        _all_done(folder)
    finally:
        ended(bench, folder)
    peer = ("python -c 'import typer'", typer)
    return [
        compared("online-endpoint show", shown, peer, by="wall", goal=0.3),
        compared("online-endpoint list-deployments", listed, peer, by="wall"),
        compared("online-endpoint update --no-wait, until it is accepted", left, peer, by="wall", goal=1.0),
    ]


def _all_done(folder: Path) -> None:
    """Wait until no operation is under way."""
    deadline = time.monotonic() + 60
    while any((folder / ".mlops" / "operations").rglob("0*.json")):
        assert time.monotonic() < deadline, "an operation does not end"
        time.sleep(0.02)


def _command(folder: Path, *words: str) -> Command:
    return Command((MLOPS, *words), folder, "Succeeded")
