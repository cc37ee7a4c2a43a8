"""The history of a target on the command line: what ran, and what each run did."""

from command_line import Repository


def test_history_tells_each_run_with_its_commit_and_that_it_was_dirty(repo: Repository):
    repo.git("init", "-q", "-b", "main")
    repo.git("add", ".")
    repo.git("commit", "-qm", "first")
    repo.apply()
    repo.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    repo.apply()
    last, first = repo.mlops("history", "--format", "json").json["runs"]
    assert (first["outcome"], first["branch"], first["dirty"], first["steps"]) == ("succeeded", "main", False, 5)
    assert (last["command"], last["dirty"], last["steps"], last["commit"]) == ("mlops apply", True, 1, first["commit"])
    assert f"{last['commit'][:12]} (dirty) on main, plan {last['plan_digest'][:12]}" in repo.mlops("history").out


def test_a_run_is_shown_with_what_it_changed(applied: Repository):
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    applied.apply()
    said = applied.mlops("history", "show", "last").out
    assert "#1 ~ scale deployment/credit/blue: succeeded" in said
    assert "instance_count  1 -> 2" in said
    run = applied.mlops("history", "show", "last", "--format", "json").json
    assert run["operations"][0]["fields"] == [{"path": "instance_count", "before": 1, "after": 2}]
    assert "no run zzzz" in applied.mlops("history", "show", "zzzz", code=1).err


def test_runs_are_forgotten_and_what_was_freed_is_told(applied: Repository):
    for count in (2, 3):
        applied.edit("manifests/blue.yml", f"instance_count: {count - 1}", f"instance_count: {count}")
        applied.apply()
    said = applied.mlops("history", "prune", "--keep", "2", "--dry-run").out
    assert said.startswith("Would forget: 1 run (begun 20")
    assert "2 kept; 0 contents of 0 bytes" in said
    assert "say --auto-approve if you mean it" in applied.mlops("history", "prune", "--keep", "2", code=4).err
    applied.mlops("history", "prune", "--keep", "2", "--auto-approve")
    assert len(applied.mlops("history", "--format", "json").json["runs"]) == 2
    assert applied.mlops("drift", "--detailed-exitcode").code == 0
    applied.mlops("state", "verify")
    assert "say what to keep" in applied.mlops("history", "prune", code=1).err
