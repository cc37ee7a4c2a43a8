"""A model without a script: what becomes of the payload by its signature, and of what it predicts."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import reconciler
from reconciler.providers.hosting.mlflow_models import environment_of
from reconciler.providers.local.environments import Environments
from tests.environments import shared_environments

MODEL = Path(__file__).parents[1] / "mlflow-model"
# Serves every model that a line names, and answers the line's payload with a line.
DRIVER = """
import json, sys
from pathlib import Path
from reconciler.scoring.messages import BadInputError
from reconciler.scoring.mlflow import script
from reconciler.scoring.script import ScriptError
served = {}
for line in sys.stdin:
    folder, payload = json.loads(line)
    try:
        if folder not in served:
            served[folder] = script(Path(folder))
            served[folder].init()
        run = served[folder].run
        print(json.dumps({"answer": served[folder].schemas().input if payload is None else run(payload)}), flush=True)
    except BadInputError as error:
        print(json.dumps({"refused": str(error)}), flush=True)
    except ScriptError as error:
        print(json.dumps({"failed": str(error)}), flush=True)
"""
SOURCE = str(Path(reconciler.__file__).parents[1])
Ask = Callable[..., Any]
Process = subprocess.Popen[str]


def column(kind: str, name: str | None = None, *, required: bool = True) -> dict[str, Any]:
    return {"type": kind, "required": required, **({"name": name} if name else {})}


def tensor(dtype: str, *shape: int, **fields: Any) -> dict[str, Any]:
    return {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": [-1, *shape]}, **fields}


NAMED = [column("double", "x"), column("long", "n"), column("string", "s", required=False)]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of the environment that the model of the tests asks for."""
    built = Environments(shared_environments(tmp_path_factory)).ready(environment_of(MODEL), lambda _line: None)
    return str(built.python)


def described(folder: Path, inputs: list[dict[str, Any]] | None, answer: str = "") -> Path:
    """A model that tells what it is given, by a signature, or that gives one answer."""
    shutil.copytree(MODEL / "code", folder / "code")
    (folder / "answer").write_text(answer)
    flavor = {"loader_module": "echo", "code": "code", "data": "answer"}
    signature = {"signature": {"inputs": json.dumps(inputs)}} if inputs else {}
    (folder / "MLmodel").write_text(json.dumps({"flavors": {"python_function": flavor}, **signature}))
    return folder


@pytest.fixture(scope="module")
def working_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cwd")


@pytest.fixture(scope="module")
def driver(working_directory: Path, python: str) -> Iterator[Process]:
    """One process for the models of all tests: mlflow takes seconds to be imported."""
    with subprocess.Popen(
        [python, "-c", DRIVER],
        cwd=working_directory,
        env={**os.environ, "PYTHONPATH": SOURCE, "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        yield process
        process.kill()


def exchange(driver: Process, folder: Path, payload: str | None) -> Any:
    """What the driver makes of a payload; without one, what the model says that it takes."""
    assert driver.stdin is not None
    assert driver.stdout is not None
    driver.stdin.write(json.dumps([str(folder), payload]) + "\n")
    driver.stdin.flush()
    answered = json.loads(driver.stdout.readline())
    return answered.get("answer", answered)


@pytest.fixture
def serve(tmp_path: Path, driver: Process) -> Callable[..., Ask]:
    """Serves a model, which is asked with the fields of a payload."""

    def start(inputs: list[dict[str, Any]] | None = None, answer: str = "") -> Ask:
        # As what is debugged in place has it: a link that leads elsewhere, which mlflow does not follow.
        link = tmp_path / "models" / "model"
        link.parent.mkdir()
        link.symlink_to(described(tmp_path / "model", inputs, answer))
        return lambda **payload: exchange(driver, link, json.dumps(payload) if payload else None)

    return start


def test_by_named_columns_every_form_becomes_the_same_frame(serve):
    ask = serve(NAMED)
    frame = {"frame": {"x": ["float64", [1.0]], "n": ["int64", [2]], "s": ["object", ["a"]]}}
    split, row = {"columns": ["x", "n", "s"], "data": [[1, 2, "a"]]}, {"x": 1, "n": 2, "s": "a"}
    forms = [
        {"input_data": {**split, "index": [0]}},
        {"input_data": split["data"]},
        {"input_data": [row]},
        {"inputs": [row]},
        {"inputs": {name: [value] for name, value in row.items()}},
        {"instances": [row]},
        {"dataframe_split": split},
        {"dataframe_records": [row]},
    ]
    assert [ask(**form) for form in forms] == [[frame, {}]] * len(forms)


def test_by_named_columns_what_does_not_fit_is_refused_with_the_reason(serve):
    ask = serve(NAMED)
    rows = {
        "is missing inputs ['n']": [{"x": 1, "s": "a"}],
        "Failed to convert column x to type 'float64'": [{"x": "one", "n": 2, "s": "a"}],
        "column n takes whole numbers by the model's signature; 2.5 is none": [{"x": 1, "n": 2.5, "s": "a"}],
        "passed data had 2 columns": [[1, 2]],
    }
    for said, data in rows.items():
        assert said in ask(input_data=data)["refused"]
    assert "takes whole numbers" in ask(inputs={"x": [1], "n": [2.5], "s": ["a"]})["refused"]
    assert ask(input_data=[{"x": 1, "n": 2.0}])[0]["frame"]["n"] == ["int64", [2]]


def test_a_payload_has_one_form_of_input(serve):
    ask = serve(NAMED)
    assert ask(data=[[1]])["refused"].endswith("dataframe_records; it has none")
    assert ask(inputs=[[1]], instances=[[1]])["refused"].endswith("it has inputs and instances")


def test_an_unnamed_tensor_is_an_array_of_the_signatures_type(serve):
    ask = serve([tensor("float32", 2)])
    array = [["float32", [[1.0, 2.0]]], {}]
    assert [ask(**{form: [[1, 2]]}) for form in ("input_data", "inputs", "instances")] == [array] * 3
    assert "shape" in ask(input_data=[[1, 2, 3]])["refused"]


def test_named_tensors_are_arrays_by_name(serve):
    ask = serve([tensor("int64", 2, name="ids"), tensor("float64", 1, name="data")])
    value = {"ids": [[1, 2]], "data": [[0.5]]}
    tensors = {"tensors": {"ids": ["int64", [[1, 2]]], "data": ["float64", [[0.5]]]}}
    assert ask(input_data=value) == ask(inputs=value) == [tensors, {}]
    assert "takes whole numbers" in ask(input_data={"ids": [[1.5, 2]], "data": [[0.5]]})["refused"]


def test_without_a_signature_types_are_those_of_the_payload(serve):
    ask = serve(None)
    assert ask(input_data={"columns": ["a"], "index": [0], "data": [[1]]})[0] == {"frame": {"a": ["int64", [1]]}}
    assert ask(input_data=[[1.5, 2]])[0] == ["float64", [[1.5, 2.0]]]
    assert ask(input_data={"a": [1]})[0] == {"tensors": {"a": ["int64", [1]]}}


@pytest.mark.parametrize(
    ("predicted", "answer"),
    [
        ("numpy.array([[1, 2.5]])", [[1.0, 2.5]]),
        ("numpy.float32(0.5)", 0.5),
        ("pandas.DataFrame({'a': [1, 2], 'b': ['x', None]})", [{"a": 1, "b": "x"}, {"a": 2, "b": None}]),
        ("pandas.Series([1.5], name='y')", [{"y": 1.5}]),
        ("[{'label': numpy.str_('a'), 'score': numpy.float64(0.5), 'at': numpy.arange(2)}]",
         [{"label": "a", "score": 0.5, "at": [0, 1]}]),
        ("pandas.DataFrame({'t': pandas.to_datetime(['2024-01-02'])})", [{"t": "2024-01-02T00:00:00"}]),
        ("numpy.array(['2024-01-02'], dtype='datetime64[D]')", ["2024-01-02"]),
        ("[b'ab', 'text', True]", ["YWI=", "text", True]),
    ],
)  # fmt: skip
def test_predictions_become_json(serve, predicted, answer):
    assert serve(None, predicted)(input_data=[1]) == answer


def test_the_service_is_described_by_the_signature(serve):
    taken = serve(NAMED)()
    assert taken["example"] == {
        "input_data": {"columns": ["x", "n", "s"], "index": [0], "data": [[0.15, 42, "sample string"]]}
    }
    assert taken["properties"]["input_data"]["format"] == "pandas.DataFrame:split"


def test_the_example_of_a_description_is_accepted(serve):
    ask = serve(NAMED)
    assert ask(**ask()["example"])[0]["frame"]["n"] == ["int64", [42]]


@pytest.mark.parametrize(
    ("inputs", "example"),
    [
        (None, {}),
        ([tensor("float32", 2)], []),
        ([tensor("int64", 2, name="ids"), tensor("float64", name="data")], {"ids": [], "data": []}),
    ],
)
def test_what_is_no_table_is_described_by_its_shape(serve, inputs, example):
    assert serve(inputs)()["example"] == {"input_data": example}


def test_nothing_is_traced_where_nobody_collects_traces(serve):
    # A store of traces would be laid into the working directory.
    assert serve(None, "__import__('mlflow').tracing.provider.is_tracing_enabled()")(input_data=[1]) is False


def test_a_model_leaves_nothing_in_the_working_directory(serve, working_directory):
    serve(NAMED)(input_data=[[1, 2, "a"]])
    assert list(working_directory.iterdir()) == []


@pytest.mark.parametrize(
    ("description", "said"),
    [
        ("flavors: {onnx: {data: m.onnx}}", "has no python_function flavor; log the model with one, or add a script"),
        ("run_id: '1'", "has no python_function flavor"),
        ('flavors: {python_function: {}}\nsignature: {inputs: \'[{"type": "new"}]\'}', "cannot read"),
    ],
)
def test_a_model_that_python_cannot_load_is_told_in_one_line(driver, tmp_path, description, said):
    (tmp_path / "MLmodel").write_text(description)
    failed = exchange(driver, tmp_path, "{}")["failed"]
    assert said in failed
    assert "\n" not in failed


def test_a_server_without_mlflow_ends_with_the_code_of_a_failed_script(tmp_path_factory, tmp_path):
    bare = Environments(shared_environments(tmp_path_factory)).ready({}, lambda _line: None)
    (tmp_path / "MLmodel").write_text("flavors: {python_function: {loader_module: m}}\n")
    done = subprocess.run(
        [bare.python, "-m", "reconciler.scoring", "--uds", tmp_path / "s"],
        env={"PYTHONPATH": SOURCE, "AZUREML_MODEL_DIR": str(tmp_path), "AML_APP_ROOT": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "No module named 'mlflow'; add mlflow to the environment" in done.stderr.splitlines()[-1]
