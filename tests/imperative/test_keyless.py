"""An endpoint that a command makes for this machine alone asks for no key, until a file defines it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.address import Address
from reconciler.core.amendment import Amendment, Spelled
from reconciler.kinds.marks import KEYLESS
from reconciler.pipeline import Manner, Wish, apply
from reconciler.workspace import Workspace, open_workspace

CREDIT = Address("endpoint", "credit")
MADE = Wish(kind="endpoint", spelled=(Spelled("endpoint", {"name": "credit"}),), blame=False)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlops.yaml").write_text("targets:\n  dev: {provider: memory, default: true}\n")
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
