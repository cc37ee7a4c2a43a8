"""What is debugged is found in the files, where they have it, else in the record; and told where it is in neither."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import LOCAL, MEMORY, SCORE, Repository

from reconciler.core.address import Address
from reconciler.errors import ManifestError, MlopsError, ProviderError
from reconciler.operate.debug_finding import in_files
from reconciler.operate.debugging import Subject, subject_of
from reconciler.providers.local.environments import Environment, Environments
from reconciler.providers.local.launch import variables
from reconciler.wishes import Wish
from reconciler.workspace import open_workspace

BLUE = Address.parse("deployment/credit/blue")
GREEN = Address.parse("deployment/credit/green")
Find = Callable[..., Subject]


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """The files of a local target in which nothing was applied; nothing is built for it."""
    repository = Repository(tmp_path / "repo", LOCAL)
    repository.write("manifests/green.yml", repository.read("manifests/blue.yml").replace("blue", "green"))
    built = Environment(Path(sys.executable), tmp_path / "bytecode")
    monkeypatch.setattr(Environments, "ready", lambda *_arguments, **_named: built)
    monkeypatch.chdir(repository.folder)
    return repository


@pytest.fixture
def find(repo: Repository) -> Find:
    def found(
        address: Address | None = BLUE,
        *files: str,
        target: str | None = None,
        came: str = "",
        recorded: bool = False,
        container: bool = False,
    ) -> Subject:
        manner = {"recorded": recorded, "container": container}
        with open_workspace(target) as workspace:
            return subject_of(workspace, Wish(files), address, print, **manner, outer={"PWD": came})

    return found


def test_code_and_model_are_taken_where_the_files_have_them(repo: Repository, find: Find):
    found = find()
    code = repo.folder / "manifests" / "src"
    assert (found.launch.code, found.watched, found.mappings) == (code, code, ())
    assert found.launch.model is not None
    assert (found.launch.model / "weights-1.txt").resolve() == repo.folder / "manifests" / "weights-1.txt"
    assert not (repo.folder / ".mlops" / "assets").exists()


def test_of_equal_code_in_two_folders_each_deployment_has_its_own(repo: Repository, find: Find):
    repo.edit("manifests/green.yml", "code: src", "code: green")
    repo.write("manifests/green/score.py", SCORE)
    folders = [found.launch.code.name for found in map(find, (BLUE, GREEN)) if found.launch.code]
    assert folders == ["src", "green"]


def test_the_script_gets_its_variables_and_secrets(repo: Repository, find: Find, monkeypatch: pytest.MonkeyPatch):
    given = "instance_count: 1\nenvironment_variables:\n  LIMIT: '3'\n  DB: ${{secret:db}}\n"
    repo.edit("manifests/blue.yml", "instance_count: 1\n", given)
    monkeypatch.setenv("MLOPS_SECRET_DB", "s3cret")
    found = find()
    env = variables(found.launch, {})
    assert (env["LIMIT"], env["DB"], env["AZUREML_ENTRY_SCRIPT"]) == ("3", "s3cret", "score.py")
    assert "s3cret" not in repr(found)


def test_what_is_wrong_with_another_deployment_does_not_matter(repo: Repository, find: Find):
    repo.edit("manifests/green.yml", "instance_count: 1", "instance_count: many")
    assert find(BLUE).address == BLUE
    with pytest.raises(ManifestError, match=r"manifests/green\.yml:.*: E-"):
        find(GREEN)


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("src/score.py", "def init():", "def init(:", "E-SCRIPT-SYNTAX"),
        ("risk-1.yml", "weights-1.txt", "weights-9.txt", "E-PATH"),
        ("blue.yml", "endpoint_name: credit", "endpoint_name: debit", "E-REF: endpoint 'debit' is not defined"),
        ("blue.yml", "instance_count: 1", "environment_variables: {A: '${{secret:none}}'}", "E-SECRET-REF"),
        ("blue.yml", "endpoint_name", "endpoint_name: [", "E-YAML"),
    ],
)
def test_what_is_wrong_with_its_own_files_is_told(
    repo: Repository, find: Find, file: str, old: str, new: str, told: str
):
    repo.edit(f"manifests/{file}", old, new)
    with pytest.raises(ManifestError) as error:
        find(Address("deployment", "blue", endpoint="debit") if "debit" in new else BLUE)
    assert told in str(error.value)


def test_one_that_is_nowhere_is_told_with_those_that_there_are(find: Find):
    with pytest.raises(MlopsError, match=r"credit/bleu is neither defined nor recorded; did you mean .*/blue\?"):
        find(Address.parse("deployment/credit/bleu"))
    with pytest.raises(MlopsError, match="blue is not recorded; without --recorded it runs as the files say"):
        find(BLUE, recorded=True)


def test_without_a_name_it_is_the_only_one_that_the_files_define(repo: Repository, find: Find):
    with pytest.raises(MlopsError, match=r"which deployment\? there are: .*/blue, deployment/credit/green"):
        find(None)
    repo.remove("manifests/green.yml")
    assert find(None).address == BLUE


def test_files_by_themselves_are_enough(repo: Repository, find: Find):
    files = [f"manifests/{name}.yml" for name in ("endpoint", "green", "risk-1", "sklearn")]
    assert find(None, *files).address == GREEN


def test_a_request_that_lies_beside_the_manifest_or_the_code_is_found(repo: Repository, find: Find):
    assert find().sample is None
    repo.write("manifests/src/sample_request.json", "{}")
    assert find().sample == repo.folder / "manifests" / "src" / "sample_request.json"
    repo.write("manifests/sample-request.json", "{}")
    assert find().sample == Path("manifests/sample-request.json")


def test_an_editor_that_was_opened_by_a_link_finds_the_code_by_it(repo: Repository, find: Find, tmp_path: Path):
    link = tmp_path / "link"
    link.symlink_to(repo.folder)
    assert find(came=str(link)).mappings == ((link / "manifests" / "src", repo.folder / "manifests" / "src"),)
    assert find(came=str(tmp_path)).mappings == ()
    assert find(came=str(repo.folder)).mappings == ()


MLFLOW = Path(__file__).parents[1] / "mlflow-model"


def test_an_mlflow_model_is_debugged_where_the_files_have_it(repo: Repository, find: Find):
    shutil.copytree(MLFLOW, repo.folder / "manifests" / "prices")
    code = "code_configuration:\n  code: src\n  scoring_script: score.py\n"
    repo.edit("manifests/blue.yml", code, "")
    repo.edit("manifests/blue.yml", "environment: azureml:sklearn:1\n", "")
    repo.edit("manifests/blue.yml", "model: azureml:risk:1", "model: {path: prices, type: mlflow_model}")
    found = find()
    assert found.launch.model is not None
    assert found.mappings == ((repo.folder / "manifests" / "prices", found.launch.model / "prices"),)
    assert (found.launch.code, found.watched, found.code) == (None, None, found.launch.model / "prices")


def test_content_that_is_recorded_and_stored_nowhere_is_told(repo: Repository, find: Find):
    repo.write("mlops.yaml", MEMORY)
    repo.apply()
    repo.edit("manifests/src/score.py", '"blue"', '"red"')
    with pytest.raises(ProviderError, match="is not stored here"):
        find(recorded=True)


def test_a_deployment_of_another_provider_is_told_to_run_without_its_image(repo: Repository, find: Find):
    repo.write("mlops.yaml", "manifests: manifests\ntargets: {dev: {provider: docker}}\n")
    told = (
        "target dev is of provider docker; this is a process of this machine, with the packages of the conda file and "
        "without the image, which --container has"
    )
    assert find().notes == (told,)


def test_a_target_without_containers_has_none_to_debug_in(find: Find):
    with pytest.raises(MlopsError, match="target dev runs no containers; its provider is local"):
        find(container=True)


def test_an_image_that_would_have_to_be_built_is_refused(repo: Repository, find: Find):
    repo.write("mlops.yaml", "manifests: manifests\ntargets: {dev: {provider: docker}}\n")
    repo.edit("manifests/sklearn.yml", "image: mcr.microsoft.com/azureml/base:1", "build: {path: src}")
    with pytest.raises(ManifestError, match="local builds no images"):
        find()


def test_a_context_of_an_image_is_not_taken_where_it_lies(repo: Repository):
    # Files that git ignores lie there, too, and the image would go by the name of one without.
    repo.edit("manifests/sklearn.yml", "image: mcr.microsoft.com/azureml/base:1", "build: {path: context}")
    repo.write("manifests/context/Dockerfile", "FROM scratch\n")
    with open_workspace(None) as workspace:
        found = in_files(workspace, Wish(), BLUE, workspace.store.read(), lambda _: ()).found
    assert found is not None
    assert sorted(path.name for path in found.contents.values()) == ["src", "weights-1.txt"]


def test_what_is_recorded_needs_no_files(repo: Repository, find: Find):
    repo.write("mlops.yaml", MEMORY)
    repo.apply()
    shutil.rmtree(repo.folder / "manifests")
    with pytest.raises(ManifestError):
        find()
    with pytest.raises(ProviderError, match="is not stored here"):
        find(recorded=True)


def test_no_value_of_a_secret_is_made_up(repo: Repository, find: Find, monkeypatch: pytest.MonkeyPatch):
    given = "instance_count: 1\nenvironment_variables:\n  DB: ${{secret:db}}\n"
    repo.edit("manifests/blue.yml", "instance_count: 1\n", given)
    monkeypatch.setenv("MLOPS_SECRET_DB", "s3cret")
    repo.write("mlops.yaml", MEMORY)
    repo.apply(MLOPS_SECRET_DB="s3cret")
    with pytest.raises(ProviderError, match="DB"):
        find(recorded=True)
