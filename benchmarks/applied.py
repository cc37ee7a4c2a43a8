"""Applies a folder of any size in seconds: one endpoint is really applied, and what that leaves is multiplied.

What comes out is what an apply of the whole would leave, journal included, each operation with an id of its own. It is
read and written by the product's own functions, in a process of its own: what this one holds would count for whatever
is measured from it. The first plan says whether it is right.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from folders import committed, endpoints
from measuring import MLOPS, Bench, Command

SEED = 13  # resources: one endpoint, its deployments, and the model and the environment that all share


def applied(bench: Bench, name: str, resources: int) -> Path:
    """A committed folder whose record and whose live objects are as it says; made once."""
    if (bench.folder / name).is_dir():
        return bench.folder / name
    root = committed(bench.folder / name, resources, bench.environ)
    seed = committed(bench.folder / f"{name}-seed", SEED, bench.environ)
    bench.run(Command((MLOPS, "apply", "--auto-approve"), seed, "succeeded."))
    shutil.copytree(seed / ".mlops", root / ".mlops", ignore=shutil.ignore_patterns("cache"))
    argv = (sys.executable, __file__, str(seed), str(root), str(endpoints(resources)))
    subprocess.run(argv, env=bench.environ, check=True)
    shutil.rmtree(seed)
    return root


def main() -> None:
    """Multiply what is live and recorded in one folder into another."""
    seed, root, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    held = [json.loads(line) for line in (seed / "live.json").read_text().splitlines()]
    lines = sorted((each for line in held for each in _live(line, count)), key=lambda line: line["address"])
    file = root / "live.json"
    file.touch(mode=0o600)
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    _record(root, count)


def _live(line: Mapping[str, Any], count: int) -> Iterator[dict[str, Any]]:
    for number in _numbers(line["address"], count):
        yield {**renumbered(line, number), "operation": operation(line["operation"], number)}


def _record(root: Path, count: int) -> None:
    from reconciler.core.address import Address  # noqa: PLC0415 - the process that measures does not load it
    from reconciler.workspace import open_record  # noqa: PLC0415

    def address_of(address: Address, number: int) -> Address:
        return Address.parse(renumbered(str(address), number))

    with open_record(None, start=root) as (_, store), store.lock({}, timeout_s=0):
        one = store.dump()
        entries = {
            address_of(address, number): replace(
                entry, spec=renumbered(entry.spec, number), operation=operation(entry.operation, number)
            )
            for address, entry in one.state.entries.items()
            for number in _numbers(str(address), count)
        }
        operations = tuple(
            replace(
                item,
                intent=replace(
                    item.intent,
                    operation=operation(item.intent.operation, number),
                    address=address_of(item.intent.address, number),
                    before=renumbered(item.intent.before, number),
                    after=renumbered(item.intent.after, number),
                ),
            )
            for item in one.operations
            for number in _numbers(str(item.intent.address), count)
        )
        runs = tuple(replace(run, steps=len(operations)) for run in one.runs)
        store.load(replace(one, state=replace(one.state, entries=entries), operations=operations, runs=runs))


def renumbered(value: Any, number: int) -> Any:
    """A value in which whatever is of the first endpoint is of the one with this number."""
    if isinstance(value, str):
        return re.sub(r"\b(endpoint|team)-0\b", rf"\g<1>-{number}", value)
    if isinstance(value, Mapping):
        return {key: renumbered(each, number) for key, each in value.items()}
    return value


def operation(first: str, number: int) -> str:
    """The id of the same operation on the endpoint with this number."""
    return f"{int(first, 16) ^ number:0{len(first)}x}"


def _numbers(address: str, count: int) -> range:
    """Of which endpoints there is such an address; what all share is there once."""
    return range(count if "endpoint-0" in address else 1)


if __name__ == "__main__":
    main()
