"""Whatever is read without typer is read as typer does, and ends as it does with typer."""

import gc
import inspect
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.main import get_command

from reconciler.cli import checking, explaining, main
from reconciler.cli.commands import as_typer_reads
from reconciler.cli.declaring import declared
from reconciler.cli.handler import run
from reconciler.cli.main import called, ran
from reconciler.cli.plain import OFTEN, call_of
from reconciler.cli.program import command_line
from reconciler.errors import RefusedError

VALUES = [
    *("dev", "", "a=b", "json", "text", "prometheus", "TEXT", "summary=x.md", "HEAD~1:m", "-", "--", "-x", "é"),
    *("3", "0", "007", "65", "1_0", "+3", "-3", " 3", "٣", "9" * 9, "9" * 10, "1.5", "nan", "/", "a\nb", "~/x"),
]


def words_of(name: str) -> st.SearchStrategy[list[str]]:
    """Words for a command: its options, spelt as they are and otherwise, and values."""
    options = [each for one in command_line([name]).commands[name].params for each in (*one.opts, *one.secondary_opts)]
    assert len(options) > 2
    spelt = st.sampled_from(options)
    given_at_once = st.tuples(spelt, st.sampled_from(VALUES)).map("=".join)
    stuck = st.tuples(spelt, st.sampled_from(VALUES)).map("".join)
    shortened = st.tuples(spelt, st.integers(1, 3)).map(lambda cut: cut[0][: -cut[1]])
    with_value = st.tuples(spelt, st.sampled_from(VALUES)).map(list)
    alone = st.one_of(spelt, st.sampled_from(VALUES), given_at_once, st.sampled_from(["--help", "-h"]))
    odd = st.one_of(stuck, shortened)
    return st.lists(
        st.one_of(with_value, with_value, alone.map(lambda word: [word]), odd.map(lambda word: [word]))
    ).map(lambda parts: [word for part in parts for word in part][:12])


def typed(values: dict[str, Any]) -> dict[str, tuple[type, Any]]:
    return {name: (type(value), value) for name, value in values.items()}


def bound(call: Any) -> dict[str, Any]:
    """All that the function of a call gets; a time that is a whole number of seconds by default is one all the same."""
    arguments = inspect.signature(call.func).bind(**call.keywords)
    arguments.apply_defaults()
    kinds = {name: declared(annotation)[0] for name, annotation in call.func.__annotations__.items()}
    return {name: float(value) if kinds[name] is float else value for name, value in arguments.arguments.items()}


def as_typer_calls(function: Callable[..., Any], words: list[str]) -> dict[str, Any]:
    seen: list[dict[str, Any]] = []

    @wraps(function)
    def note(**values: Any) -> None:
        seen.append(values)

    app = typer.Typer(add_completion=False)
    app.command()(as_typer_reads(note))
    get_command(app).main(words, standalone_mode=False)
    [values] = seen
    return values


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch):
    for name in ("MLOPS_OFFLINE", "MLOPS_POLICIES"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", sorted(OFTEN))
def test_a_plain_command_line_is_read_as_typer_reads_it(name: str):
    @settings(max_examples=60, deadline=None)
    @given(words_of(name))
    def as_typer_does(words: list[str]) -> None:
        call: Any = call_of([name, *words])
        if call:
            assert typed(bound(call)) == typed(as_typer_calls(call.func, words))

    as_typer_does()


@pytest.mark.parametrize(
    "line",
    [
        "plan",
        "plan a b/c.yml -t dev --var A=1 --var B=2 --set=x.y=3 --no-cache --cache --format json --only x -v -n x",
        "plan HEAD~1:manifests --against origin/main --report summary=x.md --policies=x --offline",
        "drift --format=sarif --no-served --watch --interval 5m --detailed-exitcode",
        "validate manifests --offline --format github",
        "status --target dev --check --format json",
        "plan --out p.json --max-delete 3",
        "apply -t dev --yes --parallel=8 --plan p.json --max-delete 0 --no-blame",
        "apply manifests --auto-approve --digest 3a --report summary=x.md",
    ],
)
def test_a_command_line_as_people_write_it_is_plain(line: str):
    name, *words = line.split(" ")
    call: Any = call_of([name, *words])
    assert call
    assert typed(bound(call)) == typed(as_typer_calls(call.func, words))


@pytest.mark.parametrize(
    "line",
    [
        "plan --help",
        "plan --targ dev",
        "plan -tdev",
        "plan -t",
        "plan -t --offline",
        "plan -t -x",
        "plan --max-delete -3",
        "plan --max-delete 3.0",
        "plan --max-delete=",
        "plan --out=",
        "apply --parallel 65",
        "apply --parallel 0",
        "apply --lock-timeout 3",
        "plan --format yaml",
        "plan --format TEXT",
        "plan --target=",
        "plan --against=",
        "plan --offline=yes",
        "plan -- x",
        "plan -",
        "status dev",
        "destroy",
        "history show",
        "nothing",
        "",
    ],
)
def test_what_is_not_plain_is_for_typer_to_read(line: str):
    assert call_of(line.split()) is None


def test_a_file_that_cannot_be_read_is_for_typer_to_refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    plan = tmp_path / "p.json"
    assert call_of(["apply", "--plan", str(plan)])
    plan.write_text("{}")
    assert call_of(["apply", "--plan", str(plan)])
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert call_of(["apply", "--plan", str(plan)]) is None


@pytest.mark.parametrize("name", ["MLOPS_OFFLINE", "MLOPS_POLICIES", "_MLOPS_COMPLETE"])
def test_what_a_variable_has_a_say_in_is_for_typer_to_read(name: str):
    assert call_of(["validate"], {name: "1"}) is None
    assert call_of(["validate"], {}) is not None


@pytest.mark.parametrize(
    "error",
    [
        RefusedError("no"),
        typer.BadParameter("no", param_hint="--only"),
        typer.Exit(3),
        typer.Abort(),
        KeyboardInterrupt(),
        EOFError(),
        BrokenPipeError(32, "nobody reads"),
        PermissionError(13, "no"),
        ValueError("no"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_ends_a_plain_command_line_as_it_does_with_typer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException
):
    def ended(*, debug: bool) -> tuple[object, str, str]:
        with monkeypatch.context() as patched:
            patched.setattr("sys.stdout", sys.stdout)  # which typer replaces once nobody reads
            patched.setattr("sys.stderr", sys.stderr)
            patched.setattr(checking, "validate", wraps(checking.validate)(failing))
            try:
                code: object = run(lambda: called(["validate"], debug=debug), debug=False)
            except SystemExit as ended:
                code = ended
        return str(code), *capsys.readouterr()

    calls: list[None] = []

    def failing(**_values: object) -> None:
        calls.append(None)
        raise error

    plainly = ended(debug=False)
    assert len(calls) == 1  # it is not run again for typer
    assert plainly == ended(debug=True)


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize(("name", "said"), [("validate", "; nothing was changed"), ("schema", "")])
def test_an_interruption_is_said_once_and_of_what_changes_nothing_that_nothing_was_changed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, said: str, debug: bool
):
    def interrupted(**_values: object) -> None:
        raise KeyboardInterrupt

    module = checking if name == "validate" else explaining
    monkeypatch.setattr(module, name, wraps(getattr(module, name))(interrupted))
    words = [name] if name == "validate" else [name, "endpoint"]
    assert ran(words, debug=debug) == 130
    assert capsys.readouterr() == ("", f"mlops: interrupted{said}\n")


def test_an_interruption_while_the_command_is_loaded_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def interrupted(*_words: object, **_named: object) -> int:
        raise KeyboardInterrupt

    def end(code: int) -> NoReturn:
        raise SystemExit(code)

    monkeypatch.setattr(gc, "disable", lambda: None)  # of the tests' own process
    monkeypatch.setattr(main, "_end", end)
    monkeypatch.setattr(main, "ran", interrupted)
    monkeypatch.setattr(sys, "argv", ["mlops", "apply"])
    with pytest.raises(SystemExit, match=r"^130$"):
        main.main()
    assert capsys.readouterr() == ("", "mlops: interrupted\n")


def test_an_interruption_while_a_class_is_made_is_one(capsys: pytest.CaptureFixture[str]):
    """Python 3.11 makes another error of it."""

    class Field:
        def __set_name__(self, _owner: object, _name: str) -> None:
            raise KeyboardInterrupt

    assert run(lambda: bool(type("Made", (), {"field": Field()})), debug=False) == 130
    assert capsys.readouterr() == ("", "mlops: interrupted\n")
