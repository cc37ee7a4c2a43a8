"""How many requests a deployment takes, and what becomes of one too many.

The scoring server runs so many requests, holds back as many, and refuses the next at once; these models do the same.
"""

import pytest
from gateway_world import Model, World

from reconciler.gateway.values import Deployment, Endpoint
from tests.waiting import until

FULL = ("ms-azureml-model-error-reason", "too_many_pending_request")
SIZES = [(instances, running) for instances in (1, 2, 3) for running in (1, 2)]


def serve(world: World, instances: int, running: int) -> list[Model]:
    """A deployment whose instances hold requests back themselves; the models that are behind it."""
    models = [world.model(f"blue-{n}", takes=2 * running) for n in range(instances)]
    backends = tuple(each.backend() for each in models)
    blue = Deployment("blue", backends, max_concurrent=running, queues=True, timeout_ms=60_000)
    world.serve(Endpoint("credit", (), {"blue": 100}, (blue,)))
    until(lambda: len(world.admin.healthy("credit/blue")) == instances)
    return models


def in_flight(models: list[Model]) -> int:
    return sum(each.in_flight for each in models)


def release(models: list[Model]) -> None:
    for each in models:
        each.hold.set()


@pytest.mark.parametrize(("instances", "running"), SIZES)
def test_a_burst_of_all_that_is_taken_is_not_refused_by_an_idle_proxy(world, instances, running):
    models = serve(world, instances, running)
    most = 2 * instances * running
    with world.burst(most) as burst:
        until(lambda: in_flight(models) == most)
        release(models)
        assert burst.answered(most) == [200] * most


@pytest.mark.parametrize(("instances", "running"), SIZES)
def test_exactly_what_is_too_many_is_refused(world, instances, running):
    models = serve(world, instances, running)
    most, more = 2 * instances * running, 5
    with world.burst(most) as held:
        until(lambda: in_flight(models) == most)
        with world.burst(more) as refused:
            assert refused.answered(more) == [429] * more
        answer = world.ask()
        assert (answer.status, answer.headers[FULL[0]]) == (429, FULL[1])
        assert held.codes == []
        release(models)
        assert held.answered(most) == [200] * most


@pytest.mark.parametrize(("instances", "running"), SIZES)
def test_of_a_burst_exactly_what_is_too_many_is_refused(world, instances, running):
    models = serve(world, instances, running)
    most, more = 2 * instances * running, 5
    with world.burst(most, "warm") as warm:
        warm.answered(most)
    with world.burst(most + more) as burst:
        assert burst.answered(more) == [429] * more
        until(lambda: in_flight(models) == most)
        release(models)
        assert burst.answered(most + more) == [200] * most + [429] * more


def test_there_is_room_again_once_a_request_is_answered(world):
    models = serve(world, 1, 1)
    with world.burst(2) as held:
        until(lambda: in_flight(models) == 2)
        assert world.ask().status == 429
        release(models)
        held.answered(2)
    assert world.ask().status == 200


def test_a_flood_is_refused_by_the_proxy_and_hardly_reaches_the_instances(world):
    models = serve(world, 2, 1)
    flood = 400
    with world.burst(4) as held:
        until(lambda: in_flight(models) == 4)
        with world.burst(flood) as refused:
            assert refused.answered(flood) == [429] * flood
        assert sum(each.refused for each in models) < flood
        release(models)
        assert held.answered(4) == [200] * 4


def test_a_refused_request_was_run_by_no_instance_and_any_other_by_one(world):
    models = serve(world, 3, 1)
    with world.burst(12) as burst:
        assert burst.answered(6) == [429] * 6
        until(lambda: in_flight(models) == 6)
        release(models)
        burst.answered(12)
    assert sum(len(each.received) for each in models) == 6


def test_a_models_own_429_is_a_model_error_and_not_tried_again(world):
    models = serve(world, 3, 1)
    answer = world.ask("/api/v1/endpoint/credit/score?status=429")
    assert (answer.status, answer.headers["ms-azureml-model-error-statuscode"]) == (424, "429")
    assert sum(len(each.received) for each in models) == 1


def test_on_kubernetes_one_too_many_meets_no_capacity(world):
    model = world.model("blue", takes=2)
    blue = Deployment("blue", (model.backend(),), queues=True, timeout_ms=60_000)
    world.serve(Endpoint("credit", (), {"blue": 100}, (blue,), kubernetes=True))
    with world.burst(2):
        until(lambda: model.in_flight == 2)
        assert world.ask().status == 503
        release([model])
