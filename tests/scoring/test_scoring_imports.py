"""The modules that scripts of Azure import, in environments with and without the packages they come from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import reconciler

OFFER = "from reconciler.scoring.aml_imports import *; offer_imports(); "
SOURCE = str(Path(reconciler.__file__).parents[1])
WAYS = [
    "from azureml_inference_server_http.api.aml_request import AMLRequest, rawhttp",
    "from azureml.contrib.services.aml_request import AMLRequest, rawhttp",
    "import azureml.contrib.services.aml_request as m; AMLRequest, rawhttp = m.AMLRequest, m.rawhttp",
    "from azureml.contrib.services import rawhttp; from azureml.contrib.services.aml_request import AMLRequest",
]


def said(code: str, python: str = sys.executable, path: Path | None = None) -> str:
    """What a program prints after the modules are offered."""
    environment = {"PYTHONPATH": f"{SOURCE}:{path}" if path else SOURCE, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [python, "-W", "error", "-c", OFFER + code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_import_works_without_the_packages(way):
    code = f"{way}; run = rawhttp(lambda request: 1); print(AMLRequest.__module__, run(0), is_raw_requested())"
    assert said(code) == "reconciler.scoring.aml_request 1 True\n"


@pytest.mark.parametrize("way", WAYS)
def test_where_the_real_package_is_installed_it_is_what_a_script_gets(azure_python, way):
    code = f"{way}; run = rawhttp(lambda request: 1); print(AMLRequest.__module__, run(0), is_raw_requested())"
    assert said(code, azure_python) == "azureml_inference_server_http.api.aml_request 1 True\n"


def test_a_response_comes_from_the_same_places():
    code = "from {0} import AMLResponse as {1}; "
    both = code.format("azureml.contrib.services.aml_response", "A")
    both += code.format("azureml_inference_server_http.api.aml_response", "B")
    assert said(both + "print(A is B, A.__module__)") == "True reconciler.scoring.aml_response\n"


def test_nothing_is_raw_until_it_is_asked_for():
    assert said("import azureml.contrib.services.aml_request; print(is_raw_requested())") == "False\n"


@pytest.mark.parametrize("init", ["", "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n", None])
def test_an_installed_azureml_is_not_hidden(tmp_path, init):
    (tmp_path / "azureml" / "core").mkdir(parents=True)
    (tmp_path / "azureml" / "core" / "__init__.py").write_text("NAME = 'core'\n")
    if init is not None:
        (tmp_path / "azureml" / "__init__.py").write_text(init)
    code = "import azureml.contrib.services.aml_request; import azureml.core; print(azureml.core.NAME)"
    assert said(code, path=tmp_path) == "core\n"


def test_what_is_not_offered_is_missing_as_ever():
    code = "\ntry:\n    import azureml.core\nexcept ModuleNotFoundError as error:\n    print(error)"
    assert said(code) == "No module named 'azureml.core'\n"


def test_raw_and_typed_at_once_is_refused(start, azure_python):
    script = (
        "from azureml_inference_server_http.api.aml_request import rawhttp\n"
        "from inference_schema.schema_decorators import input_schema\n"
        "from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType\n"
        "@rawhttp\n@input_schema('data', StandardPythonParameterType({}))\ndef run(data): return data\n"
    )
    server = start(script, python=azure_python)
    assert server.exit_code() == 3
    assert server.errors.splitlines()[-1].endswith("run() cannot be decorated with both @rawhttp and @input_schema")


def test_flasks_own_names_work_in_a_raw_run(start, azure_python):
    script = (
        "import flask\nfrom azureml.contrib.services.aml_request import rawhttp\n"
        "@rawhttp\nasync def run(request, request_headers):\n"
        "    response = flask.jsonify(method=flask.request.method, colour=request_headers['X-Colour'])\n"
        "    response.set_cookie('a', 'b'); response.status_code = 202\n"
        "    return response\n"
    )
    reply = start(script, python=azure_python).until_healthy().ask(X_Colour="red")
    assert (reply.status, reply.json) == (202, {"method": "POST", "colour": "red"})
    assert reply.headers["set-cookie"] == "a=b; Path=/"


def test_a_file_of_flask_is_sent(start, azure_python):
    script = (
        "import flask\nfrom azureml.contrib.services.aml_request import rawhttp\n"
        "@rawhttp\ndef run(request): return flask.send_file(__file__, 'text/plain')\n"
    )
    server = start(script, python=azure_python).until_healthy()
    assert server.ask().body == (server.folder / "score.py").read_bytes()
