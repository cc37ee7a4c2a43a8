"""The swarm replaces instances in waves, the gateway follows each, and a version that fails is taken back."""

import pytest
from docker_world import ENDPOINT, Load, answering
from swarm_world import BLUE, SwarmWorld

from reconciler.errors import ProviderError
from reconciler.providers.docker.swarm import Swarm
from reconciler.providers.docker.swarm_waiting import RolledBackError, Waiting
from reconciler.providers.hosting.objects import Objects

PATIENT = {"request_timeout_ms": 30_000, "max_concurrent_requests_per_instance": 8, "max_queue_wait_ms": 30_000}
FAILING = "def init(): raise ValueError('no more of these')\ndef run(raw_data): return 'new'\n"
HANGING = "import time\ndef init(): time.sleep(1000)\ndef run(raw_data): return 'new'\n"


def version(world: SwarmWorld, script: str, count: int = 5):
    return world.deployment(script, instance_count=count, request_settings=PATIENT)


@pytest.fixture
def five(swarm: SwarmWorld) -> SwarmWorld:
    """Five instances that answer `old`, to which all traffic goes."""
    swarm.do("create", "endpoint/credit", ENDPOINT)
    swarm.do("create", str(BLUE), version(swarm, answering("old")))
    swarm.route(blue=100)
    return swarm


@pytest.fixture
def one(swarm: SwarmWorld) -> SwarmWorld:
    """One instance that answers `old`, to which all traffic goes."""
    swarm.do("create", "endpoint/credit", ENDPOINT)
    swarm.do("create", str(BLUE), version(swarm, answering("old"), 1))
    swarm.route(blue=100)
    return swarm


def test_under_load_one_at_a_time_is_replaced_and_no_request_is_lost(five, monkeypatch):
    counts, look = [], Swarm.look

    def counting(swarm):
        found = look(swarm)
        counts.append(len(found.serving(BLUE)))
        return found

    five.reports.clear()
    with Load(five) as load:
        monkeypatch.setattr(Swarm, "look", counting)
        five.do("roll_out", str(BLUE), version(five, answering("new")))
        load.go_on(50)
    assert load.lost == []
    assert load.said() == {b'"old"', b'"new"'}
    assert set(counts) == {5}
    assert [line for line in five.reports if "replaced" in line] == [f"{n} of 5 instances replaced" for n in range(6)]
    assert five.service()["Spec"]["UpdateConfig"]["Parallelism"] == 1
    live = five.live(str(BLUE))
    assert (live.status, live.detail["ready"], "mixed_instances" in live.spec) == ("Succeeded", 5, False)
    assert "lost_instances" not in live.spec


def test_a_version_that_fails_is_taken_back_by_the_swarm_and_no_request_is_lost(five):
    before = five.live(str(BLUE)).spec
    with (
        Load(five) as load,
        pytest.raises(ProviderError, match=r"init\(\) failed \(exit code 3\); wave 1 of 5 failed") as caught,
    ):
        five.do("roll_out", str(BLUE), version(five, FAILING))
    assert "0 of 5 instances were replaced by then" in str(caught.value)
    assert "the former version serves as before; correct the files and apply again" in str(caught.value)
    assert "no more of these" in "\n".join(caught.value.log_tail)
    assert load.lost == []
    assert load.said() == {b'"old"'}
    live = five.live(str(BLUE))
    assert (live.spec, live.status, live.detail["ready"]) == (before, "Succeeded", 5)


def test_a_version_that_never_gets_ready_is_taken_back_after_the_deadline(one):
    one.switch(mode="swarm", docker={"ready_seconds": 3})
    with pytest.raises(ProviderError, match=r"not ready after 3 s; init\(\) may be waiting for something; the former"):
        one.do("roll_out", str(BLUE), version(one, HANGING, 1))
    assert one.score() == "old"
    live = one.live(str(BLUE))
    assert (live.status, live.detail["ready"]) == ("Succeeded", 1)


def test_one_instance_is_replaced_without_losing_a_request_as_the_gateway_follows_at_once(swarm):
    # It serves on for that long after it was told to stop, however much comes: less than the swarm watches the new one.
    hasty = {"environment_variables": {"MLOPS_DRAIN_SECONDS": "3"}}
    swarm.do("create", "endpoint/credit", ENDPOINT)
    swarm.do("create", str(BLUE), {**version(swarm, answering("old"), 1), **hasty})
    swarm.route(blue=100)
    with Load(swarm) as load:
        swarm.do("roll_out", str(BLUE), {**version(swarm, answering("new"), 1), **hasty})
        load.go_on(50)
    assert load.lost == []
    assert swarm.score() == "new"


def test_scaling_down_under_load_loses_no_request(five):
    with Load(five) as load:
        five.do("scale", str(BLUE), version(five, answering("old"), 2))
        load.go_on(50)
    assert load.lost == []
    assert five.live(str(BLUE)).detail["ready"] == 2


def test_what_a_cut_off_roll_out_has_begun_the_swarm_ends_and_the_next_run_finds(one, monkeypatch):
    def cut_off(waiting, wanted, report):
        raise KeyboardInterrupt

    updated = Waiting.updated
    monkeypatch.setattr(Waiting, "updated", cut_off)
    with pytest.raises(KeyboardInterrupt):
        one.do("roll_out", str(BLUE), version(one, answering("new"), 1))
    monkeypatch.setattr(Waiting, "updated", updated)
    assert Objects(one.layout.folder).held(BLUE).status == "Updating"
    one.provider.close()
    one.provider = one.opened()
    one.provider.fence(BLUE, 3)
    assert Objects(one.layout.folder).held(BLUE).status in ("Succeeded", "Updating")
    one.do("roll_out", str(BLUE), version(one, answering("new"), 1))
    assert one.score() == "new"
    assert one.live(str(BLUE)).status == "Succeeded"


def test_a_service_that_somebody_removed_is_made_again(one):
    one.api.remove_service(one.service()["ID"])
    assert one.live(str(BLUE)).detail["ready"] == 0
    one.do("scale", str(BLUE), version(one, answering("old"), 1))
    assert one.score() == "old"


def test_what_a_create_that_was_killed_left_behind_is_removed(swarm, monkeypatch):
    class KilledError(BaseException):
        pass

    def killed(*_):
        raise KilledError

    swarm.do("create", "endpoint/credit", ENDPOINT)
    monkeypatch.setattr(Waiting, "started", killed)
    monkeypatch.setattr("reconciler.providers.docker.swarm_deployments.SwarmDeployments._give_up", lambda *_: None)
    with pytest.raises(KilledError):
        swarm.do("create", str(BLUE), swarm.deployment(answering("old")))
    assert len(swarm.services()) == 1
    swarm.provider.fence(BLUE, 5)
    assert swarm.left() == []
    assert Objects(swarm.layout.folder).held(BLUE).status == "Failed"


def test_an_update_that_the_swarm_took_back_over_an_engine_that_was_busy_is_tried_again(one, monkeypatch):
    updated, tries = Waiting.updated, []

    def busy_once(waiting, wanted, report):
        tries.append(wanted)
        if len(tries) == 1:
            raise RolledBackError("the swarm says: device or resource busy", 0, (), hiccup=True)
        updated(waiting, wanted, report)

    monkeypatch.setattr(Waiting, "updated", busy_once)
    one.do("roll_out", str(BLUE), version(one, answering("new"), 1))
    assert one.score() == "new"
    assert "the swarm says: device or resource busy; trying again" in one.reports
