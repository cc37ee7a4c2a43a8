"""What goes wrong behind the local target's back is seen, and mended by the next step."""

import os
import signal
import socket
from contextlib import suppress

import pytest
from local_world import DEPLOYMENT, ENDPOINT, answering

from reconciler.core.address import Address
from reconciler.core.plan import Operation
from reconciler.errors import ProviderError, TransientError
from reconciler.gateway.admin import Admin
from reconciler.keeper.client import Keeper, SilentKeeperError
from reconciler.providers.hosting.facts import read_facts
from reconciler.providers.hosting.front import Front
from tests.waiting import until

BLUE = Address.parse("deployment/credit/blue")


def keeper_pid(world):
    return Keeper(world.layout.keeper, world.layout.sockets / "keeper.sock").pid()


def kill(pid):
    os.kill(pid, signal.SIGKILL)


def test_a_killed_instance_is_seen_and_the_next_scale_forgets_it(world):
    world.endpoint_with(blue=answering("blue"))
    kill(world.pids("deployment/credit/blue")[0])
    until(lambda: world.live("deployment/credit/blue").spec.get("lost_instances") == 1)
    (seen,) = world.live("deployment/credit/blue").detail["instances"]
    assert seen["last_exit"] == "killed by signal 9 (Killed)"
    spec = world.deployment(answering("blue"))
    world.do("scale", "deployment/credit/blue", spec)
    assert world.live("deployment/credit/blue").spec == spec
    assert world.score("blue") == "blue"


def test_an_instance_that_its_deployment_does_not_name_is_seen_and_the_next_scale_stops_it(world):
    """As an apply leaves it that was killed while it started instances."""
    world.endpoint_with(blue=answering("blue"))
    spec = world.deployment(answering("blue"))
    (serving,) = world.pids("deployment/credit/blue")
    world.provider._deployments.instances.prepare(BLUE, spec, {}, world.operation(str(BLUE)))(1)
    assert world.live(str(BLUE)).spec == {**spec, "stray_instances": 1}
    world.do("scale", str(BLUE), spec)
    assert world.live(str(BLUE)).spec == spec
    assert world.pids(str(BLUE)) == [serving]


def test_an_instance_that_hangs_does_not_count(world):
    world.endpoint_with(blue=answering("blue"))
    pid = world.pids("deployment/credit/blue")[0]
    os.kill(pid, signal.SIGSTOP)
    try:
        assert world.live("deployment/credit/blue").spec["instance_count"] == 0
    finally:
        os.kill(pid, signal.SIGCONT)


def test_an_instance_that_hangs_is_replaced_by_the_next_scale(world):
    world._options["local"] = {"ready_seconds": 20}
    world.provider = world.opened()
    world.endpoint_with()
    # The most that has an instance drained, and killed, as soon as any less.
    quick = {**DEPLOYMENT["request_settings"], "request_timeout_ms": 999}
    spec = world.deployment(answering("blue"), request_settings=quick)
    world.do("create", str(BLUE), spec)
    pid = world.pids(str(BLUE))[0]
    os.kill(pid, signal.SIGSTOP)
    world.do("scale", str(BLUE), spec)
    assert world.live(str(BLUE)).spec == spec
    assert pid not in world.pids(str(BLUE))
    assert world.score("blue") == "blue"


def test_a_port_that_was_taken_while_the_proxy_was_away_is_named_and_then_taken_back(world):
    world.endpoint_with(blue=answering("blue"))
    world.route(blue=100)
    port = read_facts(world.layout.gateway_facts).port
    keeper, proxy = keeper_pid(world), proxy_pid(world)
    os.kill(keeper, signal.SIGSTOP)
    kill(proxy)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        until(lambda: bound(taken, port))
        taken.listen()
        os.kill(keeper, signal.SIGCONT)
        until(lambda: proxy_pid(world) not in (proxy, None) and Admin(world.layout.sockets / "admin.sock").running())
        with pytest.raises(ProviderError, match=f"port {port} .* is taken"):
            world.route(blue=100)
    world.route(blue=100)
    assert world.score() == "blue"


def bound(taken, port):
    with suppress(OSError):
        taken.bind(("127.0.0.1", port))
        return True
    return False


def test_a_fence_clears_away_the_logs_of_instances_that_are_gone(world):
    world.endpoint_with(blue=answering("blue"))
    left = world.layout.logs(BLUE) / "0123456789ab.log.1"
    left.touch()
    world.opened().fence(BLUE, 3)
    assert not left.exists()
    assert len(list(world.layout.logs(BLUE).glob("*.log*"))) == 1


def test_a_weight_changed_in_the_file_is_seen_and_mended(world):
    world.endpoint_with(blue=answering("blue"), green=answering("green"))
    world.route(blue=90, green=10)
    routes = world.layout.gateway / "routes.json"
    edited = routes.read_text().replace('"numerator": 90', '"numerator": 20')
    routes.with_name("edited").write_text(edited)
    routes.with_name("edited").replace(routes)
    assert world.live("endpoint/credit").spec["traffic"] == {"blue": 20, "green": 80}
    world.route(blue=90, green=10)
    assert world.live("endpoint/credit").spec["traffic"] == {"blue": 90, "green": 10}


def test_a_killed_proxy_comes_back_at_its_address(world):
    world.endpoint_with(blue=answering("blue"))
    world.route(blue=100)
    kill(proxy_pid(world))
    world.route(blue=100)
    assert world.score() == "blue"


def proxy_pid(world):
    statuses = Keeper(world.layout.keeper, world.layout.sockets / "keeper.sock").statuses()
    return next(status.pid for status in statuses if status.name == "gateway")


def test_a_keeper_that_was_killed_alone_is_succeeded_by_one_that_adopts(world):
    world.endpoint_with(blue=answering("blue"))
    pids = world.pids("deployment/credit/blue")
    kill(keeper_pid(world))
    until(lambda: keeper_pid(world) is None)
    assert world.pids("deployment/credit/blue") == pids
    assert keeper_pid(world) is not None
    assert world.live("deployment/credit/blue").spec == world.deployment(answering("blue"))


def test_after_a_restart_of_the_machine_nothing_is_ready_and_the_next_step_mends_it(world):
    world.endpoint_with(blue=answering("blue"))
    world.route(blue=100)
    everything = [keeper_pid(world), proxy_pid(world), *world.pids("deployment/credit/blue")]
    for pid in everything:
        kill(pid)
    until(lambda: keeper_pid(world) is None)
    assert world.live("deployment/credit/blue").spec["instance_count"] == 0
    assert world.live("endpoint/credit").spec["traffic"] == {}
    assert keeper_pid(world) is None
    world.do("scale", "deployment/credit/blue", world.deployment(answering("blue")))
    world.route(blue=100)
    assert world.score() == "blue"


def test_an_operation_that_comes_late_is_refused(world):
    world.endpoint_with(blue=answering("blue"))
    world.provider.fence(BLUE, 5)
    with pytest.raises(ProviderError, match="generation 4 is late"):
        world.again("scale", str(BLUE), world.deployment(answering("blue")), Operation("late", "lineage", 4))


def test_the_fence_outlives_the_object(world):
    world.provider.fence(BLUE, 5)
    world.provider = world.opened()
    with pytest.raises(ProviderError, match="late"):
        world.again("create", str(BLUE), world.deployment(answering("blue")), Operation("late", "lineage", 4))


def test_a_state_that_begins_anew_is_not_held_off_by_the_fences_of_the_old(world):
    world.endpoint_with()
    world.do("update", "endpoint/credit", ENDPOINT)
    world.do("delete", "endpoint/credit")
    world.again("create", "endpoint/credit", ENDPOINT, Operation("first", "another", 1))
    assert world.live("endpoint/credit").lineage == "another"


def test_the_same_operation_again_changes_nothing(world):
    world.endpoint_with()
    spec = world.deployment(answering("blue"))
    operation = world.do("create", str(BLUE), spec)
    pids = world.pids(str(BLUE))
    world.again("create", str(BLUE), spec, operation)
    assert world.pids(str(BLUE)) == pids


def test_an_object_of_another_state_is_not_touched(world):
    world.endpoint_with()
    with pytest.raises(ProviderError, match="was not made by this state"):
        world.again("create", "endpoint/credit", ENDPOINT, Operation("x", "another", 9))


def test_a_fence_clears_away_what_a_run_that_was_killed_had_started(world):
    world.endpoint_with(blue=answering("blue"))
    replacing = world.provider._deployments.replacing
    held, half = replacing.objects.held(BLUE), world.deployment(answering("half"))
    replacing._starter(held, half, Operation("cut", "lineage", 2))(1)
    assert len(world.live(str(BLUE)).detail["instances"]) == 2
    world.opened().fence(BLUE, 3)
    assert len(world.live(str(BLUE)).detail["instances"]) == 1
    assert world.score("blue") == "blue"


def test_a_keeper_that_hangs_is_waited_for_once(world, monkeypatch):
    world.endpoint_with(blue=answering("blue"))
    asked, exchange = [], Keeper._exchange
    monkeypatch.setattr(Keeper, "_exchange", lambda *given: asked.append(given[1]["do"]) or exchange(*given))
    world.provider._reading.instances.processes._keeper._answer_timeout_s = 0.3
    pid = keeper_pid(world)
    os.kill(pid, signal.SIGSTOP)
    try:
        for look in (world.provider.list, lambda: world.do("scale", str(BLUE), world.deployment(answering("blue")))):
            asked.clear()
            with pytest.raises(SilentKeeperError):
                look()
            assert asked == ["list"]
    finally:
        os.kill(pid, signal.SIGCONT)
    assert world.score("blue") == "blue"


def test_a_proxy_that_refuses_leaves_the_old_version_serving(world, monkeypatch):
    world.endpoint_with(blue=answering("old"))
    before = world.live(str(BLUE))
    monkeypatch.setattr(Front, "sync", refusing)
    with pytest.raises(ProviderError, match="refused"):
        world.do("roll_out", str(BLUE), world.deployment(answering("new")))
    monkeypatch.undo()
    assert world.live(str(BLUE)) == before
    assert world.score("blue") == "old"


def refusing(_front):
    raise ProviderError("refused")


def test_a_port_that_somebody_else_has_is_named(world):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        world._options["gateway"] = {"port": port}
        world.provider = world.opened()
        with pytest.raises(ProviderError, match=rf"port {port} .* is taken .*`gateway: "):
            world.endpoint_with()
    assert world.provider.list() == []


def test_an_envoy_that_is_not_there_is_named(world):
    world._options["gateway"] = {"envoy": "/no/such/envoy"}
    world.provider = world.opened()
    with pytest.raises(ProviderError, match="/no/such/envoy is not there"):
        world.endpoint_with()


def test_a_deployment_needs_its_endpoint(world):
    with pytest.raises(ProviderError, match="there is no endpoint/credit"):
        world.do("create", str(BLUE), world.deployment(answering("blue")))


def test_traffic_needs_a_deployment_in_service(world):
    world.endpoint_with(blue=answering("blue"))
    with pytest.raises(ProviderError, match="traffic for green"):
        world.route(blue=50, green=50)


def test_a_model_that_is_not_registered_is_named(world):
    world.endpoint_with()
    with pytest.raises(ProviderError, match="model azureml:risk:9 is not registered"):
        world.do("create", str(BLUE), world.deployment(answering("blue"), model="azureml:risk:9"))


def test_an_instance_that_never_gets_ready_is_given_up_and_its_log_shown(world):
    world._options["local"] = {"ready_seconds": 10}
    world.provider = world.opened()
    world.endpoint_with()
    waiting = "import time\nprint('waiting for godot')\ndef init(): time.sleep(60)\ndef run(raw_data): return 1\n"
    with pytest.raises(ProviderError, match=r"not ready after 10 s") as error:
        world.do("create", str(BLUE), world.deployment(waiting))
    assert "waiting for godot" in "\n".join(error.value.log_tail)
    assert world.provider.observe(BLUE) is None


def test_a_line_without_end_is_not_shown_to_its_end(world):
    world.endpoint_with()
    script = "def init():\n    print('x' * 3_000_000)\n    raise ValueError('z' * 3_000)\ndef run(raw_data): return 1\n"
    with pytest.raises(ProviderError) as error:
        world.do("create", str(BLUE), world.deployment(script))
    assert max(map(len, error.value.log_tail)) <= 501
    assert any("ValueError: zzz" in line for line in error.value.log_tail)


def test_an_endpoint_that_is_updated_keeps_its_traffic_and_its_keys(world):
    world.endpoint_with(blue=answering("blue"))
    world.route(blue=100)
    world.do("update", "endpoint/credit", {**ENDPOINT, "tags": {"team": "risk"}})
    assert world.score() == "blue"
    assert world.live("endpoint/credit").spec == {**ENDPOINT, "tags": {"team": "risk"}, "traffic": {"blue": 100}}


def test_an_action_that_a_kind_does_not_have_is_refused(world):
    with pytest.raises(ProviderError, match="a local target has no scale for this kind"):
        world.do("scale", "endpoint/credit", ENDPOINT)


@pytest.mark.parametrize("action", ["create", "roll_out", "scale"])
def test_f09_a_step_that_failed_in_passing_is_done_by_the_same_operation(world, monkeypatch, action):
    world.endpoint_with(**({} if action == "create" else {"blue": answering("blue")}))
    instances, tries = type(world.provider._deployments.instances), []
    wait = instances.await_ready

    def busy_once(self, *arguments):
        tries.append(arguments)
        if len(tries) == 1:
            raise TransientError("503 Service Unavailable")
        wait(self, *arguments)

    monkeypatch.setattr(instances, "await_ready", busy_once)
    count = 2 if action == "scale" else 1
    spec = world.deployment(answering("new" if action == "roll_out" else "blue"), instance_count=count)
    operation = world.operation(str(BLUE))
    with pytest.raises(TransientError, match="503 Service Unavailable"):
        world.again(action, str(BLUE), spec, operation)
    world.again(action, str(BLUE), spec, operation)
    live = world.live(str(BLUE))
    assert (live.spec, live.operation, live.status) == (spec, operation.id, "Succeeded")
    assert len(world.pids(str(BLUE))) == count
    assert world.score("blue") == ("new" if action == "roll_out" else "blue")
