"""`--no-wait` seen from another machine that shares the record, and by whoever looks for secrets."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from canaries import BY_REFERENCE, BY_SET, command_lines_showing, files_showing, found_in
from errands import Errands, errands

from tests.waiting import until

SECRETS = (BY_REFERENCE, BY_SET)
GATED = {"create endpoint/credit": ["gate"]}


@pytest.fixture
def shared(tmp_path: Path, postgres_url: str) -> Iterator[Errands]:
    """A target whose record is in PostgreSQL, with an endpoint in the making."""
    with errands(tmp_path / "here", GATED, f', state: "{postgres_url}"') as made:
        made.endpoint("create", "credit", "--auth-mode", "key")
        made.begun()
        yield made


@pytest.fixture
def elsewhere(shared: Errands, tmp_path: Path) -> Iterator[Errands]:
    """A checkout of the same on another machine, which has the key of the record."""
    with errands(tmp_path / "elsewhere", {}) as made:
        made.repo.write("mlops.yaml", shared.repo.read("mlops.yaml"))
        (made.repo.folder / ".mlops").mkdir(mode=0o700)
        shutil.copy(shared.repo.folder / ".mlops" / "state.key", made.repo.folder / ".mlops")
        yield made


def test_another_machine_sees_what_is_under_way_and_what_was_cut_off(shared: Errands, elsewhere: Errands):
    shared.endpoint("create", "fraud", "--auth-mode", "key")
    assert elsewhere.state() == "Creating"
    elsewhere.mlops("online-endpoint", "show", "-n", "fraud", code=1)
    for worker in shared.workers():
        worker.kill()
    until(lambda: elsewhere.state() == "Failed")


def test_no_secret_of_an_operation_stands_in_a_file_or_a_command_line(tmp_path: Path):
    with errands(tmp_path, {"create deployment/credit/blue": ["gate"]}) as made:
        made.mlops("apply", "--auto-approve", "--only", "endpoint/credit", "--set", "endpoint/credit.traffic={}")
        made.mlops("apply", "--auto-approve", "manifests/risk-1.yml", "manifests/sklearn.yml")
        variables = "environment_variables: {DB: '${{secret:db}}'}\n"
        made.repo.write("blue.yml", made.repo.read("manifests/blue.yml").replace("code: src", "code: manifests/src"))
        made.repo.write("blue.yml", made.repo.read("blue.yml") + variables)
        words = ("create", "-e", "credit", "-n", "blue", "-f", "blue.yml", "--no-wait", "--debug")
        given = ("--set", f"environment_variables.SET={BY_SET}")
        ran = made.mlops("online-deployment", *words, *given, MLOPS_SECRET_DB=BY_REFERENCE)
        made.begun()
        assert files_showing(made.repo.folder, SECRETS) == {}
        assert command_lines_showing(made.repo.folder, SECRETS) == []
        shown = made.mlops("online-deployment", "show", "-n", "blue", "-e", "credit")
        assert shown.json["provisioning_state"] == "Creating"
        assert set(shown.json["environment_variables"]) == {"DB", "SET"}
        assert found_in(f"{ran.err}{shown.out}{shown.err}".encode(), SECRETS) == []
        made.open_gate()
        assert files_showing(made.repo.folder, SECRETS) == {}
