"""A record as a document comes back as it was, or is refused."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.core.address import Address
from reconciler.core.inverse import Inverse
from reconciler.core.plan import Action, FieldChange, Step
from reconciler.core.secret import Secret
from reconciler.core.state import Entry, State
from reconciler.errors import StateError
from reconciler.record.document import record_of, record_text, save_record, saved_record
from reconciler.record.sealing import SealKey, SealKeys
from reconciler.record.store import Intent, Journalled, Origin, Record, Run

BLUE = Address("deployment", "blue", endpoint="credit")
SPEC = {"n": 1, "key": Secret("d" * 64), "odd": {"$secret": "x", "ü": "\ud800\x00"}}
RECORD = Record(
    "dev",
    State("lineage", 7, {BLUE: Entry(SPEC, 3, "op-1", "T1")}),
    "k" * 64,
    (
        Journalled(Intent("op-1", "run-1", 1, "create", BLUE, None, SPEC, 3, "T0"), "succeeded", "", "T1"),
        Journalled(Intent("op-2", "run-1", 2, "delete", BLUE, SPEC, None, 4, "T2")),
    ),
    (Run("run-1", "apply", "dev", "T0", dirty=True, origin=Origin(("manifests",), whole=True)),),
    {"run-1": Inverse({BLUE: SPEC}, (Step(1, Action.DELETE, BLUE, "", (FieldChange("n", 1, None),), None, None),))},
)


def test_a_record_comes_back_as_it_was() -> None:
    assert record_of(record_text(RECORD), "f") == RECORD


def test_equal_records_have_equal_documents() -> None:
    assert record_text(record_of(record_text(RECORD), "f")) == record_text(RECORD)


def test_a_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    save_record(tmp_path / "r.json", RECORD)
    assert saved_record(tmp_path / "r.json") == RECORD
    assert (tmp_path / "r.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("place", range(0, 2400, 37))
def test_a_changed_letter_is_noticed(place: int) -> None:
    text = record_text(RECORD)
    place %= len(text)
    changed = text[:place] + ("7" if text[place] != "7" else "8") + text[place + 1 :]
    with pytest.raises(StateError, match=r"^r\.json: "):
        record_of(changed, "r.json")


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", "7", '{"format": "x", "version": 1, "digest": ""}', "[" * 99999]
)
def test_what_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(StateError, match=r"r\.json: this is no record; `mlops state export r\.json` writes one"):
        record_of(text, "r.json")


def test_a_newer_document_is_refused() -> None:
    held = json.loads(record_text(RECORD)) | {"version": 9}
    with pytest.raises(
        StateError, match=r"r\.json: E-STATE-NEWER: record of version 9, this tool knows 2; upgrade mlops"
    ):
        record_of(json.dumps(held), "r.json")


def test_a_document_from_before_there_were_inverses_is_read() -> None:
    held = json.loads(record_text(replace(RECORD, inverses={}))) | {"version": 1}
    del held["inverses"], held["runs"][0]["origin"], held["runs"][0]["steps"]
    body = {name: value for name, value in held.items() if name != "digest"}
    held["digest"] = hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    (run,) = RECORD.runs
    assert record_of(json.dumps(held), "f") == replace(RECORD, inverses={}, runs=(replace(run, origin=Origin()),))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="cannot be read: No such file"):
        saved_record(tmp_path / "r.json")
    with pytest.raises(StateError, match="cannot be written: No such file"):
        save_record(tmp_path / "nowhere" / "r.json", RECORD)


def test_a_document_is_sealed_under_the_key_that_is_given() -> None:
    keys = SealKeys(SealKey(bytes(range(32))))
    text = record_text(RECORD, keys)
    assert record_of(text, "r.json", keys) == RECORD
    assert "deployment/credit/blue" not in text
    with pytest.raises(StateError, match=r"r\.json: it is encrypted under key"):
        record_of(text, "r.json")
    with pytest.raises(StateError, match=r"r\.json: it is not encrypted, but MLOPS_ENCRYPTION_KEY is set"):
        record_of(record_text(RECORD), "r.json", keys)
    with pytest.raises(StateError, match=r"r\.json: it was changed, or is older than it says"):
        record_of(text.replace('"serial": 7', '"serial": 8'), "r.json", keys)
