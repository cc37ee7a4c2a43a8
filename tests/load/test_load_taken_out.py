"""Whoever took a field out of a manifest is told from history alone, and nobody's neighbour is told in their place."""

import random
from pathlib import Path

import pytest

from reconciler.core.manifest import Past, Resource, Source
from reconciler.core.plan import Step
from reconciler.core.state import Entry, State
from reconciler.diff import changes
from reconciler.load import Options, load_all
from reconciler.load.authorship.removed import with_removals
from reconciler.load.authorship.taken_out import taken_out, written
from reconciler.order import order
from reconciler.resolve import resolve
from tests.git_here import git

SCHEMAS = "$schema: https://azuremlschemas.azureedge.net/latest"
BLUE = f"""{SCHEMAS}/managedOnlineDeployment.schema.json
name: blue
endpoint_name: credit
model: azureml:risk:1
environment: azureml:sklearn:1
instance_type: Standard_DS3_v2
instance_count: 2
liveness_probe:
  period: 7
  timeout: 3
tags:
  team: a
  cost: b
"""
CREDIT = (
    f"{SCHEMAS}/managedOnlineEndpoint.schema.json\nname: credit\nauth_mode: key\ntraffic: {{Blue: 90, green: 10}}\n"
)


def commit(author: str) -> None:
    git("add", "--all")
    git("commit", "--allow-empty", "-qm", "x", "--author", f"{author} <a@example.org>")


@pytest.fixture
def blue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a deployment, in the first commit of a repository."""
    monkeypatch.chdir(tmp_path)
    git("init")
    Path("m").mkdir()
    Path("m/blue.yml").write_text(BLUE)
    Path("m/credit.yml").write_text(CREDIT)
    commit("Ana")
    return Path("m/blue.yml")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def resources(path: str) -> tuple[Resource, ...]:
    return resolve(load_all([path]).manifests, State(), secret_key=b"", linked=False).resources


def planned(before: tuple[Resource, ...], path: str) -> list[Step]:
    state = State(entries={each.address: Entry(each.spec) for each in before})
    return list(order(changes(resources(path), state)))


def said(before: tuple[Resource, ...], path: str = "m") -> dict[str, str]:
    """By the fields that are not written any more, where they stood and who took them out."""
    steps, taken = planned(before, path), taken_out(planned(before, path), load_all([path]).manifests)
    steps, blame = with_removals(steps, Path.cwd(), Options(), paths=(path,), taken=taken)
    return {
        field.path: f"{field.source} {blame[field.source].author}".strip()
        if field.source in blame
        else str(field.source)
        for step in steps
        for field in step.fields
        if field.source and field.source not in written(steps, taken)
    }


def test_a_key_of_a_block(blue: Path):
    before = resources("m")
    edit(blue, "  cost: b\n", "")
    assert said(before) == {"tags.cost": "was m/blue.yml:13"}
    commit("Ben")
    edit(blue, "team: a", "team: c")
    commit("Cem")
    assert said(before) == {"tags.cost": "was m/blue.yml:13 Ben"}
    assert said(before, "HEAD:m") == {"tags.cost": "was HEAD:m/blue.yml:13 Ben"}


def test_a_key_of_a_line_is_not_whose_its_neighbour_is(blue: Path):
    before, credit = resources("m"), Path("m/credit.yml")
    edit(credit, "{Blue: 90, green: 10}", "{Blue: 90}")
    commit("Ben")
    edit(credit, "{Blue: 90}", "{Blue: 90, white: 10}")
    commit("Cem")
    assert said(before) == {"traffic.green": "was m/credit.yml:4 Ben"}


def test_a_field_that_falls_back_to_its_default(blue: Path):
    before = resources("m")
    edit(blue, "  period: 7\n", "")
    commit("Ben")
    edit(blue, "liveness_probe:\n  timeout: 3\n", "")
    commit("Cem")
    assert said(before) == {
        "liveness_probe.period": "was m/blue.yml:9 Ben",
        "liveness_probe.timeout": "was m/blue.yml:9 Cem",
    }


def test_a_file_that_moved_before_and_after(blue: Path):
    before = resources("m")
    git("mv", "m/blue.yml", "m/a.yml")
    commit("Ben")
    edit(Path("m/a.yml"), "  cost: b\n", "")
    commit("Cem")
    git("mv", "m/a.yml", "m/z.yml")
    commit("Dan")
    assert said(before) == {"tags.cost": "was m/a.yml:13 Cem"}
    edit(Path("m/z.yml"), "tags:\n  team: a\n", "")
    Path("m/z.yml").rename("m/b.yml")
    assert said(before) == {"tags.cost": "was m/a.yml:13 Cem", "tags.team": "was m/z.yml:12"}


def test_a_key_that_came_back_and_went_again(blue: Path):
    before = resources("m")
    for old, new, author in (("  cost", "  price", "Ben"), ("  price", "  cost", "Cem"), ("  cost", "  price", "Dan")):
        edit(blue, old, new)
        commit(author)
    assert said(before) == {"tags.cost": "was m/blue.yml:13 Dan"}


def test_what_was_taken_out_on_a_branch(blue: Path):
    before = resources("m")
    git("checkout", "-qb", "side")
    edit(blue, "  cost: b\n", "")
    commit("Ben")
    git("checkout", "-q", "main")
    edit(blue, "instance_count: 2", "instance_count: 3")
    commit("Cem")
    git("merge", "-q", "--no-edit", "side")
    assert said(before) == {"tags.cost": "was m/blue.yml:13 Ben"}


def test_what_is_written_as_nothing_is_written(blue: Path):
    before = resources("m")
    edit(blue, "cost: b", "cost: null")
    edit(Path("m/credit.yml"), "green: 10", "green: 0")
    commit("Ben")
    steps = planned(before, "m")
    taken = taken_out(steps, load_all(["m"]).manifests)
    assert (taken, len(written(steps, taken))) == (frozenset(), 2)


def test_of_what_no_file_ever_had_nothing_is_said(blue: Path):
    before = resources("m")
    edit(blue, "team", "by_hand")
    foreign = resources("m")
    edit(blue, "by_hand", "team")
    assert said(foreign) == {"tags.by_hand": "m/blue.yml:11"}
    assert said(before) == {}


@pytest.mark.parametrize("seed", range(4))
def test_of_a_random_history_the_last_commit_that_took_it_out_is_told(blue: Path, seed: int):
    """Tags come and go in two files, which the deployment moves between."""
    dice, names = random.Random(seed), ["team", "cost", "it's", "été", "x.y"]
    tags, went, file = {"team", "cost"}, dict[str, str](), blue
    head = BLUE.partition("tags:")[0]
    before = resources("m")
    for number in range(12):
        if dice.random() < 0.2:
            file.unlink()
            file = Path("m/other.yml") if file == blue else blue
        wanted = {name for name in names if dice.random() < 0.5}
        went = {**{k: v for k, v in went.items() if k not in wanted}, **dict.fromkeys(tags - wanted, f"A{number}")}
        tags = wanted
        written_as = ", ".join(f'"{name}": a' for name in dice.sample(sorted(tags), len(tags)))
        file.write_text(f"{head}tags: {{{written_as}}}\n")
        commit(f"A{number}")
    full = tuple(
        Resource(each.address, {**each.spec, "tags": dict.fromkeys(names, "b")}, each.manifest)
        if each.address.kind == "deployment"
        else each
        for each in before
    )
    told = {path.partition(".")[2]: text.rpartition(" ")[2] for path, text in said(full).items() if "was" in text}
    assert told == went


def test_places_of_the_past_are_none_of_the_present():
    assert Past("a.yml", 7) != Source("a.yml", 7)
    now = Source("a.yml", 3)
    assert Past("a.yml", 7, now=now, commit="a")._replace(line=8) == Past("a.yml", 8, now=now, commit="a")
    assert Past("a.yml", 7, commit="a") != Past("a.yml", 7, commit="b")
