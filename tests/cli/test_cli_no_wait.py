"""`--no-wait`: the command returns once it is accepted, a worker goes on, and `show` tells how far it is."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import MLOPS, PATIENCE_S, environ
from errands import Errands, errands

from tests.ending import has_ended
from tests.waiting import until

FILE = "manifests/endpoint.yml"
REFUSED, FAILED = 4, 5


@pytest.fixture
def gated(tmp_path: Path) -> Iterator[Errands]:
    """Endpoint `credit` is being made until the test opens the gate."""
    with errands(tmp_path, {"create endpoint/credit": ["gate"]}) as made:
        made.repo.edit(FILE, "traffic:\n  blue: 100\n", "")
        yield made


@pytest.fixture
def making(gated: Errands) -> Errands:
    gated.endpoint("create", "credit", "-f", FILE)
    gated.begun()
    return gated


def test_an_endpoint_in_the_making_is_shown_as_creating_until_it_is_there(making: Errands):
    shown = making.mlops("online-endpoint", "show", "-n", "credit").json
    assert (shown["provisioning_state"], shown["auth_mode"]) == ("Creating", "key")
    assert "scoring_uri" not in shown
    making.open_gate()
    assert making.state() == "Succeeded"
    assert making.runs() == [("mlops online-endpoint create", "succeeded")]


def test_nothing_is_printed_and_nothing_is_left_once_it_is_done(gated: Errands):
    gated.repo.write("go", "")
    ran = gated.endpoint("create", "credit", "-f", FILE, "--query", "length(nothing)")
    assert ran.out == ""
    assert ran.err.startswith("Under way; `show` tells how far it is")
    until(lambda: not gated.files("*.json"))
    until(lambda: not gated.files("*.log"))


def test_only_show_errors_keeps_it_silent(gated: Errands):
    assert gated.endpoint("create", "credit", "-f", FILE, "--only-show-errors").err == ""


def test_what_was_in_the_file_is_made_whatever_becomes_of_it(making: Errands):
    making.repo.write("other.yml", making.repo.read(FILE).replace("auth_mode: key", "auth_mode: key\ntags: {a: first}"))
    making.endpoint("create", "fraud", "-f", "other.yml")
    making.repo.write("other.yml", "tags: {a: second}\n")
    making.endpoint("create", "third", "-f", FILE)
    making.repo.remove("other.yml")
    making.repo.remove(FILE)
    making.open_gate()
    assert making.repo.live()["endpoint/fraud"]["tags"] == {"a": "first"}
    assert "endpoint/third" in making.repo.live()


def test_operations_are_done_in_the_order_in_which_they_were_asked_for(making: Errands):
    for name in ("fraud", "churn"):
        making.endpoint("create", name, "--auth-mode", "key")
    making.endpoint("delete", "fraud", "--yes")
    assert [making.state(name) for name in ("credit", "churn", "fraud")] == ["Creating", "Creating", "Deleting"]
    making.open_gate()
    assert making.steps() == [
        "create endpoint/credit",
        "create endpoint/fraud",
        "create endpoint/churn",
        "delete endpoint/fraud",
    ]


def test_a_deletion_while_it_is_being_made_comes_after_that(making: Errands):
    making.endpoint("delete", "credit", "--yes")
    making.open_gate()
    assert making.runs() == [
        ("mlops online-endpoint create", "succeeded"),
        ("mlops online-endpoint delete", "succeeded"),
    ]
    assert making.repo.live() == {}


def test_nobody_is_asked_later(making: Errands):
    assert "there is nobody to ask" in making.endpoint("delete", "credit", code=REFUSED).err


def test_what_counts_on_something_under_way_is_looked_at_at_its_turn(making: Errands):
    made = making.mlops("online-deployment", "create", "-f", "manifests/blue.yml", "--all-traffic", "--no-wait")
    assert made.out == ""
    making.endpoint("update", "credit", "--set", "tags.team=risk")
    wrong = making.endpoint("create", "credit", "--auth-mode", "none", code=1)
    assert "auth_mode" in wrong.err
    states = [each["provisioning_state"] for each in making.mlops("online-endpoint", "list").json]
    assert states == ["Creating"]
    making.open_gate()
    shown = making.mlops("online-deployment", "show", "-n", "blue", "-e", "credit")
    assert shown.json["provisioning_state"] == "Failed"
    assert "model 'risk:1' is not defined here nor recorded" in shown.err
    assert making.repo.live()["endpoint/credit"]["tags"] == {"team": "risk"}
    making.endpoint("delete", "credit", "--yes")
    until(lambda: not making.busy())
    assert making.repo.live() == {}


def test_a_command_that_waits_says_once_for_whom(making: Errands):
    with making.repo.started(
        "online-endpoint", "create", "-n", "fraud", "--auth-mode", "key", **making.variables
    ) as waiting:
        assert waiting.stderr is not None
        said = waiting.stderr.readline()
        making.open_gate()
        _, rest = waiting.communicate(timeout=PATIENCE_S)
    (pid,) = {run["pid"] for run in making.mlops("history", "--format", "json").json["runs"][1:]}
    assert f"(pid {pid}, mlops online-endpoint create)" in said
    assert said.startswith("Waiting for ")
    assert "Waiting for" not in rest
    assert waiting.returncode == 0


def test_an_apply_that_is_not_to_wait_is_told_who_is_at_work(making: Errands):
    ran = making.mlops("apply", "--auto-approve", code=3)
    assert "mlops online-endpoint create) since" in ran.err


def test_ctrl_c_of_the_script_does_not_reach_the_worker(gated: Errands):
    script = f"{MLOPS} online-endpoint create -n credit -f {FILE} --no-wait; echo done; sleep 600"
    environment = environ(**gated.variables)
    with subprocess.Popen(
        ["sh", "-c", script], cwd=gated.repo.folder, env=environment, stdout=subprocess.PIPE, start_new_session=True
    ) as shell:
        assert shell.stdout is not None
        assert shell.stdout.readline() == b"done\n"
        gated.begun()
        until(lambda: shell.poll() is not None or os.killpg(shell.pid, signal.SIGINT))
    gated.open_gate()
    assert gated.state() == "Succeeded"


def test_sigterm_has_the_worker_finish_its_step(making: Errands):
    (worker,) = making.workers()
    worker.terminate()
    making.open_gate()
    assert making.state() == "Succeeded"


def test_a_worker_that_was_killed_is_told_and_the_next_run_settles_it(making: Errands):
    (worker,) = making.workers()
    worker.kill()
    until(lambda: has_ended(worker))
    shown = making.mlops("online-endpoint", "show", "-n", "credit")
    assert shown.json["provisioning_state"] == "Failed"
    assert "cut off before it was done" in shown.err
    making.repo.write("go", "")
    making.mlops("online-endpoint", "create", "-n", "credit", "-f", FILE)
    assert making.state() == "Succeeded"
    assert making.files("*.json") == []


def test_a_killed_worker_lets_those_behind_it_go_on(making: Errands):
    making.endpoint("create", "fraud", "--auth-mode", "key")
    making.workers()[0].kill()
    making.repo.write("go", "")
    until(lambda: making.state("fraud") == "Succeeded")


def test_a_failure_is_told_until_the_next_operation_on_that_address(tmp_path: Path):
    with errands(tmp_path, {"create endpoint/credit": ["quota"]}) as made:
        made.endpoint("create", "credit", "--auth-mode", "key")
        until(lambda: made.state() != "Creating")
        made.mlops("online-endpoint", "create", "-n", "fraud", "--auth-mode", "key")
        shown = made.mlops("online-endpoint", "show", "-n", "credit")
        assert shown.json["provisioning_state"] == "Failed"
        assert "create endpoint/credit: failed: quota exceeded: 4 cores asked, 0 free" in shown.err
        assert "quota exceeded" in made.files("*.log")[0].read_text()
        made.repo.write("mlops.yaml", made.repo.read("mlops.yaml").replace("quota", "late"))
        made.mlops("online-endpoint", "create", "-n", "credit", "--auth-mode", "key")
        assert made.state() == "Succeeded"
        assert made.files("*") == [made.files("*")[0].with_name(".gitignore")]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("create", "-f", "nowhere.yml"), 1, "nowhere.yml"),
        (("create", "--auth-mode", "none"), 1, "auth_mode"),
    ],
)
def test_what_is_refused_is_told_at_once_by_the_command_itself(
    gated: Errands, words: tuple[str, ...], code: int, said: str
):
    ran = gated.endpoint(words[0], "fraud", *words[1:], code=code)
    assert said in ran.err
    assert gated.files("*.json") == []


def test_to_delete_what_never_came_to_be_ends_the_talk_of_it(tmp_path: Path):
    with errands(tmp_path, {"create endpoint/credit": ["quota"]}) as made:
        made.endpoint("create", "credit", "--auth-mode", "key")
        until(lambda: made.state() == "Failed")
        made.endpoint("delete", "credit", "--yes")
        made.mlops("online-endpoint", "show", "-n", "credit", code=1)


def test_to_delete_what_was_cut_off_settles_it(making: Errands):
    (worker,) = making.workers()
    worker.kill()
    until(lambda: not making.busy())
    making.mlops("online-endpoint", "delete", "-n", "credit", "--yes")
    making.mlops("online-endpoint", "show", "-n", "credit", code=1)


def test_a_worker_whom_nobody_waits_for_does_nothing(gated: Errands):
    reading, writing = os.pipe()
    os.close(reading)
    argv = [MLOPS, "online-endpoint", "create", "-n", "credit", "-f", FILE, "--no-wait"]
    env = environ(**gated.variables, MLOPS_WORKER="1")
    subprocess.run(argv, cwd=gated.repo.folder, env=env, stdout=writing, check=False, timeout=PATIENCE_S)
    os.close(writing)
    assert gated.files("0*") == []
    assert gated.steps() == []


def test_a_guard_refuses_at_once(tmp_path: Path):
    with errands(tmp_path, {}, ", protect: [endpoint/credit]") as made:
        made.mlops("online-endpoint", "create", "-n", "credit", "--auth-mode", "key")
        assert "protect" in made.endpoint("delete", "credit", "--yes", code=REFUSED).err
        assert made.state() == "Succeeded"


def test_what_cannot_be_written_down_is_refused(gated: Errands):
    gated.mlops("status")
    gated.repo.write(".mlops/operations", "in the way")
    assert "the system refuses" in gated.endpoint("create", "credit", "--auth-mode", "key", code=1).err
    assert gated.repo.mlops("history", **gated.variables).out.startswith("Nothing was run")


def test_a_script_that_captures_the_output_is_not_held_up(gated: Errands):
    script = f'out=$({MLOPS} online-endpoint create -n credit -f {FILE} --no-wait 2>&1); echo "got $out"'
    environment = environ(**gated.variables)
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=gated.repo.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    assert done.stdout.startswith("got Under way")
    gated.begun()


def test_whoever_looks_meanwhile_sees_a_command_that_waits_as_well(gated: Errands):
    with gated.repo.started("online-endpoint", "create", "-n", "credit", "-f", FILE, **gated.variables) as waiting:
        gated.begun()
        assert gated.state() == "Creating"
        gated.open_gate()
        waiting.communicate(timeout=PATIENCE_S)


def test_the_files_of_an_operation_are_for_its_owner_alone(making: Errands):
    folder = making.repo.folder / ".mlops" / "operations"
    modes = {path.name: path.stat().st_mode & 0o777 for path in (folder, folder / "dev")}
    assert modes == {"operations": 0o700, "dev": 0o700}
    assert {file.stat().st_mode & 0o777 for file in making.files("0*")} == {0o600}
