"""What a run may load is listed in `loaded.txt`: whatever more it loads, somebody has decided."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from command_line import PATIENCE_S, Repository
from test_cli_imports import modules

from tests.waiting import until

LISTED = Path(__file__).with_name("loaded.txt")
HOUSE = "reconciler"
VERSION = (3, 11)
"""The version of Python that the list is of: what the standard library loads of its own is not the same in others."""


def listed(run: str) -> dict[str, set[str]]:
    """What a run may load, by where it is: a folder of the house, `reconciler` for its top, `others` for the rest."""
    may: dict[str, set[str]] = {}
    section = LISTED.read_text().partition(f"\n[{run}]\n")[2].partition("\n[")[0]
    for line in filter(None, section.splitlines()):
        place, _, names = line.partition(": ")
        more = listed(names) if place == "as" else {place: set(names.split())}
        may |= {place: may.get(place, set()) | each for place, each in more.items()}
    return may


def brought_along(names: Iterable[str]) -> set[str]:
    """The top modules that these load, in this version of Python, with those that it has loaded anyway."""
    code = f"import sys\nfor name in {sorted(names)}: __import__(name)\nprint(*sys.modules, sep='\\n')"
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=PATIENCE_S)
    return {name.partition(".")[0] for name in said.stdout.splitlines()}


def by_place(names: Iterable[str]) -> dict[str, set[str]]:
    """Modules of the house by their folders; those by themselves go without saying."""
    found: dict[str, set[str]] = {}
    for name in names:
        place, _, module = name.removeprefix(f"{HOUSE}.").rpartition(".")
        found.setdefault(place or HOUSE, set()).add(module)
    folders = {each.rpartition(".")[0] or HOUSE: set() for each in found}
    for each in found:
        above, _, folder = each.rpartition(".")
        folders[above or HOUSE].add(folder)
    return {place: left for place, modules in found.items() if (left := modules - folders.get(place, set()))}


def unlisted(run: str, loaded: Iterable[str]) -> list[str]:
    """The lines by which the list would have to grow."""
    may = listed(run)
    others = {name.partition(".")[0] for name in loaded} - brought_along(may["others"]) - {HOUSE}
    others -= frozenset() if sys.version_info[:2] == VERSION else sys.stdlib_module_names
    house = by_place(name for name in loaded if name.startswith(f"{HOUSE}."))
    more = {place: names - may.get(place, set()) for place, names in house.items()} | {"others": others}
    return [f"{place}: {' '.join(sorted(names))}" for place, names in sorted(more.items()) if names]


def assert_listed(run: str, loaded: Iterable[str]) -> None:
    if more := unlisted(run, loaded):
        pytest.fail(
            f"`mlops {run}` loads what it did without. Import it in the function that needs it, or, where each such "
            f"run does, list it in {LISTED.name} below [{run}]:\n" + "\n".join(more)
        )


@pytest.mark.parametrize("run", ["--version", "--help"])
def test_what_is_loaded_to_say_something(repo: Repository, run: str):
    assert_listed(run, modules(repo, run))


def test_what_a_plan_of_a_memory_target_loads_that_goes_through_all_stages(applied: Repository):
    assert_listed("plan --no-cache", modules(applied, "plan", "--no-cache"))


def test_what_a_plan_of_a_memory_target_loads_that_is_known_at_a_glance(applied: Repository):
    # A file that was written less than two seconds ago may change once more, and look the same.
    until(lambda: "reconciler.planning" not in modules(applied, "plan"))
    assert_listed("plan", modules(applied, "plan"))


def test_what_a_plan_of_a_memory_target_loads_that_is_known_from_an_earlier_one(applied: Repository):
    until(lambda: "reconciler.staging" not in modules(applied, "plan", "--verbose"))
    assert_listed("plan --verbose", modules(applied, "plan", "--verbose"))


def test_what_a_plan_of_a_local_target_loads(local: Repository):
    assert_listed("plan -t local", modules(local, "plan", "--no-cache"))


def test_what_a_look_for_drift_loads(applied: Repository):
    until(lambda: "yaml" not in modules(applied, "drift"))
    assert_listed("drift", modules(applied, "drift"))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("reconciler.cli.planning", "cli: planning"),
        ("reconciler.wanted", "reconciler: wanted"),
        ("docker.errors", "others: docker"),
    ],
)
def test_what_is_not_listed_is_named(name: str, told: str):
    with pytest.raises(pytest.fail.Exception, match=rf"below \[--help\]:\n{told}$"):
        assert_listed("--help", ["sys", "typer", "reconciler", "reconciler.cli", "reconciler.cli.main", name])
