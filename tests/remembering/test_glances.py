"""What a plan said is said again at a glance, and each thing that it hangs on is noticed where it changes."""

import fcntl
import io
import os
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace

import pytest

from reconciler.cli import main
from reconciler.cli.handler import run
from reconciler.core.address import Address
from reconciler.load.caching import tool
from reconciler.record.store import Intent
from reconciler.remembering import keeping, scene
from reconciler.remembering.glance import glance, left_over
from reconciler.workspace import open_workspace
from tests.git_here import git
from tests.remembering.remembered_world import DEPLOYMENT, SCORE, SETTINGS, apply, edit, endpoint, forget, note, put
from tests.waiting import until

SAFE_NS = 20_000_000
"""The disks that tests run on tell times finely."""
SAYS = "No changes. 7 resources are as the manifests say (target dev)."

pytestmark = pytest.mark.usefixtures("as_wanted")

Said = tuple[str, str]
Change = Callable[[], object]


@pytest.fixture(autouse=True)
def _sooner(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("reconciler.remembering.glance.SAFE_NS", SAFE_NS)
    monkeypatch.setattr("reconciler.load.disk.stat_index.SAFE_NS", SAFE_NS)
    # In which pytest tells how far a test is.
    monkeypatch.setattr("reconciler.remembering.scene._OF_SHELLS", {*scene._OF_SHELLS, "PYTEST_CURRENT_TEST"})


def moment() -> None:
    """As long as it takes until what was written is believed."""
    then = time.time_ns() + 2 * SAFE_NS
    until(lambda: time.time_ns() > then)


def asked(*words: str) -> tuple[int, Said]:
    """What a plan says in the ordinary way."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(lambda: main.called(["plan", *words], debug=False), debug=False)
    return code, (out.getvalue().removesuffix("\n"), err.getvalue().removesuffix("\n"))


def learnt(*words: str) -> Said:
    """What a plan said, once it is known at a glance."""
    moment()
    code, said = asked(*words)
    assert code == 0
    assert glance(words) == said
    return said


@pytest.fixture
def seen(as_wanted: Path) -> Said:
    """What is known at a glance."""
    assert as_wanted.is_dir()
    return learnt()


def file() -> Path:
    (found,) = Path(".mlops/cache").glob("glance-*")
    return found


def test_it_says_what_the_plan_said_and_warned_of(seen: Said):
    assert seen[0].endswith(SAYS)
    assert seen[1].count("W-UNPINNED") == 3
    assert asked("--no-cache") == (0, seen)


@pytest.mark.parametrize(
    "words",
    [
        ["-t", "dev"],
        ["--target=dev"],
        ["manifests", "--detailed-exitcode"],
        ["--no-git", "--no-blame", "--target", "dev"],
    ],
)
def test_plain_words_are_known_by_what_they_ask_for(words: list[str]):
    assert learnt(*words)[0].endswith(SAYS)


OTHER_WORDS = (
    ["-t", ""],
    ["--target="],
    ["-t"],
    ["-t=dev"],
    ["-tdev"],
    [""],
    ["--"],
    ["-"],
    ["manifests", "manifests/credit"],
    ["--no-cache"],
    ["--offline"],
    ["--no-refresh"],
    ["--minimal-refresh"],
    ["--refresh-only"],
    ["--verbose"],
    ["--format", "json"],
    ["--format=json"],
    ["--report", "json=r.json"],
    ["--out", "p.json"],
    ["--set", "deployment/credit/blue.instance_count=2"],
    ["--var", "A=1"],
    ["--only", "endpoint/credit"],
    ["--max-delete", "0"],
    ["--allow-empty"],
    ["--policies", "policies"],
    ["--against", "HEAD"],
    ["--help"],
    ["--debug"],
)


@pytest.mark.usefixtures("seen")
def test_whoever_asks_for_anything_else_gets_no_glance():
    for words in OTHER_WORDS:
        assert glance(words) is None, words
        assert asked(*words)[0] in (0, 1, 2, 4), words
        assert glance(words) is None, words


def set_variable(name: str) -> Change:
    return lambda: os.environ.__setitem__(name, "1")


def rewrite(name: str) -> None:
    """The same bytes at another time."""
    Path(name).write_bytes(Path(name).read_bytes())


def write_unseen(name: str, before: str, after: str) -> None:
    """Another text of the same size, with the time of the one before."""
    was = Path(name).stat()
    put(name, Path(name).read_text().replace(before, after, 1))
    os.utime(name, ns=(was.st_atime_ns, was.st_mtime_ns))


def begin_an_operation() -> None:
    address, at = Address.parse("endpoint/credit"), "2026-02-03T12:00:00Z"
    with open_workspace(None) as workspace, workspace.store.lock({}, timeout_s=0):
        workspace.store.intend(Intent("op", "run", 1, "update", address, {}, {}, 9, at))


def link(name: str) -> None:
    Path(name).rename("elsewhere")
    Path(name).symlink_to(Path("elsewhere").absolute())


CHANGES: dict[str, Change] = {
    "a manifest": lambda: put("manifests/credit/endpoint.yml", "name: x\n"),
    "a manifest, with the size and time of before": lambda: write_unseen("manifests/wine/green.yml", ": 1", ": 2"),
    "a new manifest": lambda: endpoint("rose"),
    "a manifest that is gone": lambda: Path("manifests/wine/green.yml").unlink(),
    "another name of a manifest": lambda: Path("manifests/wine/green.yml").rename("manifests/wine/red.yml"),
    "a folder that is gone": lambda: shutil.rmtree("manifests/wine"),
    "all manifests gone": lambda: shutil.rmtree("manifests"),
    "the mode of a manifest": lambda: Path("manifests/wine/green.yml").chmod(0o755),
    "a link in the place of a manifest": lambda: link("manifests/wine/green.yml"),
    "a link in the place of the folder": lambda: link("manifests"),
    "code": lambda: put("manifests/src/score.py", "def run(): ...\n"),
    "more code": lambda: put("manifests/src/deep/more.py", "A = 1\n"),
    "code that is gone": lambda: Path("manifests/src/score.py").unlink(),
    "what code leaves out": lambda: put("manifests/src/.amlignore", "*.py\n"),
    "a link in code": lambda: link("manifests/src/score.py"),
    "a model": lambda: put("manifests/weights/w.txt", "4 5 6\n"),
    "what MLflow says of a model": lambda: put("manifests/weights/deep/MLmodel", "flavors: {}\n"),
    "a conda file": lambda: put("manifests/conda.yml", "channels: []\n"),
    "a conda file that is gone": lambda: Path("manifests/conda.yml").unlink(),
    "mlops.yaml": lambda: put("mlops.yaml", SETTINGS + "# c\n"),
    "mlops.yaml, with the size and time of before": lambda: write_unseen("mlops.yaml", "dev", "dew"),
    "mlops.yaml that is gone": lambda: Path("mlops.yaml").unlink(),
    "a link in the place of mlops.yaml": lambda: link("mlops.yaml"),
    "policies": lambda: put("policies/p.yaml", "policies: {}\n"),
    "the live side": lambda: edit("deployment/credit/blue", instance_count=9),
    "an empty live side": lambda: put("live.jsonl", ""),
    "a live side that is gone": lambda: Path("live.jsonl").unlink(),
    "the record": lambda: note("deployment/credit/blue", instance_count=9),
    "a record that is gone": lambda: Path(".mlops/state.db").unlink(),
    "a key that is gone": lambda: Path(".mlops/state.key").unlink(),
    "another key": lambda: put(".mlops/state.key", "0" * 64),
    "a journal beside the record": lambda: put(".mlops/state.db-journal", ""),
    "an operation that has no end": begin_an_operation,
    "a repository around it": lambda: git("init", "-q"),
    "a variable of the environment": set_variable("WHATEVER"),
    "a secret": set_variable("MLOPS_SECRET_TOKEN"),
    "traces": set_variable("OTEL_EXPORTER_OTLP_ENDPOINT"),
    "whoever debugs": set_variable("MLOPS_DEBUG"),
    "offline": set_variable("MLOPS_OFFLINE"),
    "other policies": set_variable("MLOPS_POLICIES"),
    "completion": set_variable("_MLOPS_COMPLETE"),
    "a key of the environment": set_variable("MLOPS_STATE_KEY"),
    "encryption": set_variable("MLOPS_ENCRYPTION_KEY"),
}


@pytest.mark.usefixtures("seen")
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_a_plan_hangs_on_is_noticed(change: Change, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "environ", os.environ.copy())
    change()
    assert glance([], os.environ) is None


def test_where_the_folder_leads_that_the_settings_name_is_noticed_whichever_is_asked_for():
    shutil.copytree("manifests", "deploy")
    learnt("deploy")
    Path("manifests").rename("former")
    Path("manifests").symlink_to("/")
    assert glance(["deploy"]) is None
    assert asked("deploy")[0] == 1


def test_a_repository_below_which_the_manifests_do_not_lie_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    Path("below").mkdir()
    for name in ("mlops.yaml", ".mlops", "live.jsonl"):
        Path(name).rename(Path("below") / name)
    monkeypatch.chdir("below")
    put("mlops.yaml", SETTINGS.replace("manifests: manifests", "manifests: ../manifests"))
    learnt()
    Path(".git").mkdir()
    assert glance([]) is None
    assert asked()[0] == 1


@pytest.mark.parametrize("name", ["_", "OLDPWD", "PWD", "SHLVL"])
def test_what_each_shell_sets_anew_makes_no_difference(name: str, seen: Said):
    assert glance([], {**os.environ, name: "other"}) == seen


@pytest.mark.usefixtures("seen")
def test_another_version_of_the_tool_has_no_glance_of_this_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("reconciler.remembering.scene.version", lambda: "other")
    assert tool.version() != "other"
    assert glance([]) is None


def test_a_glance_is_of_the_folder_where_it_is_asked_for(seen: Said, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir("manifests")
    assert glance([]) is None
    assert learnt()[0] == seen[0]
    put("mlops.yaml", SETTINGS)
    assert glance([]) is None


@pytest.mark.usefixtures("seen")
def test_who_is_at_work_is_told(as_wanted: Path):
    with open_workspace(None) as workspace, workspace.store.lock({"user": "ann", "command": "apply"}, timeout_s=0):
        assert glance([]) is None
        moment()
        assert "ann" in asked()[1][0]
        assert glance([]) is None
    moment()
    assert learnt()[0].endswith(SAYS)
    assert as_wanted == Path.cwd()


@pytest.mark.usefixtures("seen")
def test_who_holds_the_lock_and_leaves_its_file_as_it_was_is_told():
    with Path(".mlops/state.db.dev.lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert glance([]) is None
        assert "in progress by another run" in asked()[1][0]
    assert learnt()[0].endswith(SAYS)


@pytest.mark.usefixtures("seen")
def test_a_record_that_came_with_the_repository_is_refused(written: Path):
    git("init", "-q")
    git("add", "--all", "--force", ".")
    assert glance([]) is None
    assert asked()[0] == 4
    assert written.is_dir()


@pytest.mark.usefixtures("seen")
def test_a_clock_that_went_back_is_noticed():
    assert glance([], now=lambda: time.time_ns() - 3600 * 10**9) is None


@pytest.mark.parametrize("touched", ["manifests/conda.yml", "mlops.yaml", "live.jsonl", ".mlops/state.db"])
def test_what_was_written_just_now_is_not_believed(touched: str, monkeypatch: pytest.MonkeyPatch):
    learnt()
    file().unlink()
    monkeypatch.setattr("reconciler.remembering.glance.SAFE_NS", 3600 * 10**9)
    assert asked()[0] == 0
    assert glance([]) is None
    monkeypatch.setattr("reconciler.remembering.glance.SAFE_NS", SAFE_NS)
    moment()
    rewrite(touched)
    just_then = Path(touched).stat().st_ctime_ns + 1
    with monkeypatch.context() as patched:
        # However long it takes to begin.
        patched.setattr(keeping, "time", SimpleNamespace(time_ns=lambda: just_then))
        assert asked()[0] == 0
    assert glance([]) is None
    assert learnt()[0].endswith(SAYS)


def test_a_file_that_went_while_somebody_planned_is_not_taken_for_one_that_was_never_there(
    monkeypatch: pytest.MonkeyPatch,
):
    learnt()
    file().unlink()
    gone = Path("manifests/wine/green.yml")
    held = gone.read_text()
    real = keeping.keep_glance

    def keep_late(*args: object, **options: object) -> None:
        gone.unlink()
        real(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(keeping, "keep_glance", keep_late)
    assert asked()[0] == 0
    assert not list(Path(".mlops/cache").glob("glance-*"))
    assert glance([]) is None
    assert held == DEPLOYMENT.replace("NAME", "wine").replace("BLUE", "green")


def assert_exchange_is_noticed(folder: str, monkeypatch: pytest.MonkeyPatch, *, code: int = 2) -> None:
    """Have `other` take the place of a folder once a plan was made of that; the next plan is not answered from it."""
    moment()
    file().unlink()
    real = keeping.keep_glance

    def keep_late(*args: object, **options: object) -> None:
        Path(folder).rename("former")
        Path("other").rename(folder)
        real(*args, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(keeping, "keep_glance", keep_late)
        assert asked("--detailed-exitcode")[0] == 0
    assert glance(["--detailed-exitcode"]) is None
    assert asked("--detailed-exitcode")[0] == code


@pytest.mark.parametrize("changed", ["manifests/wine/green.yml", "manifests/src/score.py"])
def test_a_folder_that_took_the_place_of_another_while_somebody_planned_is_not_what_was_planned(
    monkeypatch: pytest.MonkeyPatch, changed: str
):
    put("mlops.yaml", SETTINGS.replace("manifests: manifests", "manifests: deep/manifests"))
    Path("deep").mkdir()
    Path("manifests").rename("deep/manifests")
    learnt()
    shutil.copytree("deep", "other")
    other = Path("other") / changed
    other.write_text(other.read_text().replace("instance_count: 1", "instance_count: 2").replace("pass", "..."))
    assert_exchange_is_noticed("deep", monkeypatch)


def test_a_live_side_that_took_the_place_of_another_while_somebody_planned_is_not_what_was_planned(
    monkeypatch: pytest.MonkeyPatch,
):
    put("mlops.yaml", SETTINGS.replace("live.jsonl", "live/live.jsonl"))
    Path("live").mkdir()
    Path("live.jsonl").rename("live/live.jsonl")
    learnt()
    shutil.copytree("live", "other")
    put("other/live.jsonl", Path("live/live.jsonl").read_text().replace('"instance_count": 1', '"instance_count": 3'))
    assert_exchange_is_noticed("live", monkeypatch)


def test_a_record_that_took_the_place_of_another_while_somebody_planned_is_not_what_was_planned(
    monkeypatch: pytest.MonkeyPatch,
):
    put("mlops.yaml", SETTINGS.replace("default", "state: record/state.db, default"))
    Path("record").mkdir()
    for each in Path(".mlops").glob("state.*"):
        each.rename(Path("record") / each.name)
    shutil.copytree("record", "other")
    put("manifests/wine/green.yml", Path("manifests/wine/green.yml").read_text().replace(": 1", ": 2"))
    apply()
    learnt()
    assert_exchange_is_noticed("record", monkeypatch, code=4)


def test_a_clock_that_went_back_while_somebody_planned_tells_nothing(monkeypatch: pytest.MonkeyPatch):
    learnt()
    file().unlink()
    hour_ago = time.time_ns() - 3600 * 10**9
    monkeypatch.setattr(keeping, "time", SimpleNamespace(time_ns=lambda: hour_ago))
    assert asked()[0] == 0
    assert glance([]) is None


def test_folders_too_deep_to_enter_are_left_to_the_ordinary_way(seen: Said, monkeypatch: pytest.MonkeyPatch):
    def too_deep(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr("reconciler.remembering.glance.manifests_below", too_deep)
    assert glance([]) is None
    assert asked() == (0, seen)


def test_a_plan_that_finds_something_to_do_is_not_known_at_a_glance():
    edit("deployment/credit/blue", instance_count=9)
    for _ in range(2):
        moment()
        assert asked("--detailed-exitcode")[0] == 2
        assert glance(["--detailed-exitcode"]) is None


def test_it_is_for_its_owner_alone_and_tells_no_value_of_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLOPS_SECRET_TOKEN", "hunter2")
    learnt()
    assert file().stat().st_mode & 0o777 == 0o600
    assert b"hunter2" not in file().read_bytes()


def damaged() -> Iterator[bytes]:
    whole = file().read_bytes()
    yield from (b"", b"\0", b"\0" * 20, b"\xff" * 100, whole[:-1], whole + b"\0", whole[:70], whole.upper())
    yield whole.replace(b"7 resources", b"8 resources")
    yield whole.replace(b"live.jsonl", b"live.json")
    yield whole.replace(b"state.key", b"state.kex")
    yield b"0" * 64 + whole[64:]


def test_a_damaged_glance_is_none_and_is_written_anew(seen: Said):
    found = list(damaged())
    assert len(set(found)) == len(found)
    for data in found:
        file().write_bytes(data)
        assert glance([]) is None, data
    assert learnt() == seen


def test_what_two_wrote_at_once_is_none_where_it_is_of_both(seen: Said, monkeypatch: pytest.MonkeyPatch):
    one = file().read_bytes()
    monkeypatch.setenv("WHATEVER", "1")
    learnt()
    other = file().read_bytes()
    assert len(one) == len(other)
    for cut in (1, 63, 64, 65, 100, 129, 130):
        for mixed in (one[:cut] + other[cut:], other[:cut] + one[cut:]):
            if mixed not in (one, other):
                file().write_bytes(mixed)
                assert glance([]) is None
    assert learnt() == seen


def test_nothing_is_read_or_written_through_a_link_and_no_pipe_is_waited_for(seen: Said):
    place = file()
    place.rename("mine")
    place.symlink_to(Path("mine").absolute())
    before = Path("mine").read_bytes()
    assert glance([]) is None
    assert asked() == (0, seen)
    assert Path("mine").read_bytes() == before
    place.unlink()
    os.mkfifo(place)
    assert glance([]) is None
    assert asked() == (0, seen)


def test_a_cache_that_is_gone_is_made_again(seen: Said):
    forget()
    assert glance([]) is None
    asked()
    assert learnt() == seen


def test_a_target_whose_record_lies_elsewhere_is_known_there(tmp_path: Path):
    put("mlops.yaml", SETTINGS.replace("default", "state: other/s.db, default"))
    with open_workspace(None) as workspace:
        assert workspace.target.state == "other/s.db"
    shutil.copy(".mlops/state.db", "other/s.db")
    shutil.copy(".mlops/state.key", "other/s.key")
    assert learnt()[0].endswith(SAYS)
    with closing(sqlite3.connect("other/s.db")) as database, database:
        database.execute("PRAGMA user_version = 99")
    assert glance([]) is None
    assert asked()[0] == 1
    assert tmp_path.is_dir()


@pytest.mark.parametrize("git", [True, False])
def test_what_was_seen_in_vain_is_not_looked_at_again(git: bool, monkeypatch: pytest.MonkeyPatch):
    words, top = [] if git else ["--no-git"], str(Path("manifests").absolute())
    said = learnt(*words)
    put("manifests/src/score.py", SCORE + "# c\n")
    assert glance(words) is None
    assert left_over(top, git=git) is None
    assert glance(words, leave=True) is None
    assert left_over(top, git=not git) is None
    assert glance(words, leave=True) is None
    with monkeypatch.context() as patched:
        patched.setattr("reconciler.load.sets.on_disk.manifests_below", lambda *_: pytest.fail("it is looked at again"))
        assert asked(*words)[0] == 0
    put("manifests/wine/green.yml", "name: x\n")
    assert glance(words, leave=True) is None
    assert asked(*words) == asked(*words, "--no-cache") != (0, said)
    assert left_over(top, git=git) is None


@pytest.mark.parametrize("git", [True, False])
def test_very_many_manifests_are_compared_as_a_set(git: bool, monkeypatch: pytest.MonkeyPatch):
    words = [] if git else ["--no-git"]
    monkeypatch.setattr("reconciler.remembering.keeping.MOST_FILES", 5)
    said = learnt(*words)
    with monkeypatch.context() as patched:
        patched.setattr("reconciler.remembering.glance.manifests_below", lambda *_: pytest.fail("one by one"))
        assert glance(words) == said
    endpoint("rose")
    assert glance(words, leave=True) is None
    assert asked(*words) == asked(*words, "--no-cache") != (0, said)
    shutil.rmtree("manifests")
    assert glance(words) is None


@pytest.mark.parametrize("folder", ["manifests/src/a", "manifests/src/deep/deeper", "manifests/more"])
def test_more_than_so_many_files_or_folders_are_not_looked_at_at_a_glance(folder: str, monkeypatch: pytest.MonkeyPatch):
    for number in range(12):
        put(f"{folder}/{number}/{number}.{'yml' if folder.endswith('more') else 'py'}", "a: 1\n")
    monkeypatch.setattr("reconciler.remembering.scene.MOST_FILES", 12)
    for _ in range(3):
        moment()
        assert asked()[0] in (0, 2)
        assert glance([]) is None
    monkeypatch.setattr("reconciler.remembering.scene.MOST_FILES", 100)
    shutil.rmtree(folder)
    assert learnt()


def of_the_command(stdout: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """The exit code of the command, and what it says on standard error."""

    def end(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr("reconciler.cli.main.os._exit", end)
    monkeypatch.setattr("reconciler.cli.main.atexit._run_exitfuncs", lambda: None)
    monkeypatch.setattr(sys, "argv", ["mlops", "plan", "--detailed-exitcode"])
    err = io.StringIO()
    with redirect_stdout(stdout), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code, err.getvalue()


def test_the_command_says_it_without_the_ordinary_way(seen: Said, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("reconciler.cli.main.ran", lambda *_, **__: pytest.fail("it goes the ordinary way"))
    out = io.StringIO()
    assert of_the_command(out, monkeypatch) == (0, f"{seen[1]}\n")
    assert out.getvalue() == f"{seen[0]}\n"


@pytest.mark.usefixtures("seen")
@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        UnicodeEncodeError("ascii", "\xe9", 0, 1, "ordinal not in range(128)"),
        KeyboardInterrupt(),
    ],
    ids=repr,
)
def test_what_cannot_be_said_is_refused_once_as_in_the_ordinary_way(
    error: BaseException, monkeypatch: pytest.MonkeyPatch
):
    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise error

    said = of_the_command(Full(), monkeypatch)
    file().unlink()
    assert said == of_the_command(Full(), monkeypatch)
    assert said[1].count("W-UNPINNED") == 3
