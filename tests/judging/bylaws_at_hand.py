"""Policies written down, read and asked about a plan, as the commands do."""

import re
from pathlib import Path

import pytest

from reconciler.core.plan import Plan
from reconciler.core.problem import Problem
from reconciler.errors import RefusedError
from reconciler.judging import Occasion, flaws_of, judged
from reconciler.load.settings.bylaws import read_bylaws
from reconciler.load.settings.config import Target

README = Path(__file__).parents[2] / "README.md"


def examples() -> str:
    """The policies that README shows."""
    section = README.read_text("utf-8").partition("## Policies over plans")[2]
    found = re.search(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert found
    return found[1]


def wrong(folder: Path, text: str) -> list[str]:
    """What a validation says of a file of policies."""
    bylaws = _read(folder, text)
    return [str(each) for each in (*bylaws.problems, *sorted(flaws_of(bylaws.found)))]


def denied(folder: Path, plan: Plan, text: str, *, target: str = "prod", command: str = "plan", **more) -> list[str]:
    """The messages of a refusal."""
    with pytest.raises(RefusedError) as refused:
        said(folder, plan, text, target=target, command=command, **more)
    assert refused.value.exit_code == 4
    return [problem.message for problem in refused.value.problems if problem.is_error]


def said(
    folder: Path, plan: Plan, text: str, *, target: str = "prod", command: str = "plan", **more
) -> tuple[Problem, ...]:
    """What the policies warn of."""
    bylaws = _read(folder, text)
    assert bylaws.problems == ()
    return judged(plan, bylaws.found, Occasion(command, folder, Target(target, "memory"), **more))


def _read(folder: Path, text: str):
    (folder / "policies").mkdir(exist_ok=True)
    (folder / "policies/p.yaml").write_text(text, "utf-8")
    return read_bylaws("policies")
