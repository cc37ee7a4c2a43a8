"""What scripts of `az ml` ask in loops, on a local target that serves a model."""

from pathlib import Path

from local import HOUSES, answering, ended, house_prices
from measuring import MLOPS, Bench, Command, python
from table import Row, compared


def az(bench: Bench) -> list[Row]:
    """Showing and listing, beside what the library takes by which the command line is read."""
    folder = bench.folder / "az"
    house_prices(folder, "{provider: local, default: true}")
    try:
        answering(bench, folder, HOUSES)
        show = _command(folder, "online-endpoint", "show", "--name", HOUSES.endpoint)
        listing = _command(folder, "online-endpoint", "list-deployments", "--name", HOUSES.endpoint)
        shown, listed, typer = bench.in_turns([show, listing, python("import typer", folder)], bench.runs(15, 5))
    finally:
        ended(bench, folder)
    peer = ("python -c 'import typer'", typer)
    return [
        compared("online-endpoint show", shown, peer, by="wall", goal=0.3),
        compared("online-endpoint list-deployments", listed, peer, by="wall"),
    ]


def _command(folder: Path, *words: str) -> Command:
    return Command((MLOPS, *words), folder, "Succeeded")
