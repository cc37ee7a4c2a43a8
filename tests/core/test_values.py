"""Addresses and secrets."""

import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.address import Address
from reconciler.core.secret import Secret, sealed, spec_from_json, specs_from_json, unsealed

ADDRESSES = ["endpoint/credit", "deployment/credit/blue", "model/risk:3", "environment/sklearn:1"]


@pytest.mark.parametrize("text", ADDRESSES)
def test_an_address_reads_back_as_it_is_written(text):
    assert str(Address.parse(text)) == text


@pytest.mark.parametrize("text", ["", "credit", "endpoint/", "endpoint/a/b", "deployment/x", "model/risk", "pod/x"])
def test_what_is_no_address_is_refused_with_the_four_forms(text):
    with pytest.raises(ValueError, match="deployment/ENDPOINT/NAME"):
        Address.parse(text)


def test_addresses_sort_as_their_text_does():
    assert [str(a) for a in sorted(map(Address.parse, ADDRESSES))] == sorted(ADDRESSES)


@given(st.lists(st.sampled_from([*ADDRESSES, "deployment/b/a", "endpoint/c", "model/risk:10"]), min_size=2))
def test_addresses_compare_as_their_texts_do(texts):
    first, second, *_ = found = list(map(Address.parse, texts))
    assert (first < second, first <= second, first == second) == (
        texts[0] < texts[1],
        texts[0] <= texts[1],
        texts[0] == texts[1],
    )
    assert (first > second, first >= second) == (texts[0] > texts[1], texts[0] >= texts[1])
    assert (str(min(found)), str(max(found))) == (min(texts), max(texts))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_a_copy_of_an_address_is_the_same_address(copied):
    address = Address.parse("deployment/credit/blue")
    assert copied(address) == address
    assert {address: 1}[copied(address)] == 1


def test_a_deployment_knows_its_endpoint():
    assert str(Address.parse("deployment/credit/blue").parent) == "endpoint/credit"
    assert Address.parse("model/risk:3").parent is None


def test_a_secret_never_shows_itself():
    secret = Secret.of("hunter2", b"key")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]} {secret.__dict__['digest']}"
    assert secret.reveal() == "hunter2"


def test_secrets_are_equal_when_their_digests_are_and_the_key_makes_them_differ():
    assert Secret.of("a", b"k") == Secret(Secret.of("a", b"k").digest)
    assert Secret.of("a", b"k") != Secret.of("a", b"other")


def test_a_secret_read_back_from_a_record_has_no_value_to_reveal():
    with pytest.raises(ValueError, match="not at hand"):
        Secret("00").reveal()


KEYS = st.sampled_from(["$secret", "$$secret", "name", "$"]) | st.text(max_size=3)
VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | st.builds(Secret, st.text("0123", min_size=1, max_size=3)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_a_spec_comes_back_from_its_json_form_as_it_was(value):
    assert unsealed(sealed(value)) == value


@given(st.lists(VALUES, max_size=4))
def test_specs_come_back_from_their_texts_one_by_one_as_all_at_once(values):
    texts = [json.dumps(sealed(value)) for value in values]
    assert specs_from_json(texts) == [spec_from_json(text) for text in texts] == values


def test_a_secret_keeps_what_may_be_shown_of_it_in_every_reading():
    secret = Secret.of("https://ana:pw@host", b"key", shown="https://***@host")
    text = json.dumps(sealed({"list": [{"deep": secret}]}))
    for read in (
        spec_from_json(text),
        spec_from_json(text.encode()),
        *specs_from_json([text]),
        unsealed(json.loads(text)),
    ):
        assert read["list"][0]["deep"].shown == secret.shown


def test_a_secret_that_is_pickled_or_copied_is_its_digest_alone():
    secret = Secret.of("opensesame", b"key", shown="https://***@host")
    packed = pickle.dumps({"steps": [secret]})
    assert b"opensesame" not in packed
    (found,) = pickle.loads(packed)["steps"]
    assert (found, found.value, found.shown) == (secret, None, secret.shown)
    assert copy.deepcopy(secret).value is None
