"""A reference to a secret becomes the value of the one variable that it may ask for."""

import pytest

from reconciler.core.manifest import Manifest
from reconciler.load import Options, with_secrets
from reconciler.load.place import Here
from reconciler.load.reading import read
from tests.builders import manifest

HERE = Here("/nowhere/x.yml", "x.yml", "x.yml")
ENVIRON = {"MLOPS_SECRET_DB": "tiger", "MLOPS_SECRET_DB_PASSWORD": "lion", "MLOPS_SECRET_EMPTY": "", "DB": "cat"}


def blue(**variables: object) -> Manifest:
    return manifest("deployment", name="blue", endpoint_name="iris", environment_variables=variables)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${{secret:db}}", "tiger"),
        ("${{ secret:db }}", "tiger"),
        ("${{secret:DB}}", "tiger"),
        ("${{secret:db.password}}", "lion"),
        ("${{secret:db-password}}", "lion"),
        ("u:${{secret:db}}@${{secret:db_password}}", "u:tiger@lion"),
        ("${{azureml://connections/db/credentials/key}}", "${{azureml://connections/db/credentials/key}}"),
        ("${{keyvault:https://kv.vault.azure.net/secrets/db}}", "${{keyvault:https://kv.vault.azure.net/secrets/db}}"),
        (3, 3),
        (None, None),
    ],
)
def test_b54_a_reference_becomes_its_value_and_everything_else_stays(written: object, value: object):
    (made,), problems = with_secrets([blue(A=written)], ENVIRON)
    assert (made.document["environment_variables"], problems) == ({"A": value}, [])


@pytest.mark.parametrize("name", ["cat", "empty", "home"])
def test_b54_a_secret_that_is_not_set_or_empty_or_of_another_prefix_is_told(name: str):
    _, (problem,) = with_secrets([blue(A=f"${{{{secret:{name}}}}}")], {**ENVIRON, "HOME": "/root", "CAT": "x"})
    message = f"secret '{name}' not found in source env; set MLOPS_SECRET_{name.upper()}"
    assert (problem.line, problem.code, problem.message) == (3, "E-SECRET-REF", message)


def test_b54_a_value_is_not_looked_through_for_references_again():
    (made,), _ = with_secrets([blue(A="${{secret:a}}")], {"MLOPS_SECRET_A": "${{secret:b}}", "MLOPS_SECRET_B": "x"})
    assert made.document["environment_variables"] == {"A": "${{secret:b}}"}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("environment_variables: {A: '${{secret:}}'}", "environment_variables.A: write ${{secret:NAME}}"),
        ("environment_variables: {A: '${{secret:a b}}'}", "environment_variables.A: write ${{secret:NAME}}"),
        ("environment_variables: {A: '${{secret:a}'}", "environment_variables.A: write ${{secret:NAME}}"),
        ("environment_variables: {A: '${{secret:a}} ${{secret:?}}'}", "environment_variables.A: write"),
        ("environment_variables: {A: '${{ secrets.DB }}'}", "environment_variables.A: write ${{secret:NAME}}"),
        ("environment_variables: {A: '${{Secret:db}}'}", "environment_variables.A: write ${{secret:NAME}}"),
        ("description: ${{secret:a}}", "description: a secret would be shown here; write it in environment_variables"),
        ("tags: {a: {b: ['${{secret:a}}']}}", "tags.a.b.0: a secret would be shown here"),
    ],
)
def test_b54_a_reference_in_another_form_or_place_is_refused(line: str, says: str):
    text = (
        "$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json\nname: blue\n"
        f"endpoint_name: iris\ninstance_type: Standard_DS3_v2\n{line}\n"
    )
    (problem,) = read(text.encode(), HERE, Options(), alone=True).problems
    assert (problem.line, problem.code) == (5, "E-SECRET-REF")
    assert problem.message.startswith(says)
