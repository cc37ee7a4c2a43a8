"""`--no-wait` on processes that really serve: a script that makes two deployments, polls both, and deletes one."""

from command_line import Ran, Repository

from tests.waiting import until

POLL = ("--query", "provisioning_state", "-o", "tsv")
WAITING = """import time
from pathlib import Path


def init():
    deadline = time.monotonic() + 120
    while not Path({go!r}).exists() and time.monotonic() < deadline:
        time.sleep(0.02)


def run(raw_data):
    return "green"
"""
BROKEN = """import os


def init():
    print("no weights today", flush=True)
    os._exit(9)


def run(raw_data):
    return 1
"""


def deployment(repo: Repository, verb: str, name: str, *words: str) -> Ran:
    return repo.mlops("online-deployment", verb, "-n", name, "-e", "credit", *words)


def states(repo: Repository, *names: str) -> list[str]:
    return [deployment(repo, "show", name, *POLL).out.strip() for name in names]


def test_two_deployments_are_made_one_after_the_other_and_one_is_deleted(local: Repository):
    local.mlops("online-endpoint", "create", "-n", "credit", "--auth-mode", "key")
    for name in ("risk-1", "sklearn"):
        local.apply(f"manifests/{name}.yml")
    local.write("manifests/green/score.py", WAITING.format(go=str(local.folder / "go")))
    green = local.read("manifests/blue.yml").replace("blue", "green").replace("code: src", "code: green")
    local.write("manifests/green.yml", green)
    deployment(local, "create", "green", "-f", "manifests/green.yml", "--no-wait")
    deployment(local, "create", "blue", "-f", "manifests/blue.yml", "--no-wait", "--all-traffic")
    assert states(local, "blue", "green") == ["Creating", "Creating"]
    assert deployment(local, "show", "green").json["instance_count"] == 1
    local.remove("manifests/green/score.py")
    local.write("manifests/src/score.py", BROKEN)
    local.write("go", "")
    until(lambda: states(local, "blue", "green") == ["Succeeded", "Succeeded"], patience_s=120)
    assert local.mlops("invoke", "credit").out == '"blue"\n'
    deployment(local, "delete", "green", "--yes", "--no-wait")
    until(lambda: len(local.mlops("online-deployment", "list", "-e", "credit").json) == 1)
    deployment(local, "create", "green", "-f", "manifests/blue.yml", "--no-wait")
    until(lambda: states(local, "green") == ["Failed"], patience_s=120)
    assert "no weights today" in deployment(local, "show", "green").err
    assert local.mlops("invoke", "credit").out == '"blue"\n'
