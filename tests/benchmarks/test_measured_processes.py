"""What a process is measured to have taken, and what becomes of one that does not do what it should."""

from pathlib import Path

import pytest
from measuring import Bench, Command, python

LARGE = 100_000_000


def test_the_memory_of_whoever_measures_is_not_that_of_what_is_measured(tmp_path: Path) -> None:
    held = bytearray(LARGE)
    cost, _ = Bench(tmp_path).run(Command(("true",), tmp_path))
    assert 0 < cost.mb < len(held) / 2e6


def test_what_it_takes_is_its_own_and_that_of_the_children_for_which_it_waits(tmp_path: Path) -> None:
    child = f"import time; held = bytearray({LARGE}); now = time.process_time\nwhile now() < 0.2: pass"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    cost, _ = Bench(tmp_path).run(python(code, tmp_path))
    assert cost.mb > LARGE / 1e6
    assert cost.cpu >= 0.2
    assert cost.wall >= 0.2


def test_it_runs_in_its_folder_with_its_environment_and_gives_its_output(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    script = "pwd; echo $OF $HOME $1; echo wrong >&2"
    argv = ("sh", "-c", script, "--", "A=B")
    command = Command(argv, tmp_path / "there", "there", environ={"OF": "u=s", "HOME": "here"})
    assert Bench(tmp_path).run(command)[1] == f"{tmp_path / 'there'}\nu=s here A=B\nwrong\n"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("false",), "ended with 1"),
        (("sh", "-c", "kill -9 $$"), "ended with -9"),
        (("no-such-program",), "no-such-program: No such file"),
        (("echo", "something else"), "something else"),
        (("echo", "as meant, not quite"), "not quite"),
    ],
)
def test_one_that_does_not_say_what_it_should_is_refused(tmp_path: Path, argv: tuple[str, ...], said: str) -> None:
    with pytest.raises(RuntimeError, match=said):
        Bench(tmp_path).run(Command(argv, tmp_path, "as meant", refuse="not quite"))


def test_a_pipe_that_is_closed_ends_what_writes_to_it(tmp_path: Path) -> None:
    # With SIGPIPE ignored, as Python has it, `yes` would say that the pipe is broken.
    assert Bench(tmp_path).run(Command(("sh", "-c", "yes | head -n 1"), tmp_path))[1] == "y\n"
