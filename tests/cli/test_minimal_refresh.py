"""`--minimal-refresh`: of the live side only what the plan touches is read, and that is planned from as ever."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler import pipeline
from reconciler.core.address import Address
from reconciler.core.plan import Action, Operation, Step
from reconciler.errors import RefusedError
from reconciler.load.overrides import parse_set
from reconciler.record.store import Intent
from reconciler.wishes import Planned, Wish
from reconciler.workspace import Workspace, open_workspace
from tests.cli.command_line import BLUE, ENDPOINT, Repository
from tests.faults.scheduled import Scheduled

STALE = 6
CREDIT, CREDIT_BLUE = Address.parse("endpoint/credit"), Address.parse("deployment/credit/blue")
WINE, WINE_BLUE = Address.parse("endpoint/wine"), Address.parse("deployment/wine/blue")
NEEDED = "deployment/credit/blue endpoint/credit environment/sklearn:1 model/risk:1"


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Two endpoints that share a model, an environment and code."""
    made = Repository(tmp_path / "repo")
    made.write("manifests/wine.yml", ENDPOINT.replace("credit", "wine"))
    made.write("manifests/wine-blue.yml", BLUE.replace("endpoint_name: credit", "endpoint_name: wine"))
    monkeypatch.chdir(made.folder)
    with open_workspace(None) as opened:
        assert pipeline.apply(opened, Wish(blame=False, cached=False)).succeeded
    return made


@pytest.fixture
def workspace(repo: Repository) -> Iterator[Workspace]:
    """The target, whose provider tells what it was asked."""
    with open_workspace(None) as opened:
        opened.provider = Scheduled(opened.provider)
        yield opened


def planned(workspace: Workspace, *sets: str, minimal: bool = True, **wish: object) -> Planned:
    overrides = tuple(map(parse_set, sets))
    return pipeline.plan(workspace, Wish(overrides=overrides, minimal=minimal, blame=False, cached=False, **wish))


def steps(made: Planned) -> list[str]:
    return [f"{step.action} {step.address}" for step in made.plan.steps]


def asked(workspace: Workspace) -> list[str]:
    calls = workspace.provider.calls[:]
    workspace.provider.calls.clear()
    return calls


MORE = "deployment/credit/blue.instance_count=3"


def test_nothing_is_asked_where_there_is_nothing_to_do(workspace: Workspace):
    assert steps(planned(workspace)) == []
    assert asked(workspace) == []


def test_of_a_change_it_is_asked_what_it_touches_in_one_question(workspace: Workspace):
    made = planned(workspace, MORE)
    assert asked(workspace) == [f"some {NEEDED}"]
    assert made.plan.steps == planned(workspace, MORE, minimal=False).plan.steps


def test_what_drifted_of_that_is_told_and_put_right_with_it(workspace: Workspace):
    workspace.provider.edit(CREDIT_BLUE, instance_count=7, description="by hand")
    made, whole = planned(workspace, MORE), planned(workspace, MORE, minimal=False)
    assert (made.plan.steps, made.drifts) == (whole.plan.steps, whole.drifts)
    assert [str(drift.address) for drift in made.drifts] == [str(CREDIT_BLUE)]


def test_what_drifted_elsewhere_is_not_seen(workspace: Workspace):
    workspace.provider.edit(WINE_BLUE, instance_count=7)
    assert steps(planned(workspace, minimal=False)) == [f"scale {WINE_BLUE}"]
    made = planned(workspace, MORE)
    assert (steps(made), made.drifts) == ([f"scale {CREDIT_BLUE}"], ())
    assert WINE_BLUE not in made.corrections


def test_what_is_gone_of_that_is_made_anew_and_what_hangs_on_it_looked_at(workspace: Workspace):
    workspace.provider.delete(Step(1, Action.DELETE, CREDIT, "by hand", (), {}, None), operation(workspace, CREDIT, 9))
    asked(workspace)
    made, whole = planned(workspace, MORE), planned(workspace, MORE, minimal=False)
    assert made.plan.steps == whole.plan.steps
    assert f"create {CREDIT}" in steps(made)


def test_an_endpoint_s_deployments_are_looked_at_before_its_traffic_moves(workspace: Workspace):
    planned(workspace, "endpoint/credit.traffic.blue=0")
    assert asked(workspace) == [f"some {CREDIT_BLUE} {CREDIT}"]


def test_an_object_of_another_s_in_the_place_of_one_to_be_made_is_refused(workspace: Workspace, repo: Repository):
    green = Address.parse("deployment/credit/green")
    theirs = replace(operation(workspace, green, 1), lineage="theirs")
    workspace.provider.create(Step(1, Action.CREATE, green, "by hand", (), None, {"name": "green"}), theirs)
    repo.write("manifests/green.yml", BLUE.replace("name: blue", "name: green"))
    with pytest.raises(RefusedError, match="E-FOREIGN"):
        planned(workspace)


def test_an_operation_without_an_end_is_looked_at(workspace: Workspace):
    store = workspace.store
    with store.lock({}, timeout_s=0):
        spec = store.read().entries[WINE_BLUE].spec
        after = {**spec, "instance_count": 5}
        store.intend(Intent("op-cut", "run", 1, "scale", WINE_BLUE, spec, after, 2, "2026-01-01T00:00:00+00:00"))
    made, whole = planned(workspace), planned(workspace, minimal=False)
    assert made.plan.recovery == whole.plan.recovery != ()
    assert asked(workspace)[0].startswith("some ")


def test_with_only_it_is_asked_of_that_alone(workspace: Workspace):
    planned(workspace, MORE, "deployment/wine/blue.instance_count=3", only=(WINE_BLUE,))
    assert asked(workspace) == [f"some {NEEDED.replace('credit', 'wine')}"]


def test_an_apply_reads_no_more_and_asks_what_was_changed_behind_the_record(workspace: Workspace):
    wish = Wish(overrides=(parse_set(MORE),), minimal=True, blame=False, cached=False)
    assert pipeline.apply(workspace, wish).succeeded
    assert "list" not in workspace.provider.calls
    assert workspace.store.read().entries[CREDIT_BLUE].spec["instance_count"] == 3


def test_a_record_that_is_older_than_what_is_live_elsewhere_is_no_ground_for_an_apply(workspace: Workspace):
    spec = workspace.store.read().entries[WINE_BLUE].spec
    workspace.provider.scale(
        Step(1, Action.SCALE, WINE_BLUE, "of a newer record", (), spec, {**spec, "instance_count": 5}),
        operation(workspace, WINE_BLUE, 9),
    )
    with pytest.raises(RefusedError, match="E-OLD-RECORD"):
        pipeline.apply(workspace, Wish(overrides=(parse_set(MORE),), minimal=True, blame=False, cached=False))


def operation(workspace: Workspace, address: Address, generation: int) -> Operation:
    return Operation(f"op-{address.name}-{generation}", workspace.store.read().lineage, generation)


def test_a_saved_plan_is_refused_once_what_it_touches_has_moved_and_not_for_what_it_does_not(repo: Repository):
    repo.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 3")
    repo.mlops("plan", "--minimal-refresh", "--out", "p.json")
    lines = repo.read("live.jsonl").splitlines(keepends=True)

    def move(address: Address) -> None:
        moved = [json.dumps({**json.loads(line), "operation": "moved"}) + "\n" for line in lines]
        repo.write(
            "live.jsonl", "".join(new if f'"{address}"' in old else old for old, new in zip(lines, moved, strict=True))
        )

    move(CREDIT)
    assert "a live object has changed since" in repo.mlops("apply", "--plan", "p.json", code=STALE).err
    move(WINE)
    repo.mlops("apply", "--plan", "p.json")
    assert repo.live()["deployment/credit/blue"]["instance_count"] == 3


@pytest.mark.parametrize(("command", "other"), [("plan", "--no-refresh"), ("apply", "--refresh-only")])
def test_how_much_is_read_is_said_once(repo: Repository, command: str, other: str):
    said = repo.mlops(command, "--minimal-refresh", other, code=1).err
    assert "--minimal-refresh" in said
