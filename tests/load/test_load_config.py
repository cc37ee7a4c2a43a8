"""mlops.yaml: targets, and what is wrong with them."""

from pathlib import Path

import pytest

from reconciler.errors import ManifestError
from reconciler.load.settings.config import read_config

WHOLE = """\
manifests: manifests
targets:
  dev: {provider: local, default: true}
  prod:
    provider: docker
    state: prod.db
    variables: {SIZE: Standard_DS3_v2, PIN: 1.10}
    overrides:
      deployment/credit/blue: {instance_count: 3}
    protect: [endpoint/credit]
    quota: {DSv2: 40}
    max_delete: 2
    gateway: {envoy: /usr/bin/envoy}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_a_file_there_is_one_target_on_this_machine(folder: Path):
    config = read_config(folder / "below")
    target = config.target(None)
    assert (config.root, config.manifests, target.name, target.provider, target.state) == (
        folder,
        ".",
        "local",
        "local",
        ".mlops/state.db",
    )


def test_the_file_of_the_repository_is_found_from_below(folder: Path):
    (folder / "mlops.yaml").write_text(WHOLE)
    config = read_config(folder / "below")
    assert (config.root, config.manifests, config.target(None).name) == (folder, "manifests", "dev")


def test_a_target_holds_all_that_is_said_of_it(folder: Path):
    (folder / "mlops.yaml").write_text(WHOLE)
    prod = read_config(folder).target("prod")
    assert prod.variables == {"SIZE": "Standard_DS3_v2", "PIN": "1.10"}
    assert [(one.address, one.path, one.value, one.origin, one.line) for one in prod.overrides] == [
        ("deployment/credit/blue", "instance_count", 3, "mlops.yaml", 9)
    ]
    assert (prod.state, prod.protect, prod.quota, prod.max_delete) == ("prod.db", ("endpoint/credit",), {"DSv2": 40}, 2)
    assert prod.options == {"gateway": {"envoy": "/usr/bin/envoy"}}


def test_an_unknown_target_is_refused_with_the_nearest(folder: Path):
    (folder / "mlops.yaml").write_text(WHOLE)
    with pytest.raises(ManifestError, match=r"no target is named prd \(did you mean prod\?\); targets: dev, prod"):
        read_config(folder).target("prd")


def test_without_a_file_no_file_is_named(folder: Path):
    with pytest.raises(ManifestError) as refused:
        read_config(folder).target("dev")
    assert str(refused.value) == "E-TARGET: no target is named dev; targets: local, as there is no mlops.yaml"


def test_several_targets_without_a_default_must_be_named(folder: Path):
    (folder / "mlops.yaml").write_text("targets: {a: {provider: local}, b: {provider: docker}}\n")
    with pytest.raises(ManifestError, match="no target is the default"):
        read_config(folder).target(None)


def test_everything_that_is_wrong_is_told_with_its_place(folder: Path):
    (folder / "mlops.yaml").write_text(
        "manifest: x\ntargets:\n  a: {default: 1, protect: [x], quota: {D: many}, variables: {V: [1]}}\n"
    )
    with pytest.raises(ManifestError) as raised:
        read_config(folder)
    assert [str(problem).partition(": ")[::2][0] + ": " + problem.code for problem in raised.value.problems] == [
        "mlops.yaml:1:1: E-FIELD",
        "mlops.yaml:3:3: E-REQUIRED",
        "mlops.yaml:3:7: E-TYPE",
        "mlops.yaml:3:29: E-TYPE",
        "mlops.yaml:3:41: E-TYPE",
        "mlops.yaml:3:63: E-TYPE",
    ]


@pytest.mark.parametrize("text", ["- a", "targets: [", "a: 1\na: 2\n", "\x00"])
def test_a_file_that_is_no_mapping_is_refused(folder: Path, text: str):
    (folder / "mlops.yaml").write_text(text)
    with pytest.raises(ManifestError):
        read_config(folder)


def test_an_empty_file_is_as_none(folder: Path):
    (folder / "mlops.yaml").write_text("# nothing yet\n")
    assert list(read_config(folder).targets) == ["local"]


def test_b53_a_secret_in_the_settings_is_told_and_a_server_s_password_may_stand_there(folder: Path):
    key = ("Zm9yLXRlc3RzT25seQ8Ab3Kd9Lw2" * 4)[:86] + "=="
    text = (
        "targets:\n  dev:\n    provider: memory\n    state: postgresql://ana:tr0ub4dor@db/x\n    variables: {KEY: %s}\n"
    )
    (folder / "mlops.yaml").write_text(text % key)
    with pytest.raises(ManifestError) as told:
        read_config(folder)
    (problem,) = told.value.problems
    assert (problem.line, problem.code) == (5, "E-SECRET")
    assert key[:8] not in str(problem)
    (folder / "mlops.yaml").write_text(text % "'${{secret:key}}'")
    assert read_config(folder).target("dev").variables == {"KEY": "${{secret:key}}"}


@pytest.mark.parametrize(
    "url",
    [
        "s3://bucket/prefix",
        "abfs://box@account.dfs.core.windows.net/x",
        "file:///mnt/share",
        "memory://x",
        "hf://buckets/x",
    ],
)
def test_a_target_may_have_a_store_for_its_content(folder: Path, url: str):
    (folder / "mlops.yaml").write_text(f"targets:\n  dev: {{provider: local, assets: '{url}'}}\n")
    assert read_config(folder).target(None).assets == url
    (folder / "mlops.yaml").write_text("targets:\n  dev: {provider: local}\n")
    assert read_config(folder).target(None).assets == ""


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ftp://me:hunter22@host/x", "a password has no place here"),
        ("simplecache::s3://bucket/x", "one place without parameters"),
        ("s3://bucket/x?key=1", "one place without parameters"),
        (".mlops/elsewhere", "expected a URL; write file:///FOLDER"),
        ("s3://", "expected a URL"),
        ("s3://[x/y", "is no URL"),
        ("reference://x/y", "reference:// keeps no files; write file:///FOLDER, s3://"),
        ("dask://x/y", "dask:// keeps no files"),
        ("jupyter://host/x", "jupyter:// keeps no files"),
    ],
)
def test_a_store_is_a_url_without_what_opens_it(folder: Path, url: str, told: str):
    (folder / "mlops.yaml").write_text(f"targets:\n  dev:\n    provider: local\n    assets: '{url}'\n")
    with pytest.raises(ManifestError) as refused:
        read_config(folder)
    (problem,) = refused.value.problems
    assert (problem.code, problem.line, told in problem.message) == ("E-ASSETS", 4, True)
    assert "hunter22" not in str(refused.value)
