"""The same script, asked the same by Azure's own server and by this one, answers the same."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

PLAIN = """
import json
def run(raw_data, request_headers):
    given = json.loads(raw_data) if raw_data.startswith(("{", "[")) else raw_data
    if given == "raise":
        raise ValueError("not this")
    if isinstance(given, list):
        return tuple(given)
    return None if given == "none" else {"given": given, "colour": request_headers.get("X-Colour")}
"""
TYPED = """
import numpy as np, pandas as pd
from inference_schema.schema_decorators import input_schema, output_schema
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))
@input_schema("frame", PandasParameterType(pd.DataFrame({"a": [1], "b": ["x"]})))
@input_schema("params", StandardPythonParameterType({"threshold": 0.5, "tags": ["x"]}))
@output_schema(StandardPythonParameterType({"sum": 1.0}))
def run(data, frame, params, limit=3, request_headers=None):
    if limit == 0:
        return data  # which JSON cannot hold
    return [type(data).__name__, data.sum().item(), frame.to_dict("list"), params, limit, "X-Colour" in request_headers]
"""
RAW = """
import json
from azureml_inference_server_http.api.aml_request import AMLRequest, rawhttp
from azureml_inference_server_http.api.aml_response import AMLResponse
@rawhttp
def run(request):
    return globals()["answer_" + request.args.get("what", "request")](request)
def answer_request(request):
    names = "method path full_path url base_url host host_url url_root scheme content_type mimetype is_json"
    found = {name: getattr(request, name) for name in names.split()}
    found["args"] = [request.args.to_dict(flat=False), request.args.getlist("n"), request.args.get("n", type=int)]
    found["headers"] = [request.headers["x-colour"], "X-COLOUR" in request.headers, request.headers.get("absent")]
    found["pairs"] = sorted(pair for pair in request.headers if pair[0] == "X-Colour")
    found["cookies"] = dict(request.cookies)
    return found
def answer_body(request):
    return AMLResponse(request.get_data(False), 200, {"Content-Type": "application/octet-stream"})
def answer_text(request):
    return [request.get_data(as_text=True), len(request.data), request.content_length]
def answer_json(request):
    return [request.get_json(), request.json, request.get_json(force=True)]
def answer_silent(request):
    return [request.get_json(silent=True), request.get_json(force=True, silent=True)]
def answer_form(request):
    files = {name: [one.filename, one.mimetype, one.name] for name, one in request.files.items()}
    return [request.form.to_dict(flat=False), files, len(request.data), request.values.get("what")]
def answer_file(request):
    image = request.files["image"]
    head = image.read(4)
    image.seek(0)
    return AMLResponse(head + image.read(), 200)
def answer_html(request):
    return AMLResponse("grün", 201)
def answer_message(request):
    return AMLResponse({"a": [1]}, 418, {"X-Many": "a,b", "X-One": "c"}, json_str=True)
def answer_none(request):
    return AMLResponse(None, 200, run_function_failed=True)
def answer_failing(request):
    return AMLResponse("overloaded", 503, {"Retry-After": "1"})
def answer_changed(request):
    response = AMLResponse("old", 200, {"Content-Type": "text/plain"})
    response.set_data("new")
    response.headers["X-Late"] = "1"
    response.status_code = 202
    return response
def answer_plain(request):
    return "a text"
"""
COMPARED = ("content-type", "x-ms-run-function-failed", "x-request-id", "x-ms-request-id", "x-ms-client-request-id")
CORS = ("access-control-allow-origin", "access-control-allow-methods", "access-control-allow-headers", "vary")
MORE = ("traceid", "x-many", "x-one", "x-late", "retry-after")
FORM = "application/x-www-form-urlencoded"
BINARY = bytes(range(256)) + b"\r\n--\r\n\r\r\n\n--b"
MULTIPART = (
    b'--b0\r\nContent-Disposition: form-data; name="title"\r\n\r\ngr\xc3\xbcn\r\n'
    b'--b0\r\nContent-Disposition: form-data; name="image"; filename="a b.png"\r\nContent-Type: image/png\r\n\r\n'
    + BINARY
    + b"\r\n--b0--\r\n"
)
VERSIONS = ["", "?version=2", "?version=2.0", "?version=3", "?version=3.0", "?version=3.1", "?version=4", "?version="]


def azures_command(python):
    """Azure's server on a unix socket: its own command listens on every interface."""

    def command(socket: Path) -> list[str]:
        application = "azureml_inference_server_http.server.entry:app"
        settings = ["-c", "python:reconciler.scoring.azureml", "--bind", f"unix:{socket}"]
        return [python, "-m", "gunicorn", *settings, application]

    return command


def pair(start_shared, azure_python, script, *, python=None, **environment):
    """Azure's server, and ours in the same environment unless another is given."""
    theirs = start_shared(script, command=azures_command(azure_python), MLOPS_DRAIN_SECONDS="5", **environment)
    ours = start_shared(script, python=python or azure_python, **environment)
    return theirs.until_healthy(), ours.until_healthy()


@pytest.fixture(scope="module")
def plain(start_shared, azure_python):
    origins = "https://a.example, https://[bc].example"
    return pair(start_shared, azure_python, PLAIN, AML_CORS_ORIGINS=origins, SERVICE_NAME="risk")


@pytest.fixture(scope="module")
def typed(start_shared, azure_python):
    return pair(start_shared, azure_python, TYPED, SERVICE_VERSION="7", SERVICE_PATH_PREFIX="/a/b/")


@pytest.fixture(scope="module")
def raw_without_flask(start_shared, azure_python):
    """Ours in the environment of the tests, which has neither Azure's packages nor flask."""
    return pair(start_shared, azure_python, RAW, python=sys.executable, AML_CORS_ORIGINS="*")


@pytest.fixture(scope="module")
def raw_with_flask(raw_without_flask, start_shared, azure_python):
    return raw_without_flask[0], start_shared(RAW, python=azure_python, AML_CORS_ORIGINS="*").until_healthy()


def seen(reply, *names):
    """What must be the same of a reply; the body as JSON where it is."""
    body = json.loads(reply.body) if reply.headers.get("content-type") == "application/json" else reply.body
    return reply.status, {name: reply.headers.get(name) for name in names}, body


def same(servers, method="POST", path="/score", body=b"", names=(*COMPARED, *CORS, *MORE), **headers):
    theirs, ours = (server.ask(method, path, body, x_request_id="fixed", **headers) for server in servers)
    assert seen(ours, *names) == seen(theirs, *names)
    return ours


@pytest.mark.parametrize("body", ['{"ä": [1, null]}', "[1, 2]", "plain text", "none", "raise", ""])
def test_a_plain_script_answers_the_same(plain, body):
    same(plain, body=body.encode(), X_Colour="red")


def test_a_body_that_is_no_utf8_is_refused_in_the_same_words(plain):
    assert same(plain, body=b"\xff").status == 400


@pytest.mark.parametrize("query", ["?a=1&b=[1,2]&c=a%20b&d=null&e=x&e=2&f=", "", "?data=%C3%A4&x=1e3&y=NaN"])
def test_a_query_answers_the_same(plain, query):
    same(plain, "GET", f"/score{query}")


@pytest.mark.parametrize(
    "ids",
    [
        {"x_ms_request_id": "b"},
        {"x_ms_client_request_id": "c"},
        {"x_ms_request_id": "b", "x_ms_client_request_id": "c", "TraceId": "t"},
    ],
)
def test_ids_are_echoed_the_same(plain, ids):
    same(plain, body=b"{}", **ids)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_health_answers_the_same(plain, method):
    assert same(plain, method, "/", names=CORS).status == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD"])
def test_another_method_has_the_same_status(plain, method):
    theirs, ours = (server.ask(method) for server in plain)
    assert ours.status == theirs.status == 405


@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
@pytest.mark.parametrize("origin", [None, "https://a.example", "HTTPS://B.EXAMPLE", "https://d.example"])
def test_origins_are_allowed_the_same(plain, method, origin):
    asked = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "x-b, content-type"}
    same(plain, method, body=b"{}", names=CORS, **(asked if method == "OPTIONS" else {}), **_origin(origin))


def test_a_preflight_for_a_method_that_is_not_served_says_the_same(plain):
    same(plain, "OPTIONS", names=CORS, Origin="https://a.example", Access_Control_Request_Method="PUT")


@pytest.mark.parametrize("origin", [None, "https://any.example"])
def test_all_origins_are_allowed_the_same(raw_without_flask, origin):
    same(raw_without_flask, path="/score?what=plain", names=CORS, **_origin(origin))


def _origin(origin):
    return {"Origin": origin} if origin else {}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("script", ["plain", "typed"])
def test_the_description_is_the_same(request, script, version):
    same(request.getfixturevalue(script), "GET", f"/swagger.json{version}", names=COMPARED)


TYPED_BODY = {"data": [[1, 2]], "frame": [{"a": 1, "b": "x"}], "params": {"threshold": 0.1, "tags": []}}


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(TYPED_BODY),
        json.dumps({**TYPED_BODY, "limit": 9, "unknown": 1}),
        json.dumps({"data": [[1, 2]], "params": {}}),
        json.dumps([1]),
        "no json",
        "",
    ],
    ids=["full", "default-given", "missing", "array", "text", "empty"],
)
def test_a_typed_script_answers_the_same(typed, body):
    same(typed, body=body.encode(), Content_Type="application/json; charset=utf-8", X_Colour="red")


def test_a_typed_script_takes_json_only(typed):
    assert same(typed, body=json.dumps(TYPED_BODY).encode(), Content_Type="text/plain").status == 415
    assert same(typed, body=json.dumps(TYPED_BODY).encode(), Content_Type="application/vnd.x+json").status == 200


def test_a_typed_script_takes_a_query(typed):
    same(typed, "GET", '/score?data=[[1,2]]&frame=[{"a":1,"b":"x"}]&params={}'.replace('"', "%22"))


def test_input_of_a_wrong_type_is_the_clients_error(typed):
    """Azure's server answers 500, as if the script had failed."""
    theirs, ours = (
        server.ask(body=json.dumps({**TYPED_BODY, "params": [1]}).encode(), Content_Type="application/json")
        for server in typed
    )
    assert (theirs.status, ours.status) == (500, 400)
    assert ours.json["message"].startswith("Input cannot be converted: Invalid input data type to parse")


def test_an_array_as_result_is_an_error_of_the_script(typed):
    """Azure's server has the same status, and says that the error is its own."""
    body = json.dumps({**TYPED_BODY, "limit": 0}).encode()
    theirs, ours = (server.ask(body=body, Content_Type="application/json") for server in typed)
    assert (theirs.status, ours.status) == (500, 500)
    assert ours.headers["x-ms-run-function-failed"] == "True"


@pytest.fixture(params=["without flask", "with flask"])
def raw(request):
    return request.getfixturevalue(f"raw_{request.param.replace(' ', '_')}")


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_raw_request_has_the_same_attributes(raw, method):
    same(raw, method, "/score?n=1&n=2&m=%C3%A4+b", X_Colour="red", Cookie="a=b; c=d", Content_Type="Text/Plain; x=y")


@pytest.mark.parametrize(
    ("what", "body", "content_type"),
    [
        ("body", BINARY, "image/png"),
        ("body", b"", "text/plain"),
        ("text", "grün".encode(), "text/plain"),
        ("text", b"a=1", FORM),
        ("json", b'{"a": 1}', "application/json"),
        ("silent", b"no json", "application/json"),
        ("silent", b"1", "text/plain"),
        ("form", b"a=1&a=2&b=%C3%A4+x&c=", FORM),
        ("form", MULTIPART, "multipart/form-data; boundary=b0"),
        ("form", b"a=1", "text/plain"),
        ("file", MULTIPART, 'multipart/form-data; boundary="b0"'),
    ],
)
def test_a_raw_body_is_read_the_same(raw, what, body, content_type):
    same(raw, path=f"/score?what={what}", body=body, Content_Type=content_type)


@pytest.mark.parametrize("what", ["html", "message", "none", "failing", "changed", "plain"])
def test_a_response_is_sent_the_same(raw, what):
    same(raw, path=f"/score?what={what}")
