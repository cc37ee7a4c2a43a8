"""A secret in a file is told by what and where it is, never by its value; what only looks like one is let pass."""

import pytest

from reconciler.core.problem import Problem
from reconciler.load import Options
from reconciler.load.checking.literals import literal_secrets
from reconciler.load.place import Here
from reconciler.load.reading import read

HERE = Here("/nowhere/x.yml", "x.yml", "x.yml")
# Put together here, so that no scanner takes this file for a leak.
LETTERS = "Zm9yLXRlc3RzT25seQ8Ab3Kd9Lw2"
KEY = (LETTERS * 4)[:86] + "=="
HEX = "0123456789abcdef" * 4
SECRETS = {
    "an Azure storage key": KEY,
    "a key in a connection string": f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={KEY[-50:]}",
    "a password in a connection string": "Server=db;User Id=app;" + "Password=" + "tr0ub4dor;Encrypt=true",
    "an Azure SAS token": "https://a.blob.core.windows.net/c?sv=2024-01-01&sp=r&" + f"sig={LETTERS}{LETTERS}%3D",
    "a client secret of Entra ID": "abc8" + f"Q~{LETTERS}a.b_c",
    "an AWS access key": "AK" + "IAQ3EXAMQLE7ZZ2K4B",
    "a GitHub token": "gh" + f"p_{LETTERS}{LETTERS[:10]}",
    "a GitLab token": "glp" + f"at-{LETTERS[:20]}",
    "a Slack token": "xo" + f"xb-123456789012-{LETTERS}",
    "an API key of an AI service": "sk" + f"-proj-{LETTERS}{LETTERS}",
    "a Hugging Face token": "hf" + f"_{(LETTERS + LETTERS)[:34]}",
    "a Google API key": "AI" + f"za{(LETTERS + LETTERS)[:35]}",
    "a Stripe key": "sk" + f"_live_{LETTERS}",
    "an npm token": "np" + f"m_{(LETTERS + LETTERS)[:36]}",
    "a PyPI token": "pypi-" + f"AgEIcHlwaS5vcmc{LETTERS}{LETTERS}",
    "a Databricks token": "da" + f"pi{HEX[:32]}",
    "a private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "a JSON Web Token": "ey" + f"JhbGciOiJIUzI1NiJ9.eyJ{LETTERS}.{LETTERS}",
    "a password in a URL": "postgres://app:" + "tr0ub4dor@db/app",
}
KEYED = {
    "DB_PASSWORD": "kT9#vLq2!xWz7@Rb",
    "API_KEY": HEX[:32],
    "client_secret": LETTERS,
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYzzKEY9aQ2x",
    "storage-key": LETTERS,
}
NONE = [
    "STORAGE_KEY: <STORAGE_KEY>",
    "DB_PASSWORD: ${{secret:db}}",
    "DB_PASSWORD: '{{PASSWORD}}'",
    "DB_PASSWORD: ${{azureml://connections/db/credentials/key}}",
    "DB_PASSWORD: $DB_PASSWORD_OF_TODAY_2024",
    "DB_PASSWORD: changeme-1234567890abc",
    "SECRET_NAME: kv-prod-secret-of-the-shop-7f3a9b",
    "CLIENT_SECRET: kv-prod-secret-of-the-shop-7",
    "TOKENIZER: bert-base-uncased-2024x8f3a91b",
    "TOKEN: /var/run/secrets/azure/tokens/azure-identity-token",
    "MAX_TOKENS: 4096",
    "CLIENT_ID: 3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "TOKEN: 3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "KEY: " + "A" * 86 + "==",
    "image: docker://base:1.25@sha256:" + HEX,
    "image: base@sha256:" + HEX,
    "URL: https://user:<password>@host/x",
    "URL: https://host:8443/x@y",
    "URL: postgres://app:${PASSWORD}@db/app",
    "URL: git@github.com:org/repo.git",
    "model: azureml://registries/azureml/models/risk/versions/20240102030405",
    "secret: a description of what this is, with 12 words in it and some more",
]


def told(text: str) -> list[Problem]:
    return list(literal_secrets(text, HERE))


@pytest.mark.parametrize("what", SECRETS)
def test_b53_a_secret_is_known_by_its_form(what: str):
    (problem,) = told(f"# a comment\nname: x\nvariables: {{A: '{SECRETS[what]}'}}\n")
    assert (problem.line, problem.code) == (3, "E-SECRET")
    assert problem.message.startswith(f"looks like {what}; use ${{{{secret:NAME}}}}")


@pytest.mark.parametrize("key", KEYED)
@pytest.mark.parametrize("form", ["{0}: {1}\n", "v: {{{0}: '{1}'}}\n", '"{0}": "{1}" # c\r\n'])
def test_b53_a_secret_is_known_by_its_key_and_how_it_looks(key: str, form: str):
    if form.startswith("{0}") and "#" in KEYED[key]:
        form = "{0}: '{1}'\n"
    (problem,) = told(form.format(key, KEYED[key]))
    assert problem.message.startswith(f"looks like a secret by its key {key}; use")


@pytest.mark.parametrize("secret", [*SECRETS.values(), *KEYED.values()])
def test_b53_the_value_is_never_shown(secret: str):
    said = "".join(map(str, told(f"DB_PASSWORD: '{secret}'\n")))
    assert said
    assert not [part for part in range(len(secret) - 7) if secret[part : part + 8] in said.replace("PRIVATE KEY", "")]


@pytest.mark.parametrize("line", NONE)
def test_b53_what_is_no_secret_is_let_pass(line: str):
    assert told(line + "\n") == []


def test_b53_a_line_may_say_that_it_holds_none():
    assert told(f"A: {KEY}  # pragma: allowlist secret\n") == []
    assert [problem.line for problem in told(f"A: {KEY}  # pragma: allowlist secret\nB: {KEY}\n")] == [2]


def test_b53_what_a_variable_brings_is_in_no_file():
    text = (
        "$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json\nname: blue\n"
        "endpoint_name: iris\ninstance_type: Standard_DS3_v2\nenvironment_variables: {KEY: '{{KEY}}'}\n"
    )
    assert read(text.encode(), HERE, Options(variables={"KEY": KEY}), alone=True).problems == ()
    given = read(text.replace("{{KEY}}", KEY).encode(), HERE, Options(), alone=True).problems
    assert [(problem.line, problem.code) for problem in given] == [(5, "E-SECRET")]


@pytest.mark.parametrize(
    "unit", ["a", "a.", "-eyJaaaaaaaaaa", "://a:", "password", "sig=", "-----BEGIN A ", ";pwd", "Q~"]
)
def test_b53_a_text_made_to_be_slow_is_gone_through(unit: str):
    assert len(told(unit * (1_000_000 // len(unit)))) <= 1
