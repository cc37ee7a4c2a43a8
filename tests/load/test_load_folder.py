"""A folder, a file or a revision becomes manifests."""

import os
from pathlib import Path

import pytest

from reconciler.errors import ManifestError
from reconciler.load import Loaded, Options, Override, load, parse_set
from tests.git_here import git

HOST = "$schema: https://azuremlschemas.azureedge.net/latest"
ENDPOINT = f"{HOST}/managedOnlineEndpoint.schema.json\nname: iris\n"
BLUE = (
    f"{HOST}/managedOnlineDeployment.schema.json\nname: blue\nendpoint_name: iris\n"
    "model: azureml:risk:1\nenvironment: azureml:sklearn:1\ninstance_type: Standard_DS3_v2\ninstance_count: 1\n"
)
MODEL = f"{HOST}/model.schema.json\nname: risk\nversion: 1\n"


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, which git knows."""
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "repo")
    return tmp_path / "repo"


def write(**files: str) -> None:
    for name, text in files.items():
        put(name.replace("__", "/") + ".yml", text)


def put(name: str, text: str) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text, encoding="utf-8")


def told(loaded: Loaded) -> list[str]:
    return [str(problem) for problem in loaded.problems]


def test_every_yaml_file_below_a_folder_is_read_and_hidden_folders_are_not():
    put("m/a/endpoint.YAML", ENDPOINT)
    put("m/blue.yml", BLUE)
    for folder in (".hidden", ".venv", ".mlops", "node_modules"):
        put(f"m/{folder}/x.yml", ENDPOINT)
    assert [manifest.file for manifest in load("m").manifests] == ["m/a/endpoint.YAML", "m/blue.yml"]


def test_b21_yaml_that_is_not_ours_is_passed_over_and_named():
    put("mlops.yaml", "targets: {}")
    put("conda.yml", "name: x\ndependencies: [python]\n")
    assert load(".").passed_over == ("conda.yml",)


def test_b03_documents_of_one_file_are_each_a_resource_with_its_own_line():
    put("all.yml", f"{ENDPOINT}---\n{BLUE}")
    loaded = load(".")
    assert [(one.kind, one.source().line, one.source("name").line) for one in loaded.manifests] == [
        ("endpoint", 1, 2),
        ("deployment", 4, 5),
    ]


def test_a_path_that_is_not_there_is_one_problem():
    with pytest.raises(ManifestError, match=r"nowhere:1:1: E-PATH: nowhere is not there"):
        load("nowhere")
    with pytest.raises(ManifestError, match=r"REV:PATH, or an address with --only deployment/credit/blue$"):
        load("deployment/credit/blue")


def test_problems_of_all_files_come_in_one_answer_and_broken_manifests_are_there():
    put("a.yml", ENDPOINT + "foo: 1\n")
    put("b.yml", "x: [")
    put("c.yml", BLUE.replace("iris", "irs") + "bar: 1\n")
    loaded = load(".")
    assert [problem.code for problem in loaded.problems] == ["E-FIELD", "E-FIELD"]
    assert [manifest.valid for manifest in loaded.manifests] == [False, False]
    assert loaded.passed_over == ("b.yml",)


def test_the_tree_is_the_same_wherever_the_files_lie_and_another_when_anything_differs(tmp_path: Path):
    for top in ("one", "two"):
        put(f"{top}/m.yml", MODEL + "path: data\n")
        put(f"{top}/data/a.bin", "content")
    tree = load("one").tree
    assert load("two").tree == tree
    assert load("two", Options(variables={"A": "1"})).tree != tree
    assert load("two", Options(overrides=(parse_set("model/risk:1.description=x"),))).tree != tree
    put("two/data/a.bin", "other")
    assert load("two").tree != tree


def test_names_from_the_command_line_win_in_a_single_file_and_count_nowhere_else():
    put("m/blue.yml", BLUE)
    options = Options(name="green", endpoint_name="wine")
    assert [load("m/blue.yml", options).manifests[0].document[key] for key in ("name", "endpoint_name")] == [
        "green",
        "wine",
    ]
    assert load("m", options).manifests[0].document["name"] == "blue"
    put("m/endpoint.yml", ENDPOINT)
    assert "endpoint_name" not in load("m/endpoint.yml", options).manifests[0].document


def test_a_variable_is_text_and_secrets_of_azure_are_left_alone():
    put("a.yml", BLUE.replace(": 1\n", ": {{ COUNT }}\n") + "environment_variables: {A: '${{azureml://x}}'}\n")
    manifest = load(".", Options(variables={"COUNT": "3"})).manifests[0]
    assert (manifest.document["instance_count"], manifest.document["environment_variables"]) == (
        3,
        {"A": "${{azureml://x}}"},
    )


def test_a_variable_with_a_line_break_is_refused():
    put("a.yml", ENDPOINT + "description: {{X}}\n")
    assert [problem.code for problem in load(".", Options(variables={"X": "a\nb"})).problems] == ["E-VARIABLE"]


def test_an_override_makes_what_is_missing_on_its_way_and_is_checked_like_the_file():
    put("blue.yml", BLUE)
    given = ("environment_variables.A=1", "request_settings.request_timeout_ms=3000", "instance_count=x")
    loaded = load(".", Options(overrides=tuple(parse_set(f"deployment/iris/blue.{one}") for one in given)))
    assert loaded.manifests[0].document["environment_variables"] == {"A": 1}
    assert told(loaded) == [
        "--set:1:1: E-INSTANCES: deployment/iris/blue: instance_count: whole number >= 1; here is 'x'"
    ]


@pytest.mark.parametrize(
    ("written", "meant"), [('"1.10"', "1.10"), ("'a b'", "a b"), ('""', ""), ("1.10", "1.10"), ('a"b"', 'a"b"')]
)
def test_an_override_in_quotes_is_the_text_within(written: str, meant: str):
    put("e.yml", ENDPOINT)
    loaded = load(".", Options(overrides=(parse_set(f"endpoint/iris.description={written}"),)))
    assert loaded.manifests[0].document["description"] == meant


def test_an_override_reaches_an_item_of_a_list():
    put("e.yml", ENDPOINT + "identity: {type: user_assigned, user_assigned_identities: [{resource_id: a}]}\n")
    path = "identity.user_assigned_identities[0].resource_id"
    loaded = load(".", Options(overrides=(parse_set(f"endpoint/iris.{path}=b"),)))
    assert loaded.manifests[0].document["identity"]["user_assigned_identities"] == [{"resource_id": "b"}]


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("deployment/iris/blu.instance_count=3", "E-SET", "did you mean deployment/iris/blue?"),
        ("deployment/iris/blue.model.path=x", "E-SET", "not a mapping but a reference"),
        ("deployment/iris/blue.instance_cont=3", "E-FIELD", "did you mean instance_count?"),
        ("deployment/iris/blue. =3", "E-SET", "'' is no field; write it as field.inner"),
        ("deployment/iris/blue.tags[x]=3", "E-SET", "'tags[x]' is no field"),
        ("deployment/iris/blue.tags..a=3", "E-SET", "'tags..a' is no field"),
        (f"deployment/iris/blue.tags[{'9' * 5000}]=3", "E-SET", "is no field"),
        ("deployment/iris/blue.name.a=3", "E-SET", "what holds it is not a mapping"),
    ],
)
def test_an_override_that_fits_nothing_is_a_problem(text: str, code: str, says: str):
    put("blue.yml", BLUE)
    problem = load(".", Options(overrides=(parse_set(text),))).problems[0]
    assert problem.code == code
    assert says in problem.message


@pytest.mark.parametrize(
    "field", ["$schema=https://azureml/x.json", "endpoint_name=", "type=kubernetes", "name={a: b}"]
)
def test_an_override_changes_a_resource_and_not_what_it_is(field: str):
    put("blue.yml", BLUE)
    (made,) = load(".", Options(overrides=(parse_set(f"deployment/iris/blue.{field}"),))).manifests
    assert made.kind == "deployment"


def test_an_override_of_mlops_yaml_for_another_file_is_no_problem_when_one_file_is_named():
    put("blue.yml", BLUE)
    stranger = Override("endpoint/wine", "description", "x", "mlops.yaml", 3, 5)
    assert told(load("blue.yml", Options(overrides=(stranger,)))) == []
    assert [problem.code for problem in load(".", Options(overrides=(stranger,))).problems] == ["W-SET"]


@pytest.mark.parametrize("text", ["instance_count=3", "deployment/a.x=1", "endpoint/a", "deployment/a/b=1"])
def test_a_set_of_another_form_is_refused(text: str):
    with pytest.raises(ManifestError, match="E-SET"):
        parse_set(text)


def test_b40_an_environment_file_is_read_in_with_its_paths_relative_to_the_deployment():
    put("envs/env.yml", f"{HOST}/environment.schema.json\nname: sk\nimage: python\nconda_file: c/conda.yml\n")
    put("envs/c/conda.yml", "dependencies: [python=3.12]\n")
    put("blue.yml", BLUE.replace("azureml:sklearn:1", "file:envs/env.yml"))
    environment = load("blue.yml").manifests[0].document["environment"]
    assert environment == {"name": "sk", "image": "python", "conda_file": {"dependencies": ["python=3.12"]}}


@pytest.mark.parametrize("content", [b"", b"\xff", b"[", b"- a", b"a: 1\n---\nb: 2", b"dependencies: 5", b"x: &a [*a]"])
def test_a_conda_file_of_any_bytes_is_one_problem(content: bytes):
    Path("conda.yml").write_bytes(content)
    put("env.yml", f"{HOST}/environment.schema.json\nname: sk\nimage: python\nconda_file: conda.yml\n")
    assert [problem.code for problem in load("env.yml").problems] == ["E-CONDA"]


def test_a_wrong_environment_file_is_told_at_its_own_place():
    put("envs/env.yml", "image: python\nfoo: 1\n")
    put("blue.yml", BLUE.replace("azureml:sklearn:1", "file:envs/env.yml"))
    assert told(load("blue.yml")) == ["envs/env.yml:2:1: E-FIELD: foo: unknown field"]


def test_a_scoring_script_is_read_and_one_that_is_missing_is_none():
    put("code/score.py", "def init(): ...")
    put("blue.yml", BLUE + "code_configuration: {code: code, scoring_script: score.py}\n")
    put("green.yml", BLUE.replace("blue", "green") + "code_configuration: {code: code, scoring_script: x.py}\n")
    scripts = [manifest.scripts["code_configuration.scoring_script"] for manifest in load(".").manifests]
    assert [(script.path, script.text) for script in scripts] == [
        ("code/score.py", "def init(): ..."),
        ("code/x.py", None),
    ]


def test_b39_a_link_that_leaves_the_repository_is_refused(tmp_path: Path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("x")
    put("code/score.py", "")
    Path("code/etc").symlink_to(tmp_path / "outside")
    Path("linked").symlink_to(tmp_path / "outside")
    put("blue.yml", BLUE + "code_configuration: {code: code, scoring_script: score.py}\n")
    put("model.yml", MODEL + "path: linked\n")
    Path("far.yml").symlink_to(tmp_path / "outside" / "secret")
    assert [(problem.file, problem.code) for problem in load(".").problems] == [
        ("blue.yml", "E-LINK-OUT"),
        ("far.yml", "E-LINK-OUT"),
        ("model.yml", "E-LINK-OUT"),
    ]


def test_a_link_inside_the_repository_is_followed_and_one_to_its_own_folder_ends():
    put("shared/util.py", "x = 1")
    put("code/score.py", "")
    Path("code/shared").symlink_to("../shared")
    Path("code/loop").symlink_to(".")
    put("blue.yml", BLUE + "code_configuration: {code: code, scoring_script: score.py}\n")
    before = load(".").manifests[0].contents["code_configuration.code"].digest
    put("shared/util.py", "x = 2")
    assert load(".").manifests[0].contents["code_configuration.code"].digest != before


def test_a_pipe_is_neither_read_nor_waited_for():
    os.mkfifo("pipe.yml")
    put("model.yml", MODEL + "path: pipe.yml\n")
    assert [problem.code for problem in load(".").problems] == ["E-PATH"]
    with pytest.raises(ManifestError, match="neither a file nor a folder"):
        load("pipe.yml")


def test_code_must_be_a_folder():
    put("score.py", "")
    put("blue.yml", BLUE + "code_configuration: {code: score.py, scoring_script: score.py}\n")
    assert told(load(".")) == ["blue.yml:8:22: E-PATH: score.py is a file; name its folder"]


@pytest.mark.parametrize(
    ("schema", "keys", "kind", "platform"),
    [
        (f"{HOST}/kubernetesOnlineDeployment.schema.json", "", "deployment", "managed"),
        (f"{HOST}/managedOnlineDeployment.schema.json", "type: kubernetes\n", "deployment", "kubernetes"),
        ("$schema: http://azureml/sdk-2-0/OnlineDeployment.json", "", "deployment", "managed"),
        (
            "$schema: https://azuremlsdk2.blob.core.windows.net/latest/MANAGEDonlinedeployment",
            "",
            "deployment",
            "managed",
        ),
        (f"{HOST}/managedOnlineEndpoint.schema.json", "", "deployment", "managed"),
        ("", "", "deployment", "managed"),
    ],
)
def test_the_kind_is_what_schema_and_keys_say_as_azure_reads_them(schema: str, keys: str, kind: str, platform: str):
    body = BLUE.partition("\n")[2]
    put("x.yml", f"{schema}\n{body}{keys}")
    loaded = load(".")
    assert [(one.kind, one.platform, told(loaded)) for one in loaded.manifests] == [(kind, platform, [])]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("name: a-b\nauth_mode: key\n", "endpoint"),
        ("name: iris\ntraffic: {blue: 100}\n", "endpoint"),
        ("name: e\nimage: python\n", "environment"),
        ("name: m\npath: azureml://datastores/a/paths/b\n", "model"),
        ("name: x\nimage: python\nservices: {}\n", None),
        ("name: x\nversion: 1\n", None),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n", None),
    ],
)
def test_without_a_schema_the_keys_tell_the_kind(text: str, kind: str | None):
    put("x.yml", text)
    assert [manifest.kind for manifest in load(".").manifests] == ([kind] if kind else [])


def test_spellings_that_azure_takes_come_out_as_one():
    put("e.yml", ENDPOINT + "auth_mode: AADToken\ntags: {day: 2024-01-02, n: 1}\n")
    put("m.yml", MODEL + "path: azureml://datastores/a/paths/b\ntype: Custom_Model\n")
    endpoint, model = load(".").manifests
    assert (endpoint.document["auth_mode"], endpoint.document["tags"]) == ("aad_token", {"day": "2024-01-02", "n": 1})
    assert (model.document["version"], model.document["type"]) == ("1", "custom_model")


@pytest.fixture
def history(repository: Path) -> None:
    """Two commits: one instance of blue, then two."""
    (repository / ".git").rmdir()
    git("init")
    put("m/code/score.py", "")
    put("m/blue.yml", BLUE + "code_configuration: {code: code, scoring_script: score.py}\n")
    git("add", ".")
    git("commit", "-m", "one")
    put("m/blue.yml", Path("m/blue.yml").read_text().replace("instance_count: 1", "instance_count: 2"))
    git("add", ".")
    git("commit", "-m", "two")


def test_a_revision_is_read_like_the_folder_that_it_was(history: None):
    put("m/blue.yml", "changed")
    for revision, count in (("HEAD~1", 1), ("main", 2)):
        loaded = load(f"{revision}:m")
        assert (told(loaded), loaded.manifests[0].document["instance_count"]) == ([], count)
        assert loaded.manifests[0].file == f"{revision}:m/blue.yml"
    assert load("HEAD:").manifests[0].file == "HEAD:m/blue.yml"
    assert load("HEAD:m/blue.yml").manifests[0].file == "HEAD:m/blue.yml"


def test_a_revision_has_the_tree_of_the_same_files_on_disk(history: None):
    assert load("HEAD:m").tree == load("m").tree != load("HEAD~1:m").tree


@pytest.mark.parametrize("path", ["nowhere:m", "HEAD:nowhere", "HEAD:../x"])
def test_a_revision_or_path_that_is_not_there_says_so(history: None, path: str):
    with pytest.raises(ManifestError, match="E-GIT"):
        load(path)


def test_outside_git_there_are_no_revisions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "plain").mkdir()
    monkeypatch.chdir(tmp_path / "plain")
    with pytest.raises(ManifestError, match="not a git repository"):
        load("HEAD:m")


def test_a_file_whose_name_has_a_colon_wins_over_a_revision(history: None):
    put("HEAD:x.yml", ENDPOINT)
    assert load("HEAD:x.yml").manifests[0].kind == "endpoint"


def test_outside_git_a_path_may_reach_up_and_a_link_may_not_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    plain = tmp_path / "plain"
    (plain / "m").mkdir(parents=True)
    monkeypatch.chdir(plain)
    (tmp_path / "model.pkl").write_text("x")
    put("m/a.yml", MODEL + "path: ../../model.pkl\n")
    Path("m/link").symlink_to(tmp_path / "model.pkl")
    put("m/b.yml", MODEL.replace("risk", "other") + "path: link\n")
    assert [(problem.file, problem.code) for problem in load("m").problems] == [("m/b.yml", "E-LINK-OUT")]
