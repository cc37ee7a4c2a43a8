"""Which instances get requests: as their readiness probe says, and never none of those that pass it."""

from collections import Counter

from gateway_world import Model, World

from reconciler.gateway.values import Backend, Deployment, Endpoint, Probe
from tests.waiting import until

QUICK = Probe(period_s=0.1, timeout_s=5, failure_threshold=3)


def serve(world: World, *models: Model, probe: Probe = QUICK) -> None:
    blue = Deployment("blue", tuple(each.backend() for each in models), max_concurrent=100, readiness=probe)
    world.serve(Endpoint("credit", (), {"blue": 100}, (blue,)))


def healthy(world: World) -> frozenset[str]:
    return world.admin.healthy("credit/blue")


def asked(world: World, count: int = 40) -> Counter[str]:
    return Counter(world.ask(method="GET").body["model"] for _ in range(count))


def test_an_instance_that_fails_its_probe_is_taken_out_and_comes_back(world):
    one, two = world.model("one"), world.model("two")
    serve(world, one, two)
    until(lambda: healthy(world) == {"one", "two"})
    one.health = 500
    until(lambda: healthy(world) == {"two"})
    assert set(asked(world)) == {"two"}
    one.health = 200
    until(lambda: healthy(world) == {"one", "two"})
    assert set(asked(world)) == {"one", "two"}


def test_an_instance_is_out_after_as_many_failures_as_its_probe_says_and_no_fewer(world):
    one, two = world.model("one"), world.model("two")
    serve(world, one, two, probe=Probe(period_s=0.1, timeout_s=5, failure_threshold=10_000))
    until(lambda: healthy(world) == {"one", "two"})
    one.health, one.probes = 503, 0
    until(lambda: one.probes > 30)
    assert healthy(world) == {"one", "two"}
    serve(world, one, two, probe=Probe(period_s=0.1, timeout_s=5, failure_threshold=2))
    until(lambda: healthy(world) == {"two"})


def test_an_instance_comes_back_after_as_many_successes_as_its_probe_says(world):
    one, two = world.model("one"), world.model("two")
    serve(world, one, two, probe=Probe(period_s=0.1, timeout_s=5, success_threshold=20, failure_threshold=1))
    until(lambda: healthy(world) == {"one", "two"})
    one.health = 500
    until(lambda: healthy(world) == {"two"})
    one.health, one.probes = 200, 0
    until(lambda: healthy(world) == {"one", "two"})
    assert one.probes >= 20


def test_an_instance_that_is_not_up_is_asked_often_whatever_its_probes_period(world):
    model = world.model("one")
    model.health = 503
    serve(world, model, probe=Probe(period_s=3600, failure_threshold=30))
    until(lambda: model.probes > 20)
    model.health = 200
    until(lambda: world.ask().status == 200)


def test_an_instance_that_is_added_under_load_is_asked_often_too(world):
    one, two = world.model("one"), world.model("two")
    two.health = 503
    slow = Probe(period_s=3600, failure_threshold=30)
    serve(world, one, probe=slow)
    with world.load() as statuses:
        serve(world, one, two, probe=slow)
        until(lambda: two.probes > 20)
        two.health = 200
        until(lambda: healthy(world) == {"one", "two"})
    assert set(statuses) == {200}


def test_an_instance_that_is_up_is_asked_as_seldom_as_its_probe_says(world):
    model = world.model("one")
    serve(world, model, probe=Probe(period_s=3600))
    until(lambda: healthy(world) == {"one"})
    model.probes = 0
    asked(world, 200)
    assert model.probes == 0


def test_the_probe_asks_on_its_own_path(world):
    model = world.model("one")
    model.health = 500
    serve(world, model, probe=Probe("/v1/health", period_s=0.1))
    until(lambda: healthy(world) == {"one"})
    assert set(model.received) == {"/v1/health"}


def test_instances_that_take_no_connection_are_never_all_left_out(world):
    """The last one is asked on, so that it serves again at once; it comes back before any probe could tell."""
    one, two = world.model("one"), world.model("two")
    blue = tuple(each.backend() for each in (one, two))
    for each in (one, two):
        each.stop()
    world.models.clear()
    slow = Deployment("blue", blue, max_concurrent=100, readiness=Probe(period_s=3600, failure_threshold=30))
    open_ = Endpoint("credit", (), {"blue": 100}, (slow,))
    one, two = world.model("one"), world.model("two")
    world.serve(open_)
    until(lambda: healthy(world) == {"one", "two"})
    for each in (one, two):
        each.stop()
    world.models.clear()
    assert {world.ask().status for _ in range(20)} == {503}
    # The one that is out is let in again after a second, until it is asked.
    until(lambda: world.ask().status == 503 and len(ejected(world)) == 1)
    world.model("one"), world.model("two")
    until(lambda: world.ask().status == 200)


def ejected(world: World) -> list[str]:
    found = world.admin._get("/clusters?format=json")["cluster_statuses"]
    hosts = next(each for each in found if each["name"] == "credit/blue")["host_statuses"]
    return [each["hostname"] for each in hosts if each["health_status"].get("failed_outlier_check")]


def test_an_only_instance_is_never_left_out(world):
    model = world.model("one")
    serve(world, model, probe=Probe(period_s=3600, failure_threshold=30))
    until(lambda: healthy(world) == {"one"})
    model.stop()
    world.models.clear()
    assert {world.ask().status for _ in range(10)} == {503}
    assert healthy(world) == {"one"}
    world.model("one")
    assert world.ask().status == 200


def test_an_instance_that_died_is_left_out_and_comes_back_without_its_probe(world):
    one, two = world.model("one"), world.model("two")
    serve(world, one, two, probe=Probe(period_s=3600, failure_threshold=30))
    until(lambda: healthy(world) == {"one", "two"})
    one.stop()
    del world.models["one"]
    assert {world.ask().status for _ in range(20)} == {200}
    # It is let in again after a second, until it is asked.
    until(lambda: world.ask().status == 200 and healthy(world) == {"two"})
    world.model("one")
    until(lambda: healthy(world) == {"one", "two"})
    assert set(asked(world)) == {"one", "two"}


def test_backends_may_listen_on_a_port(world):
    nobody = Deployment("blue", (Backend("blue", "127.0.0.1:1"),))
    world.serve(Endpoint("credit", (), {"blue": 100}, (nobody,)))
    assert world.ask().status == 503
