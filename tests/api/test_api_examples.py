"""Every example in the docstrings of the Python API does what it says, and nothing public is without words."""

import doctest
import inspect
from functools import partial
from pathlib import Path

import pytest
from api_world import reroute

import reconciler
from reconciler.operate.client import Caller

README = Path(reconciler.__file__).parent.parent / "README.md"
OBJECTS = {
    "Caller": Caller,
    **{name: getattr(reconciler, name) for name in reconciler.__all__},
}
EXAMPLES = {
    test.name: test
    for name, each in OBJECTS.items()
    for test in doctest.DocTestFinder(exclude_empty=True).find(each, name, module=False, globs={})
    if test.examples
}
SERVED = {name for name in EXAMPLES if name.partition(".")[0] in ("Caller", "Client", "Endpoint")}


def follow(name: str, **names: object) -> None:
    test = EXAMPLES[name]
    test.globs = {"reconciler": reconciler, **names}
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.REPORT_NDIFF)
    said: list[str] = []
    runner.run(test, out=said.append)
    assert not said, "".join(said)


@pytest.mark.parametrize("name", sorted(EXAMPLES.keys() - SERVED))
def test_an_example_does_what_it_says(repo: Path, name: str):
    follow(name, somebody_reroutes=partial(reroute, repo))


@pytest.mark.parametrize("name", sorted(SERVED))
def test_an_example_of_a_client_does_what_it_says(served: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.chdir(served)
    endpoint = reconciler.Endpoint("credit")
    follow(name, uri=endpoint.scoring_uri, key=endpoint.credentials()["primaryKey"])


def test_the_example_in_readme_runs(served: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(served)
    section = README.read_text(encoding="utf-8").partition("\n## From Python\n")[2]
    exec(section.partition("```python\n")[2].partition("```")[0], {})
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["1 scale deployment/credit/blue instance_count changed", "deployment/credit/blue succeeded"]
    assert lines[2].startswith("200 ")
    assert lines[2].endswith(" [3]")
    reconciler.apply()


def test_what_is_public_has_examples():
    functions = {name for name in reconciler.__all__ if inspect.isfunction(getattr(reconciler, name))}
    assert functions | {"Client", "Endpoint", "Endpoint.credentials", "Caller.openapi"} <= EXAMPLES.keys()


@pytest.mark.parametrize("name", [name for name in reconciler.__all__ if inspect.isfunction(getattr(reconciler, name))])
def test_every_parameter_is_explained(name: str):
    function = getattr(reconciler, name)
    text = inspect.getdoc(function) or ""
    explained = text.partition("\nArgs:\n")[2].partition("\n\n")[0]
    missing = [each for each in inspect.signature(function).parameters if f"    {each}: " not in explained]
    assert missing == []


def test_all_that_is_offered_is_there():
    assert set(reconciler.__all__) == set(reconciler._HOME) <= set(dir(reconciler))
