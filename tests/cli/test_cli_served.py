"""Drift asks instances what they serve: an edit of laid-down code is found, whether or not anybody has loaded it."""

from pathlib import Path
from typing import Any

import psutil
import pytest
from command_line import Repository

from tests.ending import processes_of
from tests.waiting import until


@pytest.fixture
def serving(local: Repository) -> Repository:
    local.apply()
    assert local.mlops("drift", "--detailed-exitcode").out.startswith("No drift.")
    return local


def laid_down(repo: Repository) -> Path:
    """The script as instances find it."""
    (script,) = (repo.folder / ".mlops" / "assets").glob("*/score.py")
    return script


def edit(script: Path) -> None:
    script.chmod(0o644)
    script.write_text(script.read_text().replace('"blue"', '"edited"'))


def instance(repo: Repository) -> psutil.Process:
    (found,) = (each for each in processes_of(repo.folder) if "reconciler.scoring" in each.cmdline())
    return found


def blue(repo: Repository) -> dict[str, Any]:
    """What drift says of the deployment; nothing where it is as recorded."""
    found = repo.mlops("drift", "--format", "json").json["resources"]
    return next((each for each in found if each["address"] == "deployment/credit/blue"), {"note": "", "fields": []})


def test_an_edit_behind_gits_back_is_found_before_and_after_an_instance_loads_it(serving: Repository):
    edit(laid_down(serving))
    told = serving.mlops("drift", "--detailed-exitcode", code=2).out
    assert "~ deployment/credit/blue: changed (instance " in told
    assert "serves what is recorded; a restart would serve code sha256:" in told
    instance(serving).kill()  # as a crash would; the keeper starts it again
    until(lambda: " serves code sha256:" in blue(serving)["note"])
    assert "code_configuration.code" in {field["path"] for field in blue(serving)["fields"]}
    assert "serves code" not in serving.mlops("drift", "--no-served").out
    assert serving.steps() == ["roll_out deployment/credit/blue"]
    serving.apply()
    assert serving.mlops("drift", "--detailed-exitcode").out.startswith("No drift.")
    assert '"blue"' in laid_down(serving).read_text()
