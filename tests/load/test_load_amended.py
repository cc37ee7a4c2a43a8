"""What a command says of a resource by its options, as manifests."""

from pathlib import Path

import pytest

from reconciler.core.address import Address
from reconciler.core.amendment import Amendment, Spelled
from reconciler.core.manifest import Manifest, Spec
from reconciler.core.problem import Problem
from reconciler.core.secret import Secret
from reconciler.kinds import KINDS
from reconciler.load.amended import amended, spelled_out
from reconciler.load.as_text import takes_text
from reconciler.load.options import Options, Override
from reconciler.load.place import Here
from reconciler.load.reading import read
from reconciler.resolve.normalise import spec_of
from tests.builders import KEY, blue, endpoint, model

BLUE = Address("deployment", "blue", endpoint="credit")
CODE = {"name": "src", "digest": "sha256:" + "1" * 64}


def recorded_blue(**more: object) -> Spec:
    spec = blue(
        tags={"team": "risk", "cost": "7"},
        environment_variables={"A": "1", "B": "2"},
        readiness_probe={"initial_delay": 99},
        code_configuration={"code": "src", "scoring_script": "score.py"},
        app_insights_enabled=True,
    ).spec
    return {**spec, "code_configuration": {"code": CODE, "scoring_script": "score.py"}, **more}


def changed(spec: Spec, *removed: str, address: Address = BLUE, **values: object) -> Spec:
    manifest, problems = made(spec, *removed, address=address, **values)
    assert problems == []
    return spec_of(manifest, KINDS[address.kind], secret_key=KEY)


def made(spec: Spec, *removed: str, address: Address = BLUE, **values: object) -> tuple[Manifest, list[Problem]]:
    named = tuple((name.replace("__", "."), value) for name, value in values.items())
    return amended(address, spec, Amendment(address, named, removed))


def test_without_a_change_everything_is_as_it_is_recorded() -> None:
    assert changed(recorded_blue()) == recorded_blue()


def test_a_value_can_become_zero_or_false() -> None:
    after = changed(recorded_blue(), app_insights_enabled=False, request_settings__max_queue_wait_ms=0)
    assert after["app_insights_enabled"] is False
    assert after["request_settings"]["max_queue_wait_ms"] == 0


def test_tags_variables_and_probes_can_be_removed() -> None:
    after = changed(recorded_blue(), "tags.cost", "environment_variables.A", "readiness_probe")
    assert after["tags"] == {"team": "risk"}
    assert after["environment_variables"].keys() == {"B"}
    assert after["readiness_probe"]["initial_delay"] == 10


def test_what_is_not_there_cannot_be_removed() -> None:
    _, problems = made(recorded_blue(), "tags.no.such", "description")
    assert [problem.message for problem in problems] == [
        "deployment/credit/blue has no tags.no.such that could be removed",
        "deployment/credit/blue has no description that could be removed",
    ]


def test_a_secret_of_which_only_the_digest_is_recorded_stays_what_it_is() -> None:
    kept = {"A": Secret("digest-a"), "B": Secret("digest-b")}
    after = changed(recorded_blue(environment_variables=kept), environment_variables__C="3")
    assert after["environment_variables"] == {**kept, "C": Secret.of("3", KEY)}


def test_content_is_taken_from_the_current_folder_where_it_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "score.py").write_text("def init(): pass\n\n\ndef run(raw_data): return 1\n")
    monkeypatch.chdir(tmp_path)
    after = changed(recorded_blue(), code_configuration__code="other")
    assert after["code_configuration"]["code"]["name"] == "other"
    assert after["code_configuration"]["code"]["digest"] != CODE["digest"]


def test_what_a_command_sets_wrongly_is_told_as_of_a_file() -> None:
    _, problems = made(recorded_blue(), instance_count="many", no_such_field=1)
    assert {problem.code for problem in problems} == {"E-INSTANCES", "E-FIELD"}
    assert {problem.file for problem in problems} == {"--set"}


@pytest.mark.parametrize("field", ["name", "endpoint_name"])
def test_a_name_that_stays_is_one_problem(field: str) -> None:
    _, problems = made(recorded_blue(), **{field: "other"})
    assert [problem.message.partition(";")[0] for problem in problems] == [
        f"{field}: deployment/credit/blue keeps its name"
    ]


def test_a_field_behind_a_reference_cannot_be_set() -> None:
    _, problems = made(recorded_blue(model="azureml:risk:1"), model__path="weights")
    assert [problem.code for problem in problems] == ["E-SET"]


def test_a_recorded_model_keeps_its_content() -> None:
    spec = {**model(path="weights").spec, "path": {"name": "weights", "digest": "sha256:" + "2" * 64}}
    after = changed(spec, address=Address("model", "risk", version="1"), description="better")
    assert after == {**spec, "description": "better"}


def test_an_endpoint_can_be_spelled_out() -> None:
    manifest, problems = spelled_out(Spelled("endpoint", {"name": "credit", "auth_mode": "AMLToken"}))
    assert problems == []
    assert spec_of(manifest, KINDS["endpoint"], secret_key=KEY) == endpoint(auth_mode="aml_token").spec


def test_a_model_that_is_spelled_out_may_lie_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weights.txt").write_text("1")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    manifest, problems = spelled_out(Spelled("model", {"name": "risk", "path": "../weights.txt"}))
    assert problems == []
    assert manifest.contents["path"].name == "weights.txt"


def test_what_is_wrong_with_what_is_spelled_out_is_told() -> None:
    _, problems = spelled_out(Spelled("model", {"name": "risk", "path": "no-such-file"}))
    assert [problem.code for problem in problems] == ["E-PATH"]


def test_a_key_that_holds_dots_can_be_removed() -> None:
    after = changed(recorded_blue(tags={"team.name": "risk", "team": "x"}), "tags.team.name")
    assert after["tags"] == {"team": "x"}


def test_items_of_lists_are_added_and_removed() -> None:
    headers = {"collections": {}, "request_logging": {"capture_headers": ["a", "b"]}}
    path = "data_collector.request_logging.capture_headers"
    amendment = Amendment(BLUE, removed=(f"{path}[0]",), added=((path, "c"),))
    manifest, problems = amended(BLUE, recorded_blue(data_collector=headers), amendment)
    assert problems == []
    assert manifest.document["data_collector"]["request_logging"]["capture_headers"] == ["b", "c"]
    assert headers["request_logging"]["capture_headers"] == ["a", "b"]


def test_a_list_that_is_not_there_is_made() -> None:
    path = "data_collector.request_logging.capture_headers"
    spec = recorded_blue(data_collector={"collections": {}, "request_logging": {}})
    manifest, problems = amended(BLUE, spec, Amendment(BLUE, added=((path, "c"),)))
    assert problems == []
    assert manifest.document["data_collector"]["request_logging"]["capture_headers"] == ["c"]


def test_what_is_no_list_is_not_added_to() -> None:
    for path in ("tags", "no.such", "instance_count"):
        _, problems = amended(BLUE, recorded_blue(), Amendment(BLUE, added=((path, {"a": "1"}),)))
        assert any("is no list that --add could add to" in problem.message for problem in problems), path


def test_a_script_that_is_named_anew_is_checked_in_the_content_that_is_stored(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text("def init(): pass\n\n\ndef run(raw_data): return 1\n")
    amendment = Amendment(BLUE, (("code_configuration.scoring_script", "other.py"),))
    manifest, _ = amended(BLUE, recorded_blue(), amendment, stored=lambda _digest: tmp_path)
    assert [(script.path, script.lacking) for script in manifest.scripts.values()] == [("src/other.py", "is not there")]
    assert manifest.contents["code_configuration.code"].location == Path()


def test_a_script_that_nobody_names_anew_is_not_looked_at(tmp_path: Path) -> None:
    manifest, _ = amended(BLUE, recorded_blue(), Amendment(BLUE, (("tags.a", "1"),)), stored=lambda _digest: tmp_path)
    assert manifest.scripts == {}


def test_a_value_is_text_where_its_field_takes_nothing_else() -> None:
    fields = {"description": 2024, "data_collector__collections__request__enabled": True}
    after = changed(recorded_blue(), **fields)
    assert (after["description"], after["data_collector"]) == (
        "2024",
        {"collections": {"request": {"enabled": "true"}}},
    )


@pytest.mark.parametrize(
    ("path", "takes"),
    [
        ("description", True),
        ("environment.image", True),
        ("environment.build.path", True),
        ("data_collector.request_logging.capture_headers[0]", True),
        ("model", False),
        ("tags.team", False),
        ("instance_count", False),
        ("app_insights_enabled", False),
        ("environment.inference_config.scoring_route.port", False),
        ("no.such.field", False),
        ("description.inner", False),
        ("no path[", False),
        (f"tags[{'9' * 5000}]", False),
    ],
)
def test_which_fields_take_text_alone_is_told_by_the_schema(path: str, takes: bool) -> None:
    assert takes_text("deployment", "managed", path) is takes


@pytest.mark.parametrize("number", ["9", "²", "٣", "9" * 5000, "-1", ""])
def test_an_item_that_is_not_there_is_told_whatever_its_number_looks_like(number: str) -> None:
    path = "data_collector.request_logging.capture_headers"
    spec = recorded_blue(data_collector={"collections": {}, "request_logging": {"capture_headers": ["a"]}})
    for gone in (f"{path}[{number}]", f"{path}[{number}].inner"):
        _, problems = amended(BLUE, spec, Amendment(BLUE, removed=(gone,)))
        assert [problem.code for problem in problems] == ["E-SET"]


# Put together here, so that no scanner takes this file for a leak.
PASSWORD = "tr0ub4dor" + "9"
OPENING = f"https://app:{PASSWORD}@store.example/weights"
SIGNED = "https://store.example/weights?sv=1&" + f"sig={'Zm9yLXRlc3RzT25seQ8Ab3' * 2}"
RISK = Address("model", "risk", version="1")
RECORDED_RISK = {**model(path="weights").spec, "path": {"name": "weights", "digest": "sha256:" + "2" * 64}}


def told_secrets(problems: list[Problem]) -> list[str]:
    """The options that are told to hold a secret; none of it is in any message."""
    assert not any(part in str(problem) for problem in problems for part in (PASSWORD, "Zm9yLXRlc3Rz"))
    return [problem.file for problem in problems if problem.code == "E-SECRET"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("path", SIGNED),
        ("tags", {"run": OPENING}),
        ("description", f"from {OPENING}"),
        ("tags", {"api_key": "0123456789abcdef" * 2}),
    ],
)
def test_a_secret_that_an_option_spells_out_is_refused_as_in_a_file(field: str, value: object) -> None:
    document = {"name": "risk", "path": "https://store.example/weights", field: value}
    _, problems = spelled_out(Spelled("model", document, {field: f"--{field}"}))
    assert told_secrets(problems) == [f"--{field}"]


def test_a_secret_that_is_set_or_added_is_refused() -> None:
    values = (("description", OPENING), ("tags.from", SIGNED))
    _, problems = amended(RISK, RECORDED_RISK, Amendment(RISK, values, options={"description": "--description"}))
    assert told_secrets(problems) == ["--description", "--set"]
    _, problems = amended(RISK, RECORDED_RISK, Amendment(RISK, added=(("flavors", OPENING),)))
    assert told_secrets(problems) == ["--add"]
    _, problems = spelled_out(Spelled("endpoint", {"name": "credit"}), (Override("", "tags.a", OPENING, "--set"),))
    assert told_secrets(problems) == ["--set"]


def test_what_is_sealed_may_be_set() -> None:
    _, problems = made(recorded_blue(), environment_variables__STORE=OPENING)
    assert problems == []


def test_a_secret_that_is_set_beside_a_file_is_refused() -> None:
    text = b"$schema: managedOnlineEndpoint.schema.json\nname: credit\n"
    here = Here("/nowhere/x.yml", "x.yml", "x.yml")
    for origin, told in (("--set", ["--set"]), ("mlops.yaml", [])):
        options = Options(overrides=(Override("", "description", OPENING, origin),))
        assert told_secrets(list(read(text, here, options, alone=True).problems)) == told


@pytest.mark.parametrize("path", ["a" + ".a" * 40_000, "tags" + "[0]" * 40_000])
def test_a_field_of_endless_depth_is_told(path: str) -> None:
    _, problems = amended(RISK, RECORDED_RISK, Amendment(RISK, ((path, "1"),)))
    assert [problem.code for problem in problems] == ["E-SET"]
    _, problems = amended(RISK, RECORDED_RISK, Amendment(RISK, removed=(path,), added=((path, "1"),)))
    assert [problem.code for problem in problems] == ["E-SET", "E-SET"]
