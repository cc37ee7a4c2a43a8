"""A team's plan, apply and drift, as reports show them: what tests and the pictures in README are made of."""

from dataclasses import replace

from reconciler.core.address import Address
from reconciler.core.blame import Blame
from reconciler.core.manifest import Resource, Source
from reconciler.core.plan import FieldChange, Outcome, Plan, Result
from reconciler.core.problem import Problem
from reconciler.core.state import Drift, DriftClass
from reconciler.diff import changes
from reconciler.order import order
from tests.builders import deployment, endpoint, model, recorded

ANA = Blame("3f9c1d04a7be22c05f18d6f1b9a4437de10c5a88", "Ana Reyes", "2026-03-02T09:41:07Z", "Serve risk 4 beside 3")
BEN = Blame("b81e6a5d93f04c7712ab0e5f6c2d88e4719f3a60", "Ben Okafor", "2026-03-02T15:12:44Z", "Retire churn's blue")
WARNINGS = (
    Problem("manifests/credit/green.yml", 9, 3, "W-PROBE", "no readiness_probe: traffic comes as soon as it is up"),
)


def _folder(name: str, *parts: Resource) -> tuple[Resource, ...]:
    """The resources with their files in a folder of their own."""
    return tuple(
        replace(part, manifest=replace(part.manifest, file=f"manifests/{name}/{part.address.name}.yml"))
        for part in parts
    )


def _churn(**traffic: int) -> Resource:
    return endpoint("churn", auth_mode="key", traffic=traffic)


def _serving(name: str, endpoint_name: str, asset: str, count: int, **more: object) -> Resource:
    return deployment(name, endpoint_name=endpoint_name, model=f"azureml:{asset}", instance_count=count, **more)


BEFORE = recorded(
    model("churn", "1"),
    model("churn", "2"),
    model("risk", "3"),
    _churn(blue=90, green=10),
    _serving("blue", "churn", "churn:1", 2),
    _serving("green", "churn", "churn:2", 1),
    endpoint("credit", traffic={"blue": 100}),
    _serving("blue", "credit", "risk:3", 2, environment_variables={"FEATURE_STORE_KEY": "old"}),
    endpoint("pricing", traffic={"main": 100}),
    _serving("main", "pricing", "risk:3", 2),
)
WANTED = (
    *_folder("models", model("churn", "1"), model("churn", "2"), model("risk", "3"), model("risk", "4", path="risk-4")),
    *_folder("churn", _churn(green=100), _serving("green", "churn", "churn:2", 3)),
    *_folder(
        "credit",
        endpoint("credit", traffic={"blue": 80, "green": 20}),
        _serving("blue", "credit", "risk:3", 4, environment_variables={"FEATURE_STORE_KEY": "new"}),
        _serving("green", "credit", "risk:4", 2, request_settings={"request_timeout_ms": 3000}),
    ),
    *_folder(
        "pricing",
        endpoint("pricing", traffic={"main": 100}, mirror_traffic={"shadow": 10}),
        _serving("main", "pricing", "risk:3", 2),
        _serving("shadow", "pricing", "risk:4", 1),
    ),
)


def plan() -> Plan:
    """Two endpoints move their traffic, a third has some of it mirrored, one deployment goes."""
    steps = order(changes(sorted(WANTED, key=lambda resource: resource.address), BEFORE))
    tree = "9b3f7c52e0a14d6f8a7be9b0c1d2e3f405162738"
    return Plan("prod", BEFORE.lineage, BEFORE.serial, tree, steps, pins={"risk@latest": "risk:4"}, unchanged=6)


def blame(made: Plan) -> dict[Source, Blame]:
    """Who wrote the lines: one of two, by the folder; one line is in no commit yet."""
    places = {field.source: step for step in made.steps for field in step.fields if field.source}
    found = {place: BEN if "churn" in place.file else ANA for place in places}
    return {**found, max(found, key=str): Blame()}


def outcomes(made: Plan) -> list[Outcome]:
    """One deployment never gets ready, so what waits for it is skipped."""
    lost = {str(address) for address in ("deployment/credit/green", "endpoint/credit")}
    ended = []
    for step in made.steps:
        if str(step.address) not in lost:
            ended.append(Outcome(step, Result.SUCCEEDED, seconds=1.3 + 2.1 * (step.id % 4)))
        elif step.address.kind == "deployment":
            ended.append(Outcome(step, Result.FAILED, "not ready within 600 s", LOG, 600.4))
        else:
            ended.append(Outcome(step, Result.SKIPPED, f"waits for #{min(step.needs)}, which did not succeed"))
    return ended


LOG = (
    "score.py:14: loading the model from /var/azureml-app/azureml-models/risk/4",
    "Traceback (most recent call last):",
    '  File "score.py", line 15, in init',
    "ValueError: node array from the pickle has an incompatible dtype",
)


def drifts() -> list[Drift]:
    """What somebody did by hand in a night."""
    return [
        Drift(
            Address.parse("deployment/credit/blue"),
            DriftClass.CHANGED,
            (FieldChange("instance_count", 4, 1), FieldChange("model", "azureml:risk:3", "azureml:risk:2")),
        ),
        Drift(Address.parse("deployment/pricing/shadow"), DriftClass.MISSING),
        Drift(
            Address.parse("endpoint/credit"),
            DriftClass.CHANGED,
            (FieldChange("traffic.blue", 80, 35), FieldChange("traffic.green", 20, 65)),
        ),
        Drift(
            Address.parse("deployment/pricing/main"),
            DriftClass.LABEL,
            (FieldChange("model", "azureml:risk:3", "azureml:risk:4"),),
            "model is written @latest, which would be another version now",
        ),
        Drift(Address.parse("endpoint/old-risk"), DriftClass.UNMANAGED, note="not made by this state"),
        Drift(
            Address.parse("deployment/churn/green"),
            DriftClass.EXPECTED,
            (FieldChange("instance_count", 3, 5),),
            "autoscaled between 2 and 6",
        ),
    ]


RECORDED = 11
