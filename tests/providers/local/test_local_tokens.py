"""Tokens open endpoints: our own, and those of an issuer that the target names."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
from local_world import ENDPOINT, World, answering
from opening import Issuer, ask, credential, gateway_pid

from reconciler.core.address import Address
from reconciler.errors import ProviderError
from reconciler.providers.hosting.options import Issuer as IssuerOption
from reconciler.providers.hosting.tokens import Signer, accepted_of

CREDIT = Address("endpoint", "credit")
BY_TOKEN = {**ENDPOINT, "auth_mode": "aml_token"}
BY_ISSUER = {**ENDPOINT, "auth_mode": "aad_token"}


def test_a_token_has_azures_names_and_ends_after_twelve_hours(tmp_path):
    issued = Signer(tmp_path / "key.pem", now=lambda: 1_000_000.9).issue(CREDIT)
    claims = jwt.decode(issued["accessToken"], options={"verify_signature": False})
    assert issued["tokenType"] == "Bearer"
    assert issued["expiryTimeUtc"] == claims["exp"] == 1_000_000 + 12 * 3600
    assert issued["refreshAfterTimeUtc"] == 1_000_000 + 8 * 3600
    assert claims["nbf"] < claims["iat"] == 1_000_000


def test_what_the_proxy_is_told_verifies_a_token(tmp_path):
    signer = Signer(tmp_path / "key.pem")
    accepted, token = signer.accepted(CREDIT), str(signer.issue(CREDIT)["accessToken"])
    (key,) = jwt.PyJWKSet.from_json(accepted.keys).keys
    claims = jwt.decode(token, key, ["RS256"], audience="endpoint/credit", issuer=accepted.issuer)
    assert accepted.audience == claims["aud"] == "endpoint/credit"


def test_what_the_proxy_is_told_holds_no_private_part(tmp_path):
    (key,) = json.loads(Signer(tmp_path / "key.pem").accepted(CREDIT).keys)["keys"]
    assert not {"d", "p", "q", "dp", "dq", "qi"} & key.keys()


def test_every_token_is_another(tmp_path):
    signer = Signer(tmp_path / "key.pem")
    assert signer.issue(CREDIT)["accessToken"] != signer.issue(CREDIT)["accessToken"]


def test_the_signing_key_is_made_once_and_belongs_to_its_owner_alone(tmp_path):
    file = tmp_path / "key.pem"
    signers = [Signer(file) for _ in range(4)]
    made: list[str] = []
    threads = [threading.Thread(target=lambda each=each: made.append(each.accepted(CREDIT).keys)) for each in signers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    assert len(set(made)) == 1
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_signing_key_that_is_broken_is_told(tmp_path):
    (tmp_path / "key.pem").write_text("broken")
    with pytest.raises(ProviderError, match=r"cannot be read: .*; remove "):
        Signer(tmp_path / "key.pem").issue(CREDIT)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "No such file"),
        ("{", "no JSON Web Key Set"),
        ("[]", "no JSON Web Key Set"),
        ('{"keys": [1]}', "no JSON Web Key Set"),
        ('{"keys": []}', "no key for RS256 or ES256"),
        ('{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "a"}]}', "no key for RS256 or ES256"),
        ('{"keys": [{"kty": "RSA", "n": "a", "e": "b", "d": "c"}]}', "a private key"),
        ('{"keys": [{"kty": "oct", "k": "a"}]}', "a private key"),
    ],
)
def test_a_key_set_that_is_none_is_told_in_one_line(tmp_path, text, said):
    file = tmp_path / "keys.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ProviderError, match=f"^target option tokens: jwks_file: {file}: [^\n]*{said}"):
        accepted_of(IssuerOption("https://login", "ml", file))


def test_a_token_opens_its_endpoint_and_no_other(world):
    for name in ("credit", "debit"):
        world.do("create", f"endpoint/{name}", BY_TOKEN)
        world.do("create", f"deployment/{name}/blue", world.deployment(answering("blue")))
    token = credential(world, "accessToken")
    assert ask(world, token) == 200
    assert ask(world, token, endpoint="debit") == 401
    assert ask(world, token[:-3] + "abc") == 401
    assert ask(world) == 401


def test_a_token_of_yesterday_opens_nothing(world):
    world.do("create", "endpoint/credit", BY_TOKEN)
    world.do("create", "deployment/credit/blue", world.deployment(answering("blue")))
    yesterday = Signer(world.layout.signing_key, now=lambda: time.time() - 24 * 3600)
    assert ask(world, str(yesterday.issue(CREDIT)["accessToken"])) == 401


def test_keys_give_way_to_tokens_and_come_back_without_a_restart(world):
    world.endpoint_with(blue=answering("blue"))
    key, pids = credential(world), (gateway_pid(world), *world.pids("deployment/credit/blue"))
    world.do("update", "endpoint/credit", BY_TOKEN)
    token = credential(world, "accessToken")
    assert (ask(world, token), ask(world, key)) == (200, 401)
    world.do("update", "endpoint/credit", ENDPOINT)
    assert (ask(world, token), ask(world, key)) == (401, 200)
    assert (gateway_pid(world), *world.pids("deployment/credit/blue")) == pids


def test_an_endpoint_that_began_with_tokens_gets_keys_when_keys_are_to_open_it(world):
    world.do("create", "endpoint/credit", BY_TOKEN)
    world.do("update", "endpoint/credit", ENDPOINT)
    world.do("create", "deployment/credit/blue", world.deployment(answering("blue")))
    assert ask(world, credential(world, "secondaryKey")) == 200


def test_tokens_of_an_issuer_that_publishes_its_keys_open_an_endpoint(tmp_path, environments):
    issuer, stranger = Issuer(), Issuer()
    with issuer.published() as address, opened(tmp_path, environments, issuer.option(jwks_uri=address)) as world:
        assert ask(world, issuer.token()) == 200
        assert ask(world, stranger.token()) == 401
        assert ask(world, issuer.token(aud="another")) == 401
        assert ask(world, issuer.token(iss="another")) == 401
        assert ask(world, issuer.token(exp=int(time.time()) - 600)) == 401
        assert ask(world) == 401


def test_tokens_of_an_issuer_whose_keys_lie_in_a_file_open_an_endpoint(tmp_path, environments):
    former, fresh, file = Issuer(), Issuer(), tmp_path / "keys.json"
    file.write_text(former.jwks)
    with opened(tmp_path, environments, former.option(jwks_file=str(file))) as world:
        assert ask(world, former.token()) == 200
        file.write_text(fresh.jwks)
        assert world.live("endpoint/credit").spec["outdated_gateway"] == "tokens"
        world.do("update", "endpoint/credit", BY_ISSUER)
        assert "outdated_gateway" not in world.live("endpoint/credit").spec
        assert (ask(world, former.token()), ask(world, fresh.token())) == (401, 200)


def test_a_token_of_somebody_else_is_not_handed_out_by_us(tmp_path, environments):
    issuer = Issuer()
    (tmp_path / "keys.json").write_text(issuer.jwks)
    said = pytest.raises(ProviderError, match=f"tokens of {issuer.name}, for the audience {issuer.audience} ")
    with opened(tmp_path, environments, issuer.option(jwks_file=str(tmp_path / "keys.json"))) as world, said:
        world.provider.credentials(CREDIT)


@contextmanager
def opened(folder: Path, environments: Path, tokens: dict[str, Any]) -> Iterator[World]:
    """An endpoint that is opened by the tokens of an issuer."""
    world = World(folder, environments, tokens=tokens)
    try:
        world.do("create", "endpoint/credit", BY_ISSUER)
        world.do("create", "deployment/credit/blue", world.deployment(answering("blue")))
        yield world
    finally:
        world.end()
