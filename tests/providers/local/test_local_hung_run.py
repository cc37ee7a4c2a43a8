"""A run() that never ends costs its instance, which comes back by itself."""

from local_world import DEPLOYMENT

from tests.waiting import until

BLUE = "deployment/credit/blue"
HANGING = """
import os, threading
def init(): pass
def run(raw_data):
    if 'hang' in raw_data:
        threading.Event().wait()
    return os.getpid()
"""


def test_an_instance_whose_run_hangs_is_started_again_and_answers(world):
    world.endpoint_with()
    quick = {**DEPLOYMENT["request_settings"], "request_timeout_ms": 500}
    world.do("create", BLUE, world.deployment(HANGING, request_settings=quick))
    (hung,) = world.pids(BLUE)
    assert world.score("blue") == hung
    status, _ = world.call("blue", body=b'"hang"')
    assert status == 408
    until(lambda: world.live(BLUE).spec.get("lost_instances") == 1)
    (seen,) = world.live(BLUE).detail["instances"]
    assert seen["last_exit"] == "exit code 4"
    until(lambda: world.call("blue")[0] == 200)
    assert world.score("blue") == world.pids(BLUE)[0] != hung
