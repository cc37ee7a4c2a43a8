"""A check of files alone goes by what is known of them, where `mlops` keeps anything, and finds the same without."""

from pathlib import Path

import pytest

import reconciler
from reconciler import pipeline
from reconciler.core.problem import Problem
from reconciler.load import many
from reconciler.wishes import Wish
from tests.git_here import git
from tests.remembering.remembered_world import plan, put


@pytest.fixture
def read(written: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are parsed, as they are."""
    files, real = list[str](), many.read

    def noting(data, here, *more, **words):
        files.append(here.relative)
        return real(data, here, *more, **words)

    monkeypatch.setattr(many, "read", noting)
    return files


def validated(read: list[str], *, cached: bool = True) -> tuple[tuple[Problem, ...], int]:
    """What is wrong with the files, and how many of them were read for it."""
    read.clear()
    _, problems = pipeline.validate(Wish(cached=cached), None)
    return problems, len(read)


def test_what_is_known_is_not_read_again_and_what_is_wrong_is(read: list[str]):
    plan()
    put("manifests/wine/endpoint.yml", "$schema: managedOnlineEndpoint.schema.json\nname: wine\nnothing: 1\n")
    truth, every = validated(read, cached=False)
    assert [problem.code for problem in truth if problem.is_error]
    assert every == 8
    assert validated(read) == validated(read) == (truth, 1)


def test_nothing_is_kept_where_nothing_is_yet(read: list[str]):
    assert validated(read) == validated(read, cached=False)
    assert not Path(".mlops").exists()


def test_offline_nothing_that_is_known_is_believed_in_python_either(read: list[str], monkeypatch: pytest.MonkeyPatch):
    plan()
    monkeypatch.setenv("MLOPS_OFFLINE", "1")
    read.clear()
    assert reconciler.validate().valid
    assert len(read) == 8


def test_what_came_with_the_repository_is_not_believed(read: list[str]):
    git("init", "-q")
    plan()
    assert validated(read)[1] == 0
    git("add", "-f", ".mlops")
    assert validated(read) == validated(read, cached=False)
