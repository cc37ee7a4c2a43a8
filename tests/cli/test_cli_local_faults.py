"""Deployments that fail, hang or crash behind a local target: who serves meanwhile, what is told, how it goes on."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from command_line import LOCAL, Repository

from tests.constant_load import Load
from tests.waiting import until

GREEN = "def init(): pass\n\n\ndef run(raw_data): return 'green'\n"
# As soon as it is asked its process is gone.
CRASHING = (
    "import os\n\n\ndef init(): pass\n\n\ndef run(raw_data):\n    print('out of memory', flush=True)\n    os._exit(7)\n"
)
ROLLOUT = """policies:
  endpoint/credit:
    rollout: {steps: [10, 100], pause: 1h, gates: {}}
"""


def local_with(option: str) -> str:
    return LOCAL.replace("default: true", f"default: true, {option}")


@contextmanager
def asked(repository: Repository) -> Iterator[Load]:
    """Clients that ask endpoint credit all the time."""
    uri = repository.mlops("show", "endpoint/credit").json["scoring_uri"]
    key = repository.mlops("credentials", "credit").json["primaryKey"]
    with Load(uri, key, kept=1, fresh=0) as load:
        yield load


def traffic(repository: Repository) -> dict[str, int]:
    found: dict[str, int] = repository.mlops("show", "endpoint/credit").json["traffic"]
    return found


def converged(repository: Repository) -> bool:
    """Whether the record equals what is live, and nothing is left to do."""
    repository.mlops("drift", "--detailed-exitcode", code=0)
    return repository.mlops("plan", "--detailed-exitcode", code=0).out.startswith("No changes.")


def test_f13_a_deployment_that_fails_leaves_the_traffic_shows_its_log_and_is_mended_by_one_more_apply(
    local: Repository,
):
    local.apply()
    local.edit("manifests/src/score.py", 'logging.info("the model is read")', 'raise ValueError("no such model")')
    with asked(local) as load:
        failed = local.apply(code=5)
    assert (load.lost, load.said()) == ([], {b'"blue"'})
    assert "deployment/credit/blue: init() failed (exit code 3)" in failed.out
    assert "    | ValueError: no such model" in failed.out
    assert local.steps() == ["roll_out deployment/credit/blue"]
    local.edit("manifests/src/score.py", 'raise ValueError("no such model")', "pass")
    local.edit("manifests/src/score.py", 'return "blue"', 'return "bluer"')
    local.apply()
    assert local.mlops("invoke", "credit").out == '"bluer"\n'
    assert converged(local)


def test_f13_a_new_deployment_that_fails_gets_no_traffic(two: Repository):
    two.write(
        "manifests/green/score.py", "def init(): raise ValueError('no such model')\n\n\ndef run(raw_data): pass\n"
    )
    with asked(two) as load:
        failed = two.apply(code=5)
    assert (load.lost, load.said()) == ([], {b'"blue"'})
    assert "    | ValueError: no such model" in failed.out
    assert "route endpoint/credit: skipped" in failed.out
    assert traffic(two) == {"blue": 100}
    two.write("manifests/green/score.py", GREEN)
    two.apply()
    assert traffic(two) == {"blue": 90, "green": 10}
    assert converged(two)


def test_f14_a_deployment_that_never_gets_ready_is_given_up_and_the_former_version_serves(local: Repository):
    local.write("mlops.yaml", local_with("local: {ready_seconds: 5}"))
    local.apply()
    waiting = "import time\n        print('waits for godot', flush=True)\n        time.sleep(600)"
    local.edit("manifests/src/score.py", 'logging.info("the model is read")', waiting.replace("    " * 2, "    "))
    with asked(local) as load:
        failed = local.apply(code=5)
    assert (load.lost, load.said()) == ([], {b'"blue"'})
    assert "deployment/credit/blue: not ready after 5 s; init() may be waiting for something" in failed.out
    assert "    | waits for godot" in failed.out
    local.edit("manifests/src/score.py", "time.sleep(600)", "pass")
    local.apply()
    assert converged(local)


@pytest.fixture
def two(local: Repository) -> Repository:
    """Deployment blue serves; deployment green, which crashes when it is asked, is to get a tenth of its traffic."""
    local.apply()
    local.write("manifests/green.yml", local.read("manifests/blue.yml").replace("blue", "green"))
    local.edit("manifests/green.yml", "code: src", "code: green")
    local.write("manifests/green/score.py", CRASHING)
    local.edit("manifests/endpoint.yml", "blue: 100", "blue: 90\n  green: 10")
    return local


@pytest.mark.parametrize("policy", ["", ROLLOUT], ids=["at once", "by rollout"])
def test_f15_a_version_that_crashes_under_its_first_traffic_fails_the_apply_and_the_traffic_goes_back(
    two: Repository, policy: str
):
    two.write("mlops.yaml", local_with("gateway: {watch_seconds: 60}") + policy)
    if policy:
        two.edit("manifests/endpoint.yml", "blue: 90\n  green: 10", "green: 100")
    with asked(two) as load:
        failed = two.apply(code=5)
    assert load.lost
    assert traffic(two) == {"blue": 100}
    with asked(two) as after:
        after.go_on(20)
    assert (after.lost, after.said()) == ([], {b'"blue"'})
    told = r"green did not hold out under its traffic: .*\w+ exit code 7; the traffic is as it was before"
    assert re.search(told, failed.out), failed.out
    assert "    | " in failed.out
    assert "out of memory" in failed.out
    assert "scale deployment/credit/green" in two.steps()
    assert "route endpoint/credit" in two.steps()
    two.write("manifests/green/score.py", GREEN)
    two.write("mlops.yaml", LOCAL)
    two.apply()
    assert converged(two)


def test_f15_a_version_that_crashes_later_is_drift(two: Repository):
    two.write("mlops.yaml", local_with("gateway: {watch_seconds: 0}"))
    two.apply()
    with asked(two):
        until(lambda: "lost_instances: " in two.mlops("drift").out)
    two.mlops("drift", "--detailed-exitcode", code=2)
    assert "scale deployment/credit/green (an instance was lost)" in two.mlops("plan").out


def test_f15_a_version_that_crashes_on_its_way_leads_a_rollout_back(two: Repository):
    two.write("mlops.yaml", local_with("gateway: {watch_seconds: 0}") + ROLLOUT)
    two.edit("manifests/endpoint.yml", "blue: 90\n  green: 10", "green: 100")
    two.apply()
    assert traffic(two) == {"blue": 90, "green": 10}
    with asked(two) as load:
        until(lambda: traffic(two) == {"blue": 100})
        load.go_on(20)
    drifted = two.mlops("drift", "--detailed-exitcode", code=2).out
    assert "roll-out returned: at 10 %, instances lost: green" in drifted
    two.write("manifests/green/score.py", GREEN)
    two.write("mlops.yaml", LOCAL)
    two.apply()
    assert traffic(two) == {"green": 100}
    assert converged(two)


# Ends in init() once two instances of it have begun.
THIRD_FAILS = """from pathlib import Path


def init():
    begun = Path({begun!r})
    with begun.open("a") as file:
        file.write("x")
    if len(begun.read_text()) > 2:
        raise ValueError("no room for a third")


def run(raw_data):
    return "new"
"""


def test_f16_a_rolling_update_whose_third_of_ten_fails_stops_and_all_ten_serve_as_before(local: Repository):
    local.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 10")
    local.apply()
    before = instances(local)
    serving = local.read("manifests/src/score.py")
    local.write("manifests/src/score.py", THIRD_FAILS.format(begun=str(local.folder / "begun")))
    with asked(local) as load:
        failed = local.apply(code=5)
        # The fourth starts beside the third, and may be told to stop before it has begun.
        assert (local.folder / "begun").read_text() in ("xxx", "xxxx")
        load.go_on(20)
    assert load.lost == []
    assert "wave 2 of 5 failed; the former version serves as before" in failed.out
    assert "    | ValueError: no room for a third" in failed.out
    assert len(before & instances(local)) == 8
    assert len(instances(local)) == 10
    assert local.steps() == ["roll_out deployment/credit/blue"]
    local.write("manifests/src/score.py", serving.replace('"blue"', '"new"'))
    local.apply()
    assert len(instances(local)) == 10
    assert local.mlops("invoke", "credit").out == '"new"\n'
    assert converged(local)


def instances(repository: Repository) -> set[str]:
    """The names of the instances of deployment blue that serve."""
    found = repository.mlops("show", "deployment/credit/blue").json["instances"]
    return {each["name"] for each in found if each["state"] == "running"}
