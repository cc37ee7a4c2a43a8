"""A record is listed, shown, verified, and moves from place to place as one document."""

import json
import sqlite3
from pathlib import Path

import pytest
from command_line import MEMORY, Repository

from reconciler.record.document import record_text, saved_record
from reconciler.record.store import Record
from tests.postgres.fixtures import sql

REFUSED = 4
ADDRESSES = ["deployment/credit/blue", "endpoint/credit", "environment/sklearn:1", "model/risk:1"]
WITH_PASSWORD = "environment_variables:\n  PASSWORD: hunter2\n"


def state_at(repository: Repository, place: str) -> None:
    """Have the target's record elsewhere."""
    repository.write("mlops.yaml", MEMORY.replace("default: true", f"default: true, state: '{place}'"))


def exported(repository: Repository, file: str = "record.json") -> Record:
    repository.mlops("state", "export", file)
    return saved_record(repository.folder / file)


def later(repository: Repository) -> None:
    repository.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    repository.apply()


def test_what_is_recorded_is_listed(applied: Repository) -> None:
    listed = applied.mlops("state", "list", "-o", "json").json
    assert [row["address"] for row in listed] == ADDRESSES
    assert applied.mlops("state", "list", "--query", "[].address", "-o", "tsv").out.split() == ADDRESSES


def test_one_resource_is_shown_as_it_is_recorded(applied: Repository) -> None:
    applied.write("manifests/blue.yml", applied.read("manifests/blue.yml") + WITH_PASSWORD)
    applied.apply()
    applied.behind_our_back("deployment/credit/blue", instance_count=7)
    shown = applied.mlops("state", "show", "deployment/credit/blue").json
    assert (shown["spec"]["instance_count"], shown["generation"]) == (1, 2)
    assert shown["spec"]["environment_variables"] == {"PASSWORD": "(secret 1)"}


def test_what_is_not_recorded_cannot_be_shown(applied: Repository) -> None:
    assert "endpoint/debit is not recorded (target dev)" in applied.mlops("state", "show", "endpoint/debit", code=1).err


def test_an_export_is_printed_or_written_and_holds_no_secret(applied: Repository) -> None:
    applied.write("manifests/blue.yml", applied.read("manifests/blue.yml") + WITH_PASSWORD)
    applied.apply()
    record = exported(applied)
    assert applied.mlops("state", "export").out == record_text(record) == applied.read("record.json")
    assert [str(address) for address in sorted(record.state.entries)] == ADDRESSES
    assert "hunter2" not in record_text(record)
    assert applied.read(".mlops/state.key").strip() not in record_text(record)


def test_a_record_moves_to_postgresql_and_back(applied: Repository, postgres_url: str) -> None:
    applied.write("manifests/blue.yml", applied.read("manifests/blue.yml") + WITH_PASSWORD)
    applied.apply()
    before = exported(applied)
    applied.mlops("plan", "--out", "p.json")
    for number, place in enumerate([postgres_url, ".mlops/other.db", postgres_url.replace("t_", "u_")]):
        state_at(applied, place)
        (applied.folder / ".mlops/other.key").write_text(applied.read(".mlops/state.key"))
        file = f"record-{number - 1}.json" if number else "record.json"
        said = applied.mlops("state", "import", file).out
        assert f"Recorded 4 resources of lineage {before.state.lineage}, serial {before.state.serial}" in said
        assert exported(applied, f"record-{number}.json") == before
        assert applied.mlops("state", "verify").out.startswith("The record is whole: 4 resources")
        assert applied.steps() == []
    applied.apply("--plan", "p.json")
    later(applied)
    assert applied.live()["deployment/credit/blue"]["instance_count"] == 2
    sql(postgres_url.partition("?")[0], f"DROP SCHEMA {postgres_url.partition('=')[2].replace('t_', 'u_')} CASCADE")


def test_a_record_that_holds_something_is_replaced_only_by_force(applied: Repository) -> None:
    before = exported(applied)
    later(applied)
    after = exported(applied, "after.json")
    assert "4 resources are recorded of lineage" in applied.mlops("state", "import", "record.json", code=REFUSED).err
    refused = applied.mlops("state", "import", "record.json", "--force", code=REFUSED)
    assert "there is nobody to ask" in refused.err
    assert exported(applied, "again.json") == after
    said = applied.mlops("state", "import", "record.json", "--force", "--auto-approve").out
    assert "It is older: what was done since is forgotten" in said
    assert exported(applied, "again.json").state.entries == before.state.entries


def test_a_record_of_another_state_is_told_of_before_it_replaces_one(applied: Repository, tmp_path: Path) -> None:
    other = Repository(tmp_path / "other")
    (other.folder / ".mlops").mkdir()
    (other.folder / ".mlops/state.key").write_text(applied.read(".mlops/state.key"))
    other.apply()
    exported(other)
    said = applied.mlops("state", "import", str(other.folder / "record.json"), "--force", "--auto-approve").out
    assert "They are of different states: what the present one made becomes nobody's." in said


def test_secrets_under_another_key_are_refused(applied: Repository, tmp_path: Path) -> None:
    exported(applied)
    other = Repository(tmp_path / "other")
    said = other.mlops("state", "import", str(applied.folder / "record.json"), code=1).err
    assert "E-STATE-KEY: the secrets of the record are digests under another key" in said


def test_an_import_wants_the_lock(applied: Repository) -> None:
    from reconciler.record.sqlite import SqliteStore  # noqa: PLC0415 - this test alone

    exported(applied)
    store = SqliteStore(applied.folder / ".mlops/state.db", "dev")
    with store.lock({"id": "1"}, timeout_s=0):
        applied.mlops("state", "import", "record.json", "--force", "--auto-approve", code=3)
    store.close()


@pytest.mark.parametrize("where", ["file", "postgres"])
def test_the_copy_from_before_the_last_run_can_be_exported(
    applied: Repository, where: str, request: pytest.FixtureRequest
) -> None:
    if where == "postgres":
        exported(applied)
        state_at(applied, request.getfixturevalue("postgres_url"))
        applied.mlops("state", "import", "record.json")
    before = exported(applied)
    later(applied)
    applied.mlops("state", "export", "copy.json", "--backup", "1")
    assert saved_record(applied.folder / "copy.json").state == before.state
    assert "there is no copy 99" in applied.mlops("state", "export", "--backup", "99", code=1).err


def test_f24_a_damaged_record_in_postgresql_is_never_believed_and_comes_back_from_its_copy(
    applied: Repository, postgres_url: str
) -> None:
    exported(applied)
    state_at(applied, postgres_url)
    applied.mlops("state", "import", "record.json")
    later(applied)
    later_still = applied.mlops("state", "export").json
    sql(postgres_url, "UPDATE entries SET spec = replace(spec, 'blue', 'green')")
    for words in (["plan"], ["apply", "--auto-approve"], ["state", "verify"], ["state", "list"]):
        said = applied.mlops(*words, code=1).err
        assert "E-STATE-DAMAGED: the state is damaged: an entry does not fit its digest" in said
        assert "mlops state export --backup 1" in said
    applied.mlops("state", "export", "copy.json", "--backup", "1")
    state_at(applied, f"{postgres_url}b")
    applied.mlops("state", "import", "copy.json")
    assert applied.mlops("state", "export").json["lineage"] == later_still["lineage"]
    assert "older than what is live: generation 1 recorded, 2 live" in applied.mlops("state", "verify", code=1).err
    sql(postgres_url.partition("?")[0], f"DROP SCHEMA {postgres_url.partition('=')[2]}b CASCADE")


def test_an_encrypted_record_has_encrypted_copies_and_exports(applied: Repository, postgres_url: str) -> None:
    exported(applied)
    state_at(applied, postgres_url)
    key = {"MLOPS_ENCRYPTION_KEY": "5" * 64}
    applied.mlops("state", "import", "record.json")
    applied.mlops("state", "encrypt", **key)
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    applied.mlops("apply", "--auto-approve", **key)
    applied.mlops("state", "export", "copy.json", "--backup", "1", **key)
    assert "credit" not in applied.read("copy.json")
    kept = sql(postgres_url, "SELECT document FROM copies ORDER BY position DESC LIMIT 1")
    assert "credit" not in str(kept)
    applied.mlops("state", "import", "copy.json", "--force", "--auto-approve", **key)
    assert "1 recorded, 2 live" in applied.mlops("state", "verify", code=1, **key).err


def test_verify_tells_what_is_wrong(applied: Repository) -> None:
    assert applied.mlops("state", "verify").out.startswith("The record is whole: 4 resources of lineage")
    (applied.folder / ".mlops/state.key").rename(applied.folder / "elsewhere.key")
    assert "E-STATE-KEY" in applied.mlops("state", "verify", code=1).err
    (applied.folder / "elsewhere.key").rename(applied.folder / ".mlops/state.key")
    with sqlite3.connect(applied.folder / ".mlops/state.db") as connection:
        connection.execute("UPDATE journal SET message = 'other' WHERE position = 1")
    connection.close()
    assert "E-STATE-DAMAGED" in applied.mlops("state", "verify", code=1).err


def test_f23_verify_tells_that_the_record_is_older_than_what_is_live(applied: Repository) -> None:
    exported(applied)
    later(applied)
    applied.mlops("state", "import", "record.json", "--force", "--auto-approve")
    assert (
        "deployment/credit/blue: E-OLD-RECORD: the record is older than what is live: generation 1 recorded, 2 live; "
        "restore a newer record, or `mlops state rebuild` from the live objects"
    ) in applied.mlops("state", "verify", code=1).err


def test_what_was_exported_says_when_it_was_changed(applied: Repository) -> None:
    exported(applied)
    held = json.loads(applied.read("record.json"))
    held["serial"] += 1
    applied.write("record.json", json.dumps(held))
    assert "it does not fit its digest" in applied.mlops("state", "import", "record.json", code=1).err
