"""Sealed text opens under its key, lineage, serial and place, and never otherwise."""

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import StateError
from reconciler.record.sealing import (
    Bond,
    SealError,
    SealKey,
    SealKeys,
    opened_document,
    seal_keys,
    sealed_document,
)

KEY, OTHER = SealKey(bytes(range(32))), SealKey(bytes(32))
BOND = Bond("lineage-1", 7, "entries deployment/credit/blue")
WRONG = {
    "an older serial": replace(BOND, serial=6),
    "another lineage": replace(BOND, lineage="lineage-2"),
    "another place": replace(BOND, place="entries deployment/credit/green"),
}


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_what_was_sealed_opens_as_it_was(text: str, place: str):
    bond = replace(BOND, place=place)
    assert KEY.open(KEY.seal(text, bond), bond) == text


def test_a_text_sealed_twice_is_never_the_same():
    assert KEY.seal("text", BOND) != KEY.seal("text", BOND)


@pytest.mark.parametrize("what", WRONG)
def test_a_text_does_not_open_under(what: str):
    with pytest.raises(SealError, match="does not open under serial"):
        KEY.open(KEY.seal("text", BOND), WRONG[what])


def test_a_text_does_not_open_under_another_key():
    with pytest.raises(SealError):
        OTHER.open(KEY.seal("text", BOND), BOND)


@given(st.data())
def test_a_text_with_a_flipped_bit_does_not_open(data: st.DataObject):
    held = bytearray(base64.b64decode(KEY.seal("text", BOND)))
    bit = data.draw(st.integers(0, len(held) * 8 - 1))
    held[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SealError):
        KEY.open(base64.b64encode(held).decode(), BOND)


@pytest.mark.parametrize("text", ["", "AAAA", "no base64!", "ü"])
def test_what_was_never_sealed_does_not_open(text: str):
    with pytest.raises(SealError):
        KEY.open(text, BOND)


def test_a_key_is_known_by_an_id_and_shows_nothing_else():
    assert KEY.id != OTHER.id
    assert repr(KEY) == "SealKey()"
    assert KEY.secret.hex() not in KEY.id


def test_keys_come_from_variables_and_from_files(tmp_path: Path):
    (tmp_path / "key").write_text(KEY.secret.hex() + "\n")
    environ = {"MLOPS_ENCRYPTION_KEY": OTHER.secret.hex(), "MLOPS_ENCRYPTION_KEY_FALLBACK_FILE": str(tmp_path / "key")}
    assert seal_keys(environ) == SealKeys(OTHER, KEY)
    assert seal_keys({}) == SealKeys() == seal_keys({"MLOPS_ENCRYPTION_KEY": ""})


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        (
            {"MLOPS_ENCRYPTION_KEY": "hunter2"},
            r"\$MLOPS_ENCRYPTION_KEY: this is no key of 64 hex.*openssl rand -hex 32",
        ),
        ({"MLOPS_ENCRYPTION_KEY_FILE": "not-there"}, "not-there: the key that MLOPS_ENCRYPTION_KEY_FILE names cannot"),
        ({"MLOPS_ENCRYPTION_KEY_FILE": "empty"}, "empty: the key file is empty"),
        ({"MLOPS_ENCRYPTION_KEY": "0" * 64, "MLOPS_ENCRYPTION_KEY_FILE": "f"}, "are both set; give one of them"),
        ({"MLOPS_ENCRYPTION_KEY_FALLBACK": "0" * 64}, "is given without MLOPS_ENCRYPTION_KEY"),
    ],
)
def test_what_is_no_key_is_refused_without_showing_it(
    environ: dict[str, str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("empty").touch()
    with pytest.raises(StateError, match=message) as told:
        seal_keys(environ)
    assert "hunter2" not in str(told.value)


def opened(held: dict[str, object], keys: SealKeys) -> str | None:
    return opened_document(held, keys, place="plan", name="p.json")


def sealed() -> dict[str, object]:
    made = sealed_document("the plan", SealKeys(KEY), replace(BOND, place="plan"))
    assert made is not None
    return json.loads(json.dumps(made))


def test_a_document_tells_its_key_lineage_and_serial_and_nothing_else():
    assert {name: value for name, value in sealed().items() if name != "sealed"} == {
        "encryption": "aes-256-gcm",
        "key": KEY.id,
        "lineage": "lineage-1",
        "serial": 7,
    }


def test_a_document_opens_under_the_key_and_under_the_fallback():
    assert opened(sealed(), SealKeys(KEY)) == "the plan" == opened(sealed(), SealKeys(OTHER, KEY))


def test_without_a_key_documents_are_in_the_clear():
    assert sealed_document("the plan", SealKeys(), BOND) is None
    assert opened({"plan": {}}, SealKeys()) is None


@pytest.mark.parametrize(
    ("change", "keys", "message"),
    [
        ({"serial": 8}, SealKeys(KEY), "p.json: it was changed, or is older than it says"),
        ({"lineage": "lineage-2"}, SealKeys(KEY), "p.json: it was changed, or is older than it says"),
        ({"encryption": "rot13"}, SealKeys(KEY), "p.json: encryption 'rot13' is not known"),
        ({}, SealKeys(OTHER), f"under key {KEY.id}, and MLOPS_ENCRYPTION_KEY is {OTHER.id}; give the former key in"),
        ({}, SealKeys(), f"encrypted under key {KEY.id}; give that in MLOPS_ENCRYPTION_KEY"),
    ],
)
def test_a_document_that_does_not_open_says_why(change: dict[str, object], keys: SealKeys, message: str):
    with pytest.raises(StateError, match=message):
        opened(sealed() | change, keys)


def test_a_document_in_the_clear_is_refused_where_a_key_is_given():
    with pytest.raises(StateError, match="it is not encrypted, but MLOPS_ENCRYPTION_KEY is set"):
        opened({"plan": {}}, SealKeys(KEY))
