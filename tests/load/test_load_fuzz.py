"""Whatever a file holds: nothing but problems comes of it, each with a code and a place in the file.

What is accepted is what PyYAML reads, and goes through resolving and checking.

MLOPS_FUZZ_EXAMPLES=100000 tries more, and others on every run.
"""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from mutations import FUZZ, damaged, documents, dumped
from test_load_yaml import alike, read_document

from reconciler.core.codes import CODES
from reconciler.core.problem import Problem
from reconciler.core.state import State
from reconciler.diff import changes
from reconciler.errors import ManifestError
from reconciler.load import Loaded, Options, load, parse_set
from reconciler.load.settings.config import read_config
from reconciler.order import order
from reconciler.preflight import problems_of
from reconciler.resolve import resolve

SETTING_NAMES = (
    *(
        "dev",
        "provider",
        "default",
        "state",
        "variables",
        "overrides",
        "protect",
        "quota",
        "pinned",
        "max_delete",
        "assets",
    ),
    *(
        "policies",
        "rollout",
        "slo",
        "autoscale",
        "deployment/a/b",
        "endpoint/a",
        "steps",
        "rules",
        "schedules",
        "pause",
    ),
    *("min_instances", "gateway", "tokens", "local", "docker"),
)
ANYTHING = st.one_of(st.binary(max_size=400), damaged(), documents().map(dumped))
VARIABLES = {"X": "1", "ENDPOINT_NAME": "my-endpoint"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository that holds what paths of real manifests name."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "score.py").write_text("def init(): ...\n")
    (tmp_path / "conda.yml").write_text("dependencies: [python=3.12]\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def placed(problem: Problem, data: bytes) -> bool:
    """Whether a place is in the file; a file's end, and the end of a line, are places too."""
    lines = data.decode("utf-8-sig", "replace").replace("\r\n", "\n").split("\n")
    # YAML breaks lines at more characters than others do.
    most = len(data.decode("utf-8", "replace").splitlines()) + len(lines) + 1
    return 1 <= problem.line <= most and 1 <= problem.column <= len(data) + 2


def checked(loaded: Loaded) -> list[Problem]:
    """What is said of manifests by the stages behind the loader."""
    resolved = resolve(loaded.manifests, State(), secret_key=b"k")
    broken = [manifest for manifest in loaded.manifests if not manifest.valid]
    order(changes(resolved.resources, State()))
    return [*loaded.problems, *resolved.problems, *problems_of(resolved.resources, broken, (), pinned=True)]


@FUZZ
@given(data=ANYTHING)
def test_nothing_but_problems_comes_of_any_file(folder: Path, data: bytes):
    (folder / "x.yml").write_bytes(data)
    for path in (".", "x.yml"):
        for problem in checked(load(path, Options(variables=VARIABLES))):
            assert problem.code in CODES
            assert problem.file in ("x.yml", "conda.yml", "--set"), problem
            assert problem.file != "x.yml" or placed(problem, data), problem


@FUZZ
@given(data=st.one_of(damaged(), documents().map(dumped)))
def test_what_is_accepted_is_what_the_safe_loader_reads(data: bytes):
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return
    found, problems = read_document(text)
    if not problems:
        assert alike([one.value for one in found], list(yaml.load_all(text, yaml.CSafeLoader)))


@FUZZ
@given(texts=st.lists(ANYTHING, min_size=2, max_size=3))
def test_a_folder_says_what_each_of_its_files_says(folder: Path, texts: list[bytes]):
    """One file's problems hide none of another's, but for what the files say of each other."""
    for number, data in enumerate(texts):
        (folder / f"{number}.yml").write_bytes(data)
    together = load(".", Options(variables=VARIABLES)).problems
    for number in range(len(texts)):
        others = [Path(f"{other}.yml") for other in range(len(texts)) if other != number]
        hidden = [file.rename(f"{file}.hidden") for file in others]
        alone = load(".", Options(variables=VARIABLES)).problems
        for file in hidden:
            file.rename(file.with_suffix(""))
        assert set(alone) <= set(together)


SETTINGS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.dates()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(SETTING_NAMES), inner, max_size=5)
    ),
    max_leaves=15,
)
TOP = st.dictionaries(st.sampled_from(["manifests", "targets", "policies", "x"]), SETTINGS)


@FUZZ
@given(data=st.one_of(st.binary(max_size=200), TOP.map(dumped)))
def test_nothing_but_problems_comes_of_any_settings(folder: Path, data: bytes):
    (folder / "mlops.yaml").write_bytes(data)
    problems = problems_of_settings(folder)
    assert [problem for problem in problems if problem.code not in CODES] == []
    assert [problem for problem in problems if problem.file != "mlops.yaml" or not placed(problem, data)] == []


def problems_of_settings(folder: Path) -> tuple[Problem, ...]:
    try:
        read_config(folder).target(None)
    except ManifestError as error:
        return error.problems
    return ()


BLUE = (
    "$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json\n"
    "name: blue\nendpoint_name: iris\ninstance_type: Standard_DS3_v2\ntags: {a: [1, {b: c}]}\n"
)
PATHS = st.lists(
    st.sampled_from(["tags", "a", "[0]", "[1]", "[9]", "b", "traffic", "name", "instance_count", "x", "["])
)


@FUZZ
@given(
    address=st.one_of(
        st.sampled_from(["deployment/iris/blue", "endpoint/iris", "model/a:1", "x", ""]), st.text(max_size=12)
    ),
    path=st.one_of(PATHS.map(".".join), st.text(max_size=12)),
    value=st.one_of(
        st.text(max_size=20), st.sampled_from(["{a: b}", "[", "*a", "!!x y", "1.10", "- x", "2024-02-30", "9" * 5000])
    ),
)
def test_nothing_but_problems_comes_of_any_set(folder: Path, address: str, path: str, value: str):
    (folder / "x.yml").write_text(BLUE)
    try:
        override = parse_set(f"{address}.{path}={value}")
    except ManifestError as error:
        assert {problem.code for problem in error.problems} == {"E-SET"}  # noqa: PT017 - most texts are read
        return
    for problem in checked(load("x.yml", Options(overrides=(override,)))):
        assert problem.code in CODES
        assert (problem.file, problem.line, problem.column) == ("--set", 1, 1) or problem.file == "x.yml"


@FUZZ
@given(
    text=st.one_of(
        st.text(max_size=40),
        st.lists(st.sampled_from(["{{A}}", "{{ B }}", "{{C", "${{A}}", "# ", "\n", "x"])).map("".join),
    ),
    value=st.text(max_size=10),
)
def test_nothing_but_problems_comes_of_any_variable(folder: Path, text: str, value: str):
    (folder / "x.yml").write_text(BLUE + f"description: {text}\n", encoding="utf-8", errors="replace")
    loaded = load("x.yml", Options(variables={"A": value}))
    for problem in loaded.problems:
        assert problem.code in CODES
        assert placed(problem, (folder / "x.yml").read_bytes())
