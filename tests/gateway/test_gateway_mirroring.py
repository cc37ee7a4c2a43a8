"""Mirror traffic: copies of requests, whose answers are thrown away and which the live call never feels."""

import json

import pytest
from gateway_world import Model, World
from test_gateway_tokens import GIVEN

from reconciler.gateway.reading import mirror_of
from reconciler.gateway.values import Backend, Deployment, Endpoint
from tests.waiting import until


def credit(world: World, *, share: int = 100, keys: tuple[str, ...] = (), **spec: object) -> Endpoint:
    deployments = (world.deployment("blue"), world.deployment("green", **spec))
    return Endpoint("credit", keys, {"blue": 100}, deployments, mirror={"green": share})


def received(model: Model, count: int) -> list[str]:
    until(lambda: len(model.received) >= count)
    return model.received


def test_each_request_is_answered_by_the_live_deployment_and_copied_with_its_body(world):
    world.serve(credit(world))
    bodies = [b"x" * 10, b"y" * 500_000]
    assert [world.ask(body=body).body["model"] for body in bodies] == ["blue", "blue"]
    assert received(world.models["green"], 2) == ["/score", "/score"]


def test_only_the_share_is_copied(world):
    world.serve(credit(world, share=30))
    count = 1000
    for _ in range(count):
        assert world.ask(method="GET").body["model"] == "blue"
    until(lambda: world.models["green"].in_flight == 0)
    expected, deviation = count * 0.3, (count * 0.3 * 0.7) ** 0.5
    assert abs(len(world.models["green"].received) - expected) < 5 * deviation


def test_pinned_and_refused_and_other_calls_are_not_copied(world):
    world.serve(credit(world, keys=("a-key",)))
    key = {"authorization": "Bearer a-key"}
    assert world.ask(**key, azureml_model_deployment="blue").status == 200
    assert world.ask(**key, azureml_model_deployment="red").status == 404
    assert world.ask(authorization="Bearer b-key").status == 401
    assert world.ask("/api/v1/endpoint/credit/swagger.json", **key).status == 200
    assert world.ask("/api/v1/endpoint/credit/score?last", **key).status == 200
    assert received(world.models["green"], 1) == ["/score?last"]


def test_a_refused_token_is_not_copied(world):
    endpoint = credit(world)
    world.serve(Endpoint("credit", (), endpoint.traffic, endpoint.deployments, GIVEN, endpoint.mirror))
    assert world.ask(authorization="Bearer x").status == 401
    assert world.models["green"].received == []


@pytest.mark.parametrize("size", [2, 3_000_000])
def test_a_mirrored_deployment_that_hangs_slows_no_live_call(world, size):
    """A copy that was waited for would leave no answer before the hanging model is let go, after the last one here."""
    blue, green = world.deployment("blue", timeout_ms=300_000), world.deployment("green", max_concurrent=1)
    world.serve(Endpoint("credit", (), {"blue": 100}, (blue, green), mirror={"green": 100}))
    assert [world.ask("/api/v1/endpoint/credit/score?live", body=b"x" * size).status for _ in range(3)] == [200] * 3
    with world.models["green"].counting:  # every request to it now waits
        assert [world.ask(body=b"x" * size).body["size"] for _ in range(10)] == [size] * 10


def test_a_mirrored_deployment_that_is_dead_costs_no_live_call(world):
    dead = Deployment("green", (Backend("gone", str(world.folder / "gone.sock")),))
    world.serve(Endpoint("credit", (), {"blue": 100}, (world.deployment("blue"), dead), mirror={"green": 100}))
    assert [world.ask().status for _ in range(20)] == [200] * 20
    assert world.ask(azureml_model_deployment="green").status == 503


def test_copies_count_against_no_limit_of_the_live_calls(world):
    world.serve(credit(world, max_concurrent=1, timeout_ms=30_000))
    green = world.models["green"]
    with green.counting:
        assert [world.ask().status for _ in range(10)] == [200] * 10
        live = world.at_once(2, azureml_model_deployment="green")
        shadow, own = (
            "cluster.credit/green/shadow.upstream_rq_active_overflow",
            "cluster.credit/green.upstream_rq_total",
        )
        until(lambda: int(world.admin.stats("credit/green").get(shadow, 0)) > 0)
        until(lambda: int(world.admin.stats("credit/green").get(own, 0)) == 1)
    for client in live:
        client.join()
    assert world.codes == [200, 200]


def test_a_copy_goes_to_the_mirrored_deployments_own_path(world):
    world.serve(credit(world, scoring_path="/v1/predict", own_paths=True))
    for number, path in enumerate(("score", "score?a=1"), 1):
        assert world.ask(f"/api/v1/endpoint/credit/{path}").body["path"] == f"/{path}"
        received(world.models["green"], number)
    assert received(world.models["green"], 2) == ["/v1/predict", "/v1/predict?a=1"]


def test_mirror_traffic_is_read_back_from_the_proxy_and_the_file(world):
    world.serve(credit(world, share=30), Endpoint("empty"))
    for found in (world.files.live_routes(), world.files.traffic_file()):
        assert mirror_of(found) == {"credit": {"green": 30}, "empty": {}}


def test_mirror_traffic_changed_behind_our_back_is_seen(world):
    world.serve(credit(world, share=30))
    document = json.loads(json.dumps(world.files.traffic_file()).replace('"numerator": 30', '"numerator": 45'))
    assert mirror_of(document) == {"credit": {"green": 45}}


def test_a_mirror_is_changed_under_load_without_a_lost_request(world):
    world.serve(credit(world, share=10))
    with world.load() as statuses:
        for share in (0, 100, 50) * 3:
            world.serve(credit(world, share=share))
        world.serve(Endpoint("credit", (), {"blue": 100}, (world.deployment("blue"),)))
    assert set(statuses) == {200}
