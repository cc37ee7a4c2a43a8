"""What the Python API returns and raises: handed on whole, with no secret in it, and inert whatever is in it."""

import pickle
import re
import traceback
from pathlib import Path

import pytest
from api_world import failing, reroute

import reconciler

EVIL = "\n::error file=x::\x1b[2J##[error]owned"
COMMAND = re.compile(r"^\s*::|##[A-Za-z]*\[", re.MULTILINE)


def test_what_is_returned_can_be_handed_to_another_process(repo: Path):
    plan = pickle.loads(pickle.dumps(reconciler.plan(target="dev")))
    applied = pickle.loads(pickle.dumps(plan.apply()))
    assert (applied.succeeded, applied.plan.digest) == (True, plan.digest)
    for each in (reconciler.drift(), reconciler.status(), reconciler.validate(), reconciler.history()):
        assert str(pickle.loads(pickle.dumps(each))) == str(each)


PROBLEM = reconciler.Problem("blue.yml", 7, 1, "E-TYPE", "is wrong")
STEP = reconciler.Step(1, reconciler.Action.CREATE, reconciler.Address("endpoint", "credit"), "new", (), None, {})
FAILED = (reconciler.Outcome(STEP, reconciler.Result.FAILED),)


@pytest.mark.parametrize(
    "error",
    [
        reconciler.ManifestError([PROBLEM]),
        reconciler.RefusedError("no", problems=[PROBLEM]),
        reconciler.StepFailedError("no", outcomes=FAILED),
        reconciler.InterruptedRunError("no", outcomes=FAILED),
        reconciler.StalePlanError("no"),
        reconciler.LockHeldError("no", command="mlops apply"),
        reconciler.ProviderError("no", log_tail=["why"]),
        reconciler.NoAnswerError("no", maybe_seen=False),
        reconciler.ModelError("no", answer=reconciler.Answer(424)),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_can_be_handed_to_another_process(error: reconciler.MlopsError):
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), vars(back)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"overrides": {"blue.count": 1}}, "is not ADDRESS.FIELD"),
        ({"only": ["blue"]}, "is not an address"),
        ({"only": ["endpoint/other"]}, "neither defined nor recorded"),
        ({"target": "prdo"}, "did you mean prod"),
        ({"against": "nowhere"}, "not a git repository"),
        ({"max_delete": -1}, "at least 0"),
    ],
)
def test_an_argument_that_is_none_is_told(repo: Path, wrong: dict[str, object], message: str):
    with pytest.raises(reconciler.MlopsError, match=message):
        reconciler.plan(**wrong)  # type: ignore[arg-type] - what is wrong is the point


@pytest.mark.parametrize("wrong", [{"target": 3}, {"only": [3]}])
def test_an_argument_of_another_type_is_told(repo: Path, wrong: dict[str, object]):
    with pytest.raises(TypeError, match="not int"):
        reconciler.plan(**wrong)  # type: ignore[arg-type] - what is wrong is the point


def test_an_endpoint_has_a_name_and_a_token_that_is_one(repo: Path):
    with pytest.raises(reconciler.MlopsError, match="which endpoint"):
        reconciler.Endpoint("")
    with pytest.raises(TypeError, match="a key or token is text"):
        reconciler.Endpoint("credit", token=5)  # type: ignore[arg-type] - what is wrong is the point


def test_one_address_stands_by_itself(repo: Path):
    alone = reconciler.plan(only="endpoint/credit")
    assert [str(step.address) for step in alone.steps] == ["endpoint/credit"]
    assert alone.digest == reconciler.plan(only=[reconciler.Address("endpoint", "credit")]).digest


def test_errors_name_parameters_and_not_the_options_of_commands(repo: Path):
    (repo / "mlops.yaml").write_text("targets:\n  dev: {provider: memory}\n  prod: {provider: memory}\n")
    with pytest.raises(reconciler.ManifestError, match="name one with target=, or"):
        reconciler.plan()
    with pytest.raises(reconciler.ManifestError) as raised:
        reconciler.plan("manifests", target="dev", overrides={"deployment/credit/blue.nothing": 1})
    assert [problem.file for problem in raised.value.problems] == ["overrides"]
    with pytest.raises(reconciler.ManifestError, match=r"^path:1:1: E-PATH"):
        reconciler.create_model("risk", "nowhere", target="dev")


@pytest.mark.parametrize(
    "wrong", [{"parallel": 0}, {"lock_timeout": -1}, {"step_timeout": 0}, {"lock_timeout": float("nan")}]
)
def test_a_number_that_cannot_be_kept_to_is_refused_before_anything_is_done(repo: Path, wrong: dict[str, float]):
    with pytest.raises(reconciler.MlopsError, match="parallel is at least 1"):
        reconciler.apply(target="dev", **wrong)  # type: ignore[arg-type] - what is wrong is the point
    assert reconciler.history() == ()


def test_a_secret_is_in_no_form_of_what_is_returned(repo: Path, monkeypatch: pytest.MonkeyPatch):
    file = repo / "manifests" / "blue.yml"
    file.write_text(file.read_text() + "environment_variables: {WORD: 'tiger {{WORD}}'}\n")
    plan = reconciler.plan(target="dev", variables={"WORD": "tiger-2"})
    failing(monkeypatch)
    with pytest.raises(reconciler.StepFailedError) as raised:
        plan.apply()
    applied = reconciler.apply(target="dev", variables={"WORD": "tiger-2"}, check=False)
    reports = [reconciler.drift(), reconciler.status(), applied, plan, applied.plan]
    told = [form for each in reports for form in (str(each), repr(each), each.to_dict())]
    told += [each._repr_markdown_() for each in (plan, applied, reconciler.drift())]
    told += [plan.steps, applied.outcomes, raised.value.outcomes, str(raised.value), reconciler.history()]
    assert [each for each in map(repr, told) if "tiger" in each] == []


def test_foreign_text_acts_nowhere_not_even_in_a_traceback(repo: Path, monkeypatch: pytest.MonkeyPatch):
    quoted = EVIL.replace("\x1b", "\\x1b").replace("\n", "\\n")
    file = repo / "manifests" / "endpoint.yml"
    file.write_text(file.read_text() + f'description: "{quoted}"\n')
    failing(monkeypatch, EVIL)
    plan = reconciler.plan(target="dev")
    applied = plan.apply(check=False)
    reroute(repo, "credit", **{EVIL: 100})
    told = [
        each
        for report in (plan, applied, reconciler.drift(), reconciler.status())
        for each in (str(report), repr(report))
    ]
    (repo / "manifests" / f"{EVIL.replace('/', '')}.yml").write_text("$schema: model.schema.json\nnme: risk\n")
    told += [str(reconciler.validate()), repr(reconciler.validate())]
    for wrong in ({}, {"target": EVIL}, {"only": [EVIL]}, {"overrides": {EVIL: 1}}):
        with pytest.raises(reconciler.MlopsError) as raised:
            reconciler.plan(**wrong)  # type: ignore[arg-type] - what is wrong is the point
        told += traceback.format_exception_only(raised.value)
    assert len(told) >= 14
    assert [each for each in told if COMMAND.search(each) or not each.replace("\n", "").isprintable()] == []


def test_a_notebook_shows_tables(repo: Path):
    plan = reconciler.plan(target="dev")
    shown = [plan, plan.apply(), reconciler.drift(), reconciler.validate()]
    assert all(
        f"### mlops {word}" in each._repr_markdown_()
        for word, each in zip(("plan", "apply", "drift", "validate"), shown, strict=True)
    )
    assert "| 3 |" in plan._repr_markdown_()
