"""What opens endpoints, from the command line: keys, tokens and certificates, and that they show up nowhere else."""

import json
import re
from pathlib import Path

import jwt
from command_line import LOCAL, Repository, files_holding
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from tests.ending import processes_of

TARGET = Path(".mlops/local/dev")


def keys_of(repository: Repository) -> dict[str, str]:
    return json.loads(repository.mlops("credentials", "credit").out)


def target_of(repository: Repository, option: str) -> None:
    """Give the local target another option."""
    repository.write("mlops.yaml", LOCAL.replace("default: true", f"default: true, {option}"))


def private_files_holding(text: str, repository: Repository) -> set[str]:
    """The files of the target that hold a text; it is in no file that another user may read, and in no other folder."""
    target = repository.folder / TARGET
    found = [Path(name) for name in files_holding(text, [repository.folder])]
    assert all(file.is_relative_to(target) and file.stat().st_mode & 0o777 == 0o600 for file in found)
    assert target.stat().st_mode & 0o777 == 0o700
    return {str(file.relative_to(target)) for file in found}


def shown_by_processes(text: str, repository: Repository) -> list[str]:
    """The processes that show a text in their command line or environment."""
    running = processes_of(repository.folder)
    assert {"envoy"} <= {process.name() for process in running}
    return [process.name() for process in running if text in f"{process.cmdline()} {process.environ()}"]


def test_a_key_is_in_no_output_no_process_and_no_file_but_the_private_ones(local: Repository):
    said = [local.apply().out]
    first = keys_of(local)
    said.append(local.mlops("online-endpoint", "regenerate-keys", "-n", "credit", "--key-type", "primary").err)
    local.mlops("invoke", "credit")
    local.edit("manifests/endpoint.yml", "auth_mode: key", "auth_mode: key\ndescription: new")
    said.append(local.mlops("plan", "--format", "json", "--out", "saved.plan").out)
    said.append(local.apply("--plan", "saved.plan").out)
    asked = (
        *("status", "drift", "show endpoint/credit", "show deployment/credit/blue", "logs deployment/credit/blue"),
        *(f"online-endpoint {verb} -n credit" for verb in ("show", "update", "invoke", "list-deployments")),
        "online-endpoint list -o yaml",
    )
    said += [ran.out + ran.err for ran in (local.mlops(*words.split()) for words in asked)]
    keys = {*first.values(), *keys_of(local).values()}
    assert len(keys) == 3
    for key in keys:
        assert [text for text in said if key in text] == []
        assert shown_by_processes(key, local) == []
        assert private_files_holding(key, local) <= {"secrets/endpoint%2Fcredit.json", "gateway/routes.json"}
    assert private_files_holding(first["primaryKey"], local) == set()


def test_a_token_opens_its_endpoint_and_is_kept_nowhere(local: Repository):
    local.edit("manifests/endpoint.yml", "auth_mode: key", "auth_mode: aml_token")
    local.apply()
    token = keys_of(local)
    assert sorted(token) == ["accessToken", "expiryTimeUtc", "refreshAfterTimeUtc", "tokenType"]
    assert jwt.decode(token["accessToken"], options={"verify_signature": False})["aud"] == "endpoint/credit"
    assert local.mlops("invoke", "credit").out == '"blue"\n'
    assert files_holding(token["accessToken"], [local.folder]) == []
    signing_key = local.read(f"{TARGET}/signing-key.pem").splitlines()[1]
    assert private_files_holding(signing_key, local) == {"signing-key.pem"}
    assert shown_by_processes(signing_key, local) == []


def test_a_key_is_replaced_only_by_somebody_who_agrees(local: Repository):
    local.apply()
    before = keys_of(local)
    refused = local.mlops("credentials", "credit", "--rotate", "secondary", code=4)
    assert "say --yes if you mean it" in refused.err
    assert keys_of(local) == before
    after = json.loads(local.mlops("credentials", "credit", "--rotate", "secondary", "--yes").out)
    assert after == keys_of(local)
    assert (after["primaryKey"] == before["primaryKey"], after["secondaryKey"] == before["secondaryKey"]) == (
        True,
        False,
    )


def test_a_provider_without_keys_says_so(applied: Repository):
    assert (
        "provider memory has no keys to rotate"
        in applied.mlops("credentials", "credit", "--rotate", "primary", "--yes", code=1).err
    )


def test_tokens_of_an_issuer_are_given_by_hand(local: Repository):
    key = ec.generate_private_key(ec.SECP256R1())
    public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    local.write("keys.json", json.dumps({"keys": [public]}))
    local.edit("manifests/endpoint.yml", "auth_mode: key", "auth_mode: aad_token")
    assert "E-UNSUPPORTED: local does not know who issues the tokens; add `tokens:" in local.apply(code=1).err
    target_of(local, "tokens: {issuer: me, audience: ml, jwks_file: keys.json}")
    local.apply()
    refused = local.mlops("credentials", "credit", code=1).err
    assert "opened by tokens of me, for the audience ml (auth_mode aad_token)" in refused
    assert "give one by --token FILE, or in MLOPS_TOKEN" in local.mlops("invoke", "credit", code=1).err
    token = jwt.encode({"iss": "me", "aud": "ml", "exp": 4_000_000_000}, key, "ES256")
    stranger = jwt.encode({"iss": "me", "aud": "another", "exp": 4_000_000_000}, key, "ES256")
    local.write("token", f"{token}\n")
    assert local.mlops("invoke", "credit", "--token", "token").out == '"blue"\n'
    assert local.mlops("invoke", "credit", MLOPS_TOKEN=token).out == '"blue"\n'
    assert "answered 401" in local.mlops("invoke", "credit", MLOPS_TOKEN=stranger, code=1).err


def test_a_self_signed_certificate_is_made_told_and_trusted(local: Repository):
    local.apply()
    target_of(local, "gateway: {tls: true}")
    planned = local.mlops("plan").out
    assert "update endpoint/credit (the gateway does not follow its options)" in planned
    assert "outdated_gateway  gateway.tls\n" in planned
    local.apply()
    assert local.mlops("plan").out.startswith("No changes.")
    file = local.folder / TARGET / "tls" / "certificate.pem"
    assert local.mlops("invoke", "credit").out == '"blue"\n'
    assert f"self-signed; clients trust it by {file}" in local.mlops("credentials", "credit").err
    assert f"self-signed certificate, for clients to trust: {file}" in local.mlops("status").out
    assert local.mlops("show", "endpoint/credit").json["certificate"] == {"file": str(file), "self_signed": True}


def test_a_certificate_that_is_not_there_is_refused_before_anything_is_touched(local: Repository):
    target_of(local, "gateway: {tls: {cert_file: c.pem, key_file: k.pem}}")
    refused = local.apply(code=1).err
    assert re.search(
        "target option gateway: tls: cert_file: .*c.pem: No such file or directory$", refused, re.MULTILINE
    )


def test_an_envoy_that_is_not_there_fails_the_step_in_one_line(local: Repository):
    target_of(local, "gateway: {envoy: nowhere}")
    failed = local.apply(code=5)
    assert re.search("^[^\n]*target option gateway: envoy: .*nowhere is not there$", failed.out, re.MULTILINE)
