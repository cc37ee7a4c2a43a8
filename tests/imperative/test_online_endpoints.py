"""What the commands of `online-endpoint` change and show, on a target that serves nothing."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.apply import Watcher
from reconciler.core.address import Address
from reconciler.core.plan import Plan, Step
from reconciler.errors import ManifestError, MlopsError, RefusedError
from reconciler.imperative import deleting, endpoints
from reconciler.imperative.amending import amendment_of
from reconciler.imperative.viewing import deployments_listed, endpoint_address, endpoint_shown, endpoints_listed
from reconciler.load.overrides import parse_field
from reconciler.pipeline import apply
from reconciler.record.stamps import utc_now
from reconciler.record.tickets import Aim
from reconciler.wishes import Manner, Wish
from reconciler.workspace import Workspace, holder, open_workspace

SETTINGS = "targets:\n  dev: {provider: memory, file: live.jsonl, default: true}\n"
FILE = "name: credit\nauth_mode: key\ndescription: of loans\ntags: {team: risk, size: 7}\n"
DEPLOYMENT = """name: NAME
endpoint_name: credit
model: {path: weights.txt}
environment: {image: python}
instance_type: Standard_DS3_v2
instance_count: 1
"""
CREDIT = Address("endpoint", "credit")
MANNER = Manner(command="online-endpoint update")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.chdir(tmp_path)
    Path("mlops.yaml").write_text(SETTINGS)
    Path("endpoint.yml").write_text(FILE)
    with open_workspace(None) as opened:
        yield opened


def updated(
    workspace: Workspace, *sets: str, removes: tuple[str, ...] = (), **shares: dict[str, str]
) -> dict[str, Any]:
    amendment = amendment_of(endpoint_address("credit"), sets=sets, removes=removes)
    endpoints.update(workspace, MANNER, amendment, shares)
    return endpoint_shown(workspace, "credit")


def deployed(workspace: Workspace, *names: str) -> None:
    Path("weights.txt").write_text("1\n")
    for name in names:
        Path(f"{name}.yml").write_text(DEPLOYMENT.replace("NAME", name))
    apply(workspace, Wish(tuple(f"{name}.yml" for name in names)))


def commands(workspace: Workspace) -> list[str]:
    return [run.command for run in workspace.store.runs(limit=9)]


def test_an_endpoint_is_made_from_a_file_under_the_name_that_it_tells(workspace: Workspace) -> None:
    name, _ = endpoints.create(workspace, "", Manner(command="online-endpoint create"), file="endpoint.yml")
    assert name == "credit"
    assert endpoint_shown(workspace, name) == {
        "auth_mode": "key",
        "description": "of loans",
        "id": "/targets/dev/onlineEndpoints/credit",
        "identity": {"type": "system_assigned"},
        "kind": "Managed",
        "location": "local",
        "mirror_traffic": {},
        "name": "credit",
        "properties": {},
        "provisioning_state": "Succeeded",
        "public_network_access": "enabled",
        "resourceGroup": "dev",
        "tags": {"size": "7", "team": "risk"},
        "traffic": {},
    }
    assert commands(workspace) == ["online-endpoint create"]


def test_a_name_of_the_command_wins_over_that_of_the_file_and_case_means_nothing(workspace: Workspace) -> None:
    endpoints.create(workspace, "Churn", MANNER, file="endpoint.yml")
    assert [each["name"] for each in endpoints_listed(workspace)] == ["churn"]


def test_an_endpoint_can_be_said_by_options_alone(workspace: Workspace) -> None:
    endpoints.create(workspace, "credit", MANNER, overrides=[parse_field("auth_mode=AADToken")])
    assert endpoint_shown(workspace, "credit")["auth_mode"] == "aad_token"


def test_creating_what_is_there_brings_it_to_the_file_but_leaves_its_traffic(workspace: Workspace) -> None:
    endpoints.create(workspace, "", MANNER, file="endpoint.yml")
    deployed(workspace, "blue")
    updated(workspace, "tags.more=1", traffic={"blue": "100"})
    endpoints.create(workspace, "", MANNER, file="endpoint.yml")
    after = endpoint_shown(workspace, "credit")
    assert after["tags"] == {"size": "7", "team": "risk"}
    assert after["traffic"] == {"blue": 100}


def test_creating_what_is_as_it_is_to_be_is_no_run(workspace: Workspace) -> None:
    for _ in range(2):
        endpoints.create(workspace, "", MANNER, file="endpoint.yml")
    assert len(commands(workspace)) == 1


def test_fields_are_set_emptied_and_removed(workspace: Workspace) -> None:
    endpoints.create(workspace, "", MANNER, file="endpoint.yml")
    after = updated(
        workspace, "tags.a=1", "tags.b=", "tags.c=yes", "tags.d=true", "description=", removes=("tags.team",)
    )
    assert after["tags"] == {"a": "1", "b": "", "c": "yes", "d": "true", "size": "7"}
    assert "description" not in after


def test_traffic_is_the_whole_of_it_and_has_zero_for_the_other_deployments(workspace: Workspace) -> None:
    endpoints.create(workspace, "", MANNER, file="endpoint.yml")
    deployed(workspace, "blue", "green")
    assert endpoint_shown(workspace, "credit")["traffic"] == {"blue": 0, "green": 0}
    assert updated(workspace, traffic={"Blue": "90", "green": "10"})["traffic"] == {"blue": 90, "green": 10}
    assert updated(workspace, traffic={"blue": "0", "green": "100"})["traffic"] == {"blue": 0, "green": 100}
    mirrored = updated(workspace, mirror_traffic={"blue": "10"})
    assert (mirrored["traffic"], mirrored["mirror_traffic"]) == ({"blue": 0, "green": 100}, {"blue": 10})
    assert updated(workspace, mirror_traffic={"blue": "0"})["mirror_traffic"] == {}
    assert updated(workspace, "traffic.green=50", "traffic.blue=50")["traffic"] == {"blue": 50, "green": 50}


@pytest.mark.parametrize(("shares", "code"), [({"blue": "90"}, "E-TRAFFIC-SUM"), ({"gren": "100"}, "E-TRAFFIC-REF")])
def test_traffic_that_makes_no_sense_is_refused(workspace: Workspace, shares: dict[str, str], code: str) -> None:
    endpoints.create(workspace, "", MANNER, file="endpoint.yml")
    deployed(workspace, "blue")
    with pytest.raises(ManifestError) as refused:
        updated(workspace, traffic=shares)
    assert [problem.code for problem in refused.value.problems] == [code]


def test_an_update_by_a_file_is_for_what_is_there(workspace: Workspace) -> None:
    with pytest.raises(
        MlopsError,
        match=r"endpoint/credit is not there \(target dev\); make it first: mlops online-endpoint create",
    ):
        endpoints.update_by_file(workspace, "", MANNER, file="endpoint.yml", overrides=[], shares={})
    assert commands(workspace) == []
    endpoints.create(workspace, "credit", MANNER)
    given = [parse_field("tags.size=8")]
    endpoints.update_by_file(workspace, "", MANNER, file="endpoint.yml", overrides=given, shares={"traffic": None})
    assert endpoint_shown(workspace, "credit")["tags"] == {"size": "8", "team": "risk"}


def test_an_update_of_what_is_not_there_names_what_is_near(workspace: Workspace) -> None:
    endpoints.create(workspace, "credits", MANNER)
    with pytest.raises(MlopsError, match="did you mean endpoint/credits"):
        updated(workspace, "tags.a=1")


def test_what_cannot_change_in_place_is_asked_about_and_with_deployments_refused(workspace: Workspace) -> None:
    endpoints.create(workspace, "credit", MANNER)
    asked: list[Plan] = []
    amendment = amendment_of(Address("endpoint", "credit"), sets=["identity.type=none"])
    manner = Manner(confirm=lambda planned: bool(asked.append(planned.plan)))
    assert endpoints.update(workspace, manner, amendment, {}).declined
    assert [f"{step.action} {step.address}" for step in asked[0].steps] == [
        "delete endpoint/credit",
        "create endpoint/credit",
    ]
    deployed(workspace, "blue")
    with pytest.raises(RefusedError, match="E-IN-USE"):
        endpoints.update(workspace, MANNER, amendment, {})


def test_deployments_are_listed_by_name_and_only_those_of_the_endpoint(workspace: Workspace) -> None:
    endpoints.create(workspace, "", MANNER, file="endpoint.yml")
    endpoints.create(workspace, "other", MANNER)
    deployed(workspace, "green", "blue")
    assert [each["name"] for each in deployments_listed(workspace, "credit")] == ["blue", "green"]
    assert deployments_listed(workspace, "other") == []
    with pytest.raises(MlopsError, match="endpoint/churn is not there"):
        deployments_listed(workspace, "churn")


def test_deleting_takes_the_deployments_along_and_what_is_gone_is_not_there(workspace: Workspace) -> None:
    endpoints.create(workspace, "", MANNER, file="endpoint.yml")
    deployed(workspace, "blue")
    updated(workspace, traffic={"blue": "100"})
    assert deleting.is_there(workspace, endpoint_address("Credit"))
    applied = deleting.delete(workspace, endpoint_address("Credit"), Manner(command="online-endpoint delete"))
    assert applied is not None
    assert applied.succeeded
    assert not deleting.is_there(workspace, CREDIT)
    assert [live.address.kind for live in workspace.provider.list() if live.address.family] == []
    assert commands(workspace)[0] == "online-endpoint delete"


@pytest.mark.parametrize(
    ("file", "said"),
    [(".", "is a folder"), ("two.yml", "holds 2 resources, and the command takes one"), ("none.yml", "none.yml")],
)
def test_a_command_takes_the_file_of_one_endpoint(workspace: Workspace, file: str, said: str) -> None:
    Path("two.yml").write_text(f"{FILE}---\n{FILE.replace('credit', 'churn')}")
    with pytest.raises(MlopsError, match=said):
        endpoints.create(workspace, "", MANNER, file=file)
    assert commands(workspace) == []


def test_a_folder_is_refused_before_it_is_read(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.wanted.load_all", lambda *_: pytest.fail("it was read"))
    with pytest.raises(MlopsError, match="/ is a folder, and the command takes the file of one endpoint"):
        endpoints.create(workspace, "credit", MANNER, file="/")


def test_without_a_name_and_a_file_there_is_nothing_to_make(workspace: Workspace) -> None:
    with pytest.raises(MlopsError, match="say which endpoint"):
        endpoints.create(workspace, "", MANNER)


def test_what_is_deleted_is_deleting_whichever_of_its_steps_is_under_way(workspace: Workspace) -> None:
    endpoints.create(workspace, "", MANNER, file="endpoint.yml")
    deployed(workspace, "blue")
    updated(workspace, traffic={"blue": "100"})
    seen: dict[str, str] = {}

    def look(step: Step) -> None:
        seen[f"{step.action} {step.address}"] = str(endpoint_shown(workspace, "credit")["provisioning_state"])

    held = workspace.line.join(holder("mlops online-endpoint delete", utc_now()), {CREDIT: Aim("Deleting", {})})
    workspace.turn = held.ticket.file.name
    deleting.delete(workspace, CREDIT, replace(MANNER, watch=lambda _plan: Watcher(on_start=look)))
    held.done()
    assert seen == {
        "route endpoint/credit": "Deleting",
        "delete deployment/credit/blue": "Deleting",
        "delete endpoint/credit": "Deleting",
    }
