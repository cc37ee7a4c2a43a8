"""`policies:` of mlops.yaml: what is read of it, what is wrong with it, and which manifests it becomes part of."""

from pathlib import Path
from typing import Any

import pytest

from reconciler.core.address import Address
from reconciler.errors import ManifestError
from reconciler.load import Options, load
from reconciler.load.settings.config import Target, read_config

SCHEMAS = "$schema: https://azuremlschemas.azureedge.net/latest"
ENDPOINT = f"{SCHEMAS}/managedOnlineEndpoint.schema.json\nname: credit\nauth_mode: key\n"
BLUE = f"""{SCHEMAS}/managedOnlineDeployment.schema.json
name: blue
endpoint_name: credit
instance_type: Standard_DS3_v2
"""
WHOLE = """\
policies:
  endpoint/credit:
    rollout: {steps: [10, 100], pause: 90s, gates: {error_rate: 0.01, p95_ms: 250, min_requests: 5}, on_failure: hold}
    slo: {availability: 99.9, latency: {percentile: 99, ms: 200}, window: 7d}
  deployment/credit/blue:
    autoscale:
      minimum: 1
      maximum: 5
      interval: 500ms
      rules:
        - {metric: CpuUtilizationPercentage, above: 70, for: 5m, change: 2, cooldown: 1h, aggregation: maximum}
        - {metric: RequestLatency_P95, below: 25.5, to: 1}
      schedules:
        - {name: weekend, days: [saturday, Sunday], from: 10:30, to: 24:00, minimum: 1, maximum: 2}
        - {name: once, start: 2026-12-24, end: 2026-12-25T06:00, timezone: Europe/Berlin, minimum: 2, maximum: 3}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def target(folder: Path, text: str, name: str | None = None) -> Target:
    (folder / "mlops.yaml").write_text(text)
    return read_config(folder).target(name)


def policy(found: Target, address: str, name: str) -> Any:
    return found.policies[Address.parse(address)][name]


def test_a_rollout_is_read_with_its_durations_in_seconds(folder: Path):
    assert policy(target(folder, WHOLE), "endpoint/credit", "rollout") == {
        "steps": [10, 100],
        "pause": 90.0,
        "gates": {"error_rate": 0.01, "p95_ms": 250, "min_requests": 5},
        "on_failure": "hold",
    }


def test_what_is_not_written_is_its_default(folder: Path):
    text = "policies: {endpoint/credit: {rollout: {gates: {error_rate: 0}}, slo: {latency: {ms: 9}}}}\n"
    found = target(folder, text)
    assert policy(found, "endpoint/credit", "rollout") == {
        "steps": [5, 25, 50, 100],
        "pause": 300.0,
        "gates": {"error_rate": 0, "min_requests": 20},
        "on_failure": "return",
    }
    assert policy(found, "endpoint/credit", "slo") == {
        "latency": {"percentile": 95.0, "ms": 9},
        "window": 30 * 86400.0,
    }


@pytest.mark.parametrize("written", ["{}", "{gates: {}}", "{gates: }"])
def test_without_gates_no_requests_are_waited_for(folder: Path, written: str):
    found = target(folder, f"policies: {{endpoint/credit: {{rollout: {written}}}}}\n")
    assert policy(found, "endpoint/credit", "rollout")["gates"] == {}


def test_an_autoscaler_is_read_with_its_rules_and_schedules(folder: Path):
    found = policy(target(folder, WHOLE), "deployment/credit/blue", "autoscale")
    assert (found["minimum"], found["maximum"], found["interval"]) == (1, 5, 0.5)
    cpu, latency = found["rules"]
    assert cpu == {
        "metric": "CpuUtilizationPercentage",
        "above": 70,
        "aggregation": "maximum",
        "for": 300.0,
        "change": 2,
        "cooldown": 3600.0,
    }
    assert (latency["below"], latency["to"], latency["aggregation"]) == (25.5, 1, "average")
    weekend, once = found["schedules"]
    assert (weekend["days"], weekend["from"], weekend["to"]) == (["saturday", "sunday"], "10:30", "24:00")
    assert weekend["timezone"] == "UTC"
    assert (once["start"], once["end"], once["timezone"]) == ("2026-12-24T00:00", "2026-12-25T06:00", "Europe/Berlin")


def test_a_target_wins_for_each_policy_of_its_own(folder: Path):
    text = WHOLE + (
        "targets:\n"
        "  dev: {provider: local, default: true}\n"
        "  prod: {provider: local, policies: {endpoint/credit: {rollout: {pause: 1h}}}}\n"
    )
    dev, prod = target(folder, text), target(folder, text, "prod")
    assert policy(dev, "endpoint/credit", "rollout")["pause"] == 90
    assert policy(prod, "endpoint/credit", "rollout")["pause"] == 3600
    assert policy(prod, "endpoint/credit", "slo") == policy(dev, "endpoint/credit", "slo")


def test_everything_that_is_wrong_is_told_with_its_place(folder: Path):
    text = """\
policies:
  endpoint/credit:
    rolout: {}
    rollout: {steps: [5, 5], pause: 5, gates: {error_rat: 0.01, p95_ms: 0}, on_failure: retrun}
    slo: {}
  deployment/credit/blue:
    autoscale:
      minimum: 3
      maximum: 2
      rules: [{metric: CpuUtilisationPercentage, above: 1, below: 2}]
      schedules:
        - {name: x, days: [sun], timezone: Europe/Berln, minimum: 1, maximum: 1}
        - {name: y, start: 2026-12-24, end: 2026-12-24, minimum: 1, maximum: 1}
        - {name: z, from: 08:00, to: 08:00, minimum: 1, maximum: 1}
        - {name: w, from: 08:00, start: 2026-12-24, minimum: 1, maximum: 1}
        - {name: v, start: 2026-12-24, minimum: 1, maximum: 1}
  model/risk:1: {}
  blue: {}
"""
    with pytest.raises(ManifestError) as raised:
        target(folder, text)
    told = [str(problem).removeprefix("mlops.yaml:").split(":")[0::1] for problem in raised.value.problems]
    assert [(int(line), code.strip()) for line, _, code, *_ in told] == [
        (3, "E-FIELD"),
        (4, "E-VALUE"),
        (4, "E-TYPE"),
        (4, "E-FIELD"),
        (4, "E-VALUE"),
        (4, "E-VALUE"),
        (5, "E-REQUIRED"),
        (8, "E-SCALE"),
        (10, "E-REQUIRED"),
        (10, "E-REQUIRED"),
        (10, "E-VALUE"),
        (12, "E-VALUE"),
        (12, "E-VALUE"),
        (13, "E-VALUE"),
        (14, "E-VALUE"),
        (15, "E-VALUE"),
        (16, "E-REQUIRED"),
        (17, "E-VALUE"),
        (18, "E-VALUE"),
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("endpoint/credit: {rolout: {}}", "rollout"),
        ("endpoint/credit: {rollout: {pauses: 1s}}", "pause"),
        ("endpoint/credit: {rollout: {on_failure: returns}}", "return"),
        ("deployment/a/b: {autoscale: {rules: [{metric: RequestLatency_95}]}}", "RequestLatency_P95"),
    ],
)
def test_a_misspelt_word_is_told_with_the_nearest(folder: Path, written: str, meant: str):
    with pytest.raises(ManifestError, match=rf"did you mean {meant}\?"):
        target(folder, f"policies:\n  {written}\n")


def loaded(folder: Path, text: str, **files: str) -> Any:
    (folder / "m").mkdir()
    for name, document in {"endpoint": ENDPOINT, "blue": BLUE, **files}.items():
        (folder / "m" / f"{name}.yml").write_text(document)
    return load("m", Options(policies=target(folder, text).policy_fields))


def test_a_policy_becomes_a_field_that_knows_where_it_was_written(folder: Path):
    found = loaded(folder, WHOLE)
    assert found.problems == ()
    documents = {each.kind: each for each in found.manifests}
    assert documents["endpoint"].document["rollout"]["pause"] == 90
    assert str(documents["endpoint"].source("rollout.pause")) == "mlops.yaml:3"
    assert documents["deployment"].document["autoscale"]["maximum"] == 5
    assert "slo" not in documents["endpoint"].document


def test_a_policy_that_no_manifest_answers_to_is_told(folder: Path):
    found = loaded(folder, "policies: {endpoint/credits: {rollout: {}}}\n")
    (problem,) = found.problems
    assert str(problem) == (
        "mlops.yaml:1:31: W-SET: policy rollout: no manifest has the address endpoint/credits "
        "(did you mean endpoint/credit?)"
    )


def test_a_deployment_has_one_autoscaler(folder: Path):
    scaled = BLUE + "scale_settings: {type: target_utilization, max_instances: 3}\n"
    found = loaded(folder, WHOLE, blue=scaled)
    assert [problem.code for problem in found.problems] == ["E-SCALE"]


def test_another_policy_is_another_tree(folder: Path):
    first = loaded(folder, WHOLE)
    other = target(folder, WHOLE.replace("90s", "91s"))
    assert load("m", Options(policies=other.policy_fields)).tree != first.tree


def test_the_azure_file_itself_goes_on_refusing_a_policy(folder: Path):
    found = loaded(folder, "", endpoint=ENDPOINT + "rollout: {pause: 1s}\n")
    assert [str(problem) for problem in found.problems] == [
        "m/endpoint.yml:4:1: E-FIELD: rollout: unknown field of Azure's; it belongs in mlops.yaml, below `policies:`"
    ]
