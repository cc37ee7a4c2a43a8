"""An endpoint that a command makes for this machine alone asks for no key, until a file defines it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.online_endpoint_looking import show
from reconciler.core.address import Address
from reconciler.core.amendment import Amendment, Spelled
from reconciler.imperative.endpoints import create
from reconciler.kinds.marks import KEYLESS, is_keyless
from reconciler.load import Override
from reconciler.operate.show import status
from reconciler.pipeline import Manner, Wish, apply
from reconciler.render.status import status_text
from reconciler.workspace import Workspace, open_workspace

CREDIT = Address("endpoint", "credit")
MADE = Wish(kind="endpoint", spelled=(Spelled("endpoint", {"name": "credit"}),), blame=False)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlops.yaml").write_text("targets:\n  dev: {provider: memory, file: live.jsonl, default: true}\n")
    (tmp_path / "credit.yml").write_text("$schema: managedOnlineEndpoint.schema.json\nname: credit\n")
    with open_workspace(None) as opened:
        yield opened


def after(workspace: Workspace, **wish: Any) -> bool:
    """Whether the endpoint asks for no key once this was applied."""
    assert apply(workspace, Wish(**{**vars(MADE), **wish}), Manner()).succeeded
    return bool(workspace.store.read().entries[CREDIT].spec.get(KEYLESS))


def test_what_is_made_so_stays_so_whatever_commands_change(workspace: Workspace):
    assert after(workspace, marks={KEYLESS: True})
    assert after(workspace)
    assert after(workspace, spelled=(), amendments=(Amendment(CREDIT, values=(("tags.team", "risk"),)),))


def test_what_is_there_already_goes_on_asking_for_its_key(workspace: Workspace):
    assert not after(workspace)
    assert not after(workspace, marks={KEYLESS: True})


def test_a_file_that_defines_it_has_it_ask_for_its_key(workspace: Workspace):
    assert after(workspace, marks={KEYLESS: True})
    assert not after(workspace, kind="", spelled=(), paths=("credit.yml",))


def test_it_is_told_of_one_that_asks_for_no_key_and_of_no_other(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
):
    told = []
    for wish in ({"marks": {KEYLESS: True}}, {"kind": "", "spelled": (), "paths": ("credit.yml",)}):
        after(workspace, **wish)
        show("Credit")
        said = capsys.readouterr()
        assert json.loads(said.out)["name"] == "credit"
        told.append((said.err, "  asks for no key: " in status_text(status(workspace))))
    assert told == [("endpoint/credit asks for no key, as it was made with --local.\n", True), ("", False)]


@pytest.mark.parametrize("mode", ["", "Key", "aml_token", "AMLToken", "aad_token"])
@pytest.mark.parametrize("by", ["option", "file", "set"])
def test_whoever_asks_for_tokens_is_asked_for_them(workspace: Workspace, tmp_path: Path, mode: str, by: str):
    file = tmp_path / "credit.yml"
    if by == "file" and mode:
        file.write_text(f"{file.read_text()}auth_mode: {mode}\n")
    said = [Override("", "auth_mode", mode, f"--{by}")] if mode and by != "file" else []
    path = "" if by == "option" else str(file)
    create(workspace, "credit", Manner(), file=path, overrides=said, keyless=True)
    assert (KEYLESS in workspace.store.read().entries[CREDIT].spec) is ("token" not in mode.lower())


def test_one_that_is_changed_to_ask_for_tokens_asks_for_them(workspace: Workspace):
    assert after(workspace, marks={KEYLESS: True})
    after(workspace, spelled=(), amendments=(Amendment(CREDIT, values=(("auth_mode", "aml_token"),)),))
    assert not is_keyless(workspace.store.read().entries[CREDIT].spec)
