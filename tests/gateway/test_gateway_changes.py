"""Bringing the running proxy to another gateway, and reading back what it has in force."""

import contextlib
import socket
import threading
from collections import Counter
from pathlib import Path

import pytest
from gateway_world import World, exchange

from reconciler.errors import ProviderError
from reconciler.gateway.documents import read_resources
from reconciler.gateway.files import Files, write_private
from reconciler.gateway.reading import traffic_of
from reconciler.gateway.values import Backend, Deployment, Endpoint, Gateway, cluster_name
from tests.waiting import until


def credit(world: World, *names: str, **traffic: int) -> Endpoint:
    return Endpoint("credit", (), traffic, tuple(world.deployment(name) for name in names))


def test_a_weight_is_changed_without_a_restart(world):
    world.serve(credit(world, "blue", "green", blue=100))
    pid = world.envoy.pid
    world.serve(credit(world, "blue", "green", blue=0, green=100))
    assert {world.ask().body["model"] for _ in range(20)} == {"green"}
    assert (world.envoy.pid, world.envoy.poll()) == (pid, None)


def test_a_new_deployment_serves_as_soon_as_it_is_applied(world):
    world.serve(credit(world, "blue", blue=100))
    world.serve(credit(world, "blue", "green", green=100))
    assert world.ask().body["model"] == "green"


def test_a_deployment_that_is_gone_leaves_the_proxy(world):
    world.serve(credit(world, "blue", "green", blue=100))
    world.serve(credit(world, "green", green=100))
    assert world.ask().body["model"] == "green"
    until(lambda: world.admin.hosts(cluster_name("credit", "blue")) == ())


def test_the_last_endpoint_can_go_and_one_can_come_back(world):
    world.serve(credit(world, "blue", blue=100))
    world.serve()
    assert world.ask().status == 404
    until(lambda: world.admin.hosts(cluster_name("credit", "blue")) == ())
    world.serve(credit(world, "blue", blue=100))
    assert world.ask().status == 200


def test_changes_under_load_lose_no_request(world):
    world.serve(credit(world, "blue", blue=100))
    over, seen = threading.Event(), []

    def load() -> None:
        while not over.is_set():
            seen.append(world.ask().status)

    clients = [threading.Thread(target=load) for _ in range(2)]
    for client in clients:
        client.start()
    for round_ in range(10):
        world.serve(credit(world, "blue", "green", blue=round_ * 10, green=100 - round_ * 10))
        world.serve(credit(world, "blue", blue=100))
    over.set()
    for client in clients:
        client.join()
    assert set(seen) == {200}


def test_an_unchanged_gateway_writes_nothing(world):
    world.serve(credit(world, "blue", blue=100))
    before = [path.stat().st_mtime_ns for path in sorted(world.place.folder.glob("*.json"))]
    world.serve(credit(world, "blue", blue=100))
    assert [path.stat().st_mtime_ns for path in sorted(world.place.folder.glob("*.json"))] == before


def test_a_refused_change_is_told_and_the_old_one_stays_live(world):
    world.serve(credit(world, "blue", blue=100))
    before = world.place.clusters.read_bytes()
    bad = Deployment("green", (Backend("green", "/" + "x" * 200),))
    with pytest.raises(ProviderError, match=r"refused clusters\.json.*credit/green.*maximum"):
        world.serve(Endpoint("credit", (), {"green": 100}, (bad,)))
    assert world.place.clusters.read_bytes() == before
    assert world.ask().body["model"] == "blue"
    world.serve(credit(world, "blue", "green", green=100))
    assert world.ask().body["model"] == "green"


def test_a_refused_route_is_told_and_the_old_one_stays_live(world):
    world.serve(credit(world, "blue", blue=100))
    bad = Deployment("blue", world.deployment("blue").backends, scoring_path="/bad\npath")
    before = world.place.routes.read_bytes()
    with pytest.raises(ProviderError, match=r"refused routes\.json: .*PrefixRewrite: value does not match") as told:
        world.serve(Endpoint("credit", ("a-key",), {"blue": 100}, (bad,)))
    assert "a-key" not in str(told.value)
    assert world.place.routes.read_bytes() == before
    assert world.ask().status == 200


def test_a_port_that_another_program_has_is_told(world):
    told = pytest.raises(ProviderError, match=r"refused listeners\.json.*Address already in use")
    with socket.create_server(("127.0.0.1", world.port)), told:
        world.serve()


def test_no_request_goes_by_the_old_weights_once_a_change_is_applied(world):
    """Neither on a connection that was open before nor on a new one."""
    world.serve(credit(world, "blue", "green", blue=100))
    with world.connected() as connection:
        for name in ("green", "blue") * 5:
            assert exchange(connection, method="GET").status == 200
            world.serve(credit(world, "blue", "green", **{name: 100}))
            seen = Counter(exchange(connection, method="GET").body["model"] for _ in range(100))
            seen.update(world.ask(method="GET").body["model"] for _ in range(20))
            assert seen == {name: 120}


def test_a_hundred_weight_changes_under_load_lose_no_request(world):
    world.serve(credit(world, "blue", "green", blue=100))
    with world.load() as statuses:
        for share in range(100):
            world.serve(credit(world, "blue", "green", blue=share, green=100 - share))
    assert set(statuses) == {200}


def test_keys_are_rotated_under_load_without_touching_the_other_key(world):
    world.serve(Endpoint("credit", ("kept", "first"), {"blue": 100}, (world.deployment("blue"),)))
    with world.load(authorization="Bearer kept") as statuses:
        for name in ("second", "third", "fourth", "fifth", "sixth"):
            world.serve(Endpoint("credit", ("kept", name), {"blue": 100}, (world.deployment("blue"),)))
            assert world.ask(authorization=f"Bearer {name}").status == 200
            assert world.ask(authorization="Bearer first").status == 401
    assert set(statuses) == {200}


def test_a_killed_proxy_comes_back_with_the_same_files(world):
    world.serve(credit(world, "blue", blue=100))
    with socket.create_connection(("127.0.0.1", world.port)) as client:
        client.sendall(b"GET /api/v1/endpoint/credit/score HTTP/1.1\r\nhost: test\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 200"
        world.envoy.kill()
        world.envoy.wait()
        world.start()
    assert world.ask().body["model"] == "blue"


def test_a_proxy_that_is_gone_is_told(world):
    world.serve(credit(world, "blue", blue=100))
    world.envoy.kill()
    world.envoy.wait()
    with pytest.raises(ProviderError, match="does not answer"):
        world.serve(credit(world, "blue", blue=0))


def test_traffic_is_read_back_from_the_proxy_and_the_file(world):
    traffic = {"blue": 30, "green": 0, "red": 70}
    world.serve(credit(world, *traffic, **traffic), Endpoint("empty"))
    assert traffic_of(world.files.live_routes()) == {"credit": traffic, "empty": {}}
    assert traffic_of(world.files.traffic_file()) == {"credit": traffic, "empty": {}}


def test_a_weight_changed_behind_our_back_is_seen_in_the_proxy(world):
    world.serve(credit(world, "blue", "green", blue=100))
    text = world.place.routes.read_text()
    write_private(world.place.routes, text.replace('"numerator": 100', '"numerator": 40').encode())
    assert traffic_of(world.files.traffic_file()) == {"credit": {"blue": 40}}
    with pytest.raises(ProviderError, match=r"the gateway's routes are not those of .*routes\.json"):
        world.files.live_routes()
    world.serve(credit(world, "blue", "green", blue=100))
    assert traffic_of(world.files.live_routes()) == {"credit": {"blue": 100}}


def test_files_with_keys_are_private(world):
    world.serve(Endpoint("credit", ("a-key",), {}, (world.deployment("blue"),)))
    assert world.place.folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in world.place.folder.glob("*.json")} == {0o600}
    assert world.place.admin.stat().st_mode & 0o777 == 0o600
    assert not [path for path in world.place.folder.iterdir() if path.name.startswith(".")]


def test_three_hundred_endpoints_fit_one_proxy(world):
    backend = world.deployment("blue").backends
    many = tuple(Endpoint(f"e{n}", (f"key{n}",), {"blue": 100}, (Deployment("blue", backend),)) for n in range(300))
    world.serve(*many)
    assert world.ask("/api/v1/endpoint/e299/score", authorization="Bearer key299").status == 200
    assert world.ask("/api/v1/endpoint/e299/score", authorization="Bearer key298").status == 401
    assert inotify_instances(world.envoy.pid) <= 4


def inotify_instances(pid: int) -> int:
    count = 0
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a health check's connection comes and goes
            count += "inotify" in str(descriptor.readlink())
    return count


def test_more_requests_than_run_and_wait_are_refused(world):
    endpoint = Endpoint("credit", (), {"blue": 100}, (world.deployment("blue", max_concurrent=1, timeout_ms=30_000),))
    world.serve(endpoint)
    world.ask()
    model, seen = world.models["blue"], []
    held = [
        threading.Thread(target=lambda: seen.append(world.ask("/api/v1/endpoint/credit/score?hold"))) for _ in "abc"
    ]
    for client in held:
        client.start()
    assert model.working.acquire(timeout=10)
    waiting = f"cluster.{cluster_name('credit', 'blue')}.upstream_rq_pending_active"
    until(lambda: world.admin.stats(waiting).get(waiting) == 2)
    refused = world.ask()
    model.hold.set()
    for client in held:
        client.join()
    assert (refused.status, refused.headers["ms-azureml-model-error-reason"]) == (429, "too_many_pending_request")
    assert [answer.status for answer in seen] == [200, 200, 200]


def test_a_burst_on_an_idle_proxy_is_not_refused(world):
    world.serve(Endpoint("credit", (), {"blue": 100}, (world.deployment("blue", max_concurrent=2),)))
    waiting = [socket.create_connection(("127.0.0.1", world.port), timeout=30) for _ in range(4)]
    for client in waiting:
        client.sendall(b"GET /api/v1/endpoint/credit/score HTTP/1.1\r\nhost: test\r\n\r\n")
    assert [client.recv(12) for client in waiting] == [b"HTTP/1.1 200"] * 4
    for client in waiting:
        client.close()


def test_a_first_apply_needs_no_more_than_the_place(tmp_path, world):
    files = Files(world.place, world.log)
    files.write(Gateway("127.0.0.1", world.port))
    assert [each["name"] for each in read_resources(world.place.clusters)] == ["none"]
