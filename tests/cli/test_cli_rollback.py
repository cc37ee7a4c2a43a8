"""A rollback on the command line, and on a target that serves: the old answer comes again, of content that is gone."""

from command_line import MEMORY, Repository, model

ANSWERING = """import os
from pathlib import Path


def init():
    global answer
    (file,) = Path(os.environ["AZUREML_MODEL_DIR"]).rglob("weights-*.txt")
    answer = file.read_text().strip()


def run(raw_data):
    return f"{WORD} {answer}"


WORD = "first"
"""


def scaled(repo: Repository) -> None:
    repo.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    repo.apply()


def test_the_plan_alone_is_shown_and_then_done_and_git_still_to_be_turned_back_is_told(applied: Repository):
    scaled(applied)
    shown = applied.mlops("rollback", "--plan-only")
    (first,) = [run["id"] for run in applied.mlops("history", "--format", "json").json["runs"][1:]]
    said = f"#1 ~ scale deployment/credit/blue (instance_count changed; rolled back, as run {first[:12]} left it)"
    assert said in shown.out
    assert f"The target becomes as run {first[:12]} left it, by what was recorded." in shown.err
    assert applied.live()["deployment/credit/blue"]["instance_count"] == 2
    done = applied.mlops("rollback", "--auto-approve")
    assert "the files in git still say what was rolled back" in done.err
    assert applied.live()["deployment/credit/blue"]["instance_count"] == 1
    last = applied.mlops("history", "--format", "json").json["runs"][0]
    assert (last["command"], last["outcome"], last["back_to"]) == ("mlops rollback", "succeeded", first)


def test_nobody_is_asked_where_there_is_no_terminal_and_nothing_is_done(applied: Repository):
    scaled(applied)
    assert "say --auto-approve if you mean it" in applied.mlops("rollback", code=4).err
    assert applied.live()["deployment/credit/blue"]["instance_count"] == 2


def test_a_run_that_is_not_there_is_told(applied: Repository):
    assert "target dev has no run zzzz; `mlops history --target dev`" in applied.mlops("rollback", "zzzz", code=1).err
    assert "write at least 4 characters of its id" in applied.mlops("rollback", "1", code=1).err


def test_a_rollback_takes_the_place_of_no_plan_in_a_comment(applied: Repository):
    scaled(applied)
    words = ("rollback", "--plan-only", "--format", "markdown")
    assert applied.mlops(*words).out.splitlines()[:2] == [
        "<!-- mlops:rollback target=dev -->",
        "### mlops rollback: `dev`",
    ]


def test_a_rollback_ends_in_its_own_word_in_every_form(applied: Repository):
    scaled(applied)
    forms = ("text", "markdown", "html", "prometheus")
    reports = [word for form in forms for word in ("--report", f"{form}={applied.folder / form}")]
    assert applied.mlops("rollback", "--auto-approve", *reports).out.endswith("Rollback: 1 succeeded.\n")
    assert applied.read("text") == "Rollback: 1 succeeded.\n"
    assert "\nRollback: 1 succeeded.\n" in applied.read("markdown")
    assert '<p class="kind">mlops rollback</p>' in applied.read("html")
    assert 'mlops_last_run_exit_code{target="dev",command="rollback"} 0' in applied.read("prometheus")
    assert 'command="apply"' not in applied.read("prometheus")
    first = applied.mlops("history", "--format", "json").json["runs"][0]["id"]
    nothing = applied.mlops("rollback", first, "--auto-approve").out
    assert nothing == "No changes. 4 resources are as they were (target dev).\n"


def test_what_cannot_be_by_a_commit_is_refused(applied: Repository):
    scaled(applied)
    said = applied.mlops("rollback", "--from", "commit", "--auto-approve", code=4).err
    assert "E-ROLLBACK" in said
    assert "was of no commit" in said


def test_history_and_rollback_are_those_of_a_record_that_was_moved(applied: Repository):
    scaled(applied)
    applied.mlops("state", "export", "record.json")
    applied.write("mlops.yaml", MEMORY.replace("file: live.jsonl", "file: live.jsonl, state: .mlops/moved.db"))
    key = applied.folder / ".mlops" / "state.key"
    key.with_name("moved.key").write_bytes(key.read_bytes())
    applied.mlops("state", "import", "record.json")
    applied.mlops("rollback", "--auto-approve")
    assert applied.live()["deployment/credit/blue"]["instance_count"] == 1


def test_a_model_and_code_that_are_in_no_tree_and_no_commit_serve_again(local: Repository):
    local.write("manifests/src/score.py", ANSWERING)
    local.apply()
    local.write("request.json", "{}")
    asked = ("invoke", "credit", "--request-file", "request.json")
    assert "first 1" in local.mlops(*asked).out
    for name in ("risk-1.yml", "weights-1.txt"):
        local.remove(f"manifests/{name}")
    local.write("manifests/risk-2.yml", model(2))
    local.write("manifests/weights-2.txt", "2\n")
    local.edit("manifests/blue.yml", "azureml:risk:1", "azureml:risk:2")
    local.edit("manifests/src/score.py", '"first"', '"second"')
    local.apply()
    assert "second 2" in local.mlops(*asked).out
    local.mlops("rollback", "--auto-approve")
    assert "first 1" in local.mlops(*asked).out
    assert local.mlops("drift", "--detailed-exitcode").code == 0
