"""One process of the proxy takes over from another: same port, same files, no request lost."""

import threading
from dataclasses import replace

import pytest
from gateway_world import SCORE, World, exchange

from reconciler.errors import ProviderError
from reconciler.gateway.draining import drain
from reconciler.gateway.files import Files
from reconciler.gateway.reading import traffic_of
from reconciler.gateway.steering import steer_to_second
from reconciler.gateway.values import Endpoint, Place
from tests.waiting import until


def credit(world: World, **spec: object) -> Endpoint:
    return Endpoint("credit", ("a-key",), {"blue": 100}, (world.deployment("blue", **spec),))


def succeed(world: World, process: int, endpoint: Endpoint) -> Place:
    """Start another process beside the running one; the place of the former."""
    former, world.process_number = world.place, process
    world.former = world.envoy
    world.files.write(world.gateway(endpoint))
    world.start()
    return former


def hand_over(world: World, former: Place) -> None:
    steer_to_second("127.0.0.1", world.port)
    assert drain(former)
    end_former(world)


def end_former(world: World) -> None:
    world.former.terminate()
    world.former.wait()


def test_processes_of_one_proxy_have_their_own_bootstrap_and_admin_socket_alone(tmp_path):
    first = Place(tmp_path, tmp_path)
    second = replace(first, process=2)
    assert (first.bootstrap.name, first.admin.name) == ("bootstrap.json", "admin.sock")
    assert (second.bootstrap.name, second.admin.name) == ("bootstrap-2.json", "admin-2.sock")
    common = ("listeners", "routes", "clusters", "tokens", "certificates", "access_log")
    assert [getattr(first, each) for each in common] == [getattr(second, each) for each in common]


def test_a_proxy_is_replaced_under_load_without_a_lost_request(world):
    endpoint = credit(world)
    world.serve(endpoint)
    with world.load(authorization="Bearer a-key") as seen:
        for process in range(1, 9):
            former, before = succeed(world, process, endpoint), len(seen)
            hand_over(world, former)
            until(lambda before=before: len(seen) > before + 20)
    assert set(seen) == {200}


def test_a_request_that_is_under_way_is_answered_before_the_process_may_end(world):
    endpoint = credit(world, timeout_ms=60_000)
    world.serve(endpoint)
    (client,) = world.at_once(1, f"{SCORE}?hold", authorization="Bearer a-key")
    model = world.models["blue"]
    assert model.working.acquire(timeout=20)
    former = succeed(world, 1, endpoint)
    assert not drain(former, idle_s=0.1, timeout_s=0.2)
    model.hold.set()
    assert drain(former)
    end_former(world)
    client.join()
    assert world.codes == [200]


def test_a_connection_that_is_kept_goes_over_to_the_successor_with_its_next_request(world):
    endpoint = credit(world)
    world.serve(endpoint)
    with world.connected() as connection:
        assert exchange(connection, method="GET", authorization="Bearer a-key").status == 200
        former = succeed(world, 1, endpoint)
        draining = threading.Thread(target=drain, args=(former,))
        draining.start()

        def last() -> bool:
            answer = exchange(connection, method="GET", authorization="Bearer a-key")
            return answer.status == 200 and answer.headers.get("connection") == "close"

        until(last)
        draining.join()
        end_former(world)
    assert world.ask(authorization="Bearer a-key").status == 200


def test_a_change_during_a_handover_is_in_force_in_the_successor(world):
    blue, green = world.deployment("blue"), world.deployment("green")
    world.serve(Endpoint("credit", (), {"blue": 100}, (blue, green)))
    with world.load() as seen:
        former = succeed(world, 1, Endpoint("credit", (), {"blue": 100}, (blue, green)))
        world.serve(Endpoint("credit", (), {"green": 100}, (blue, green)))
        hand_over(world, former)
        assert traffic_of(world.files.live_routes()) == {"credit": {"green": 100}}
        assert {world.ask().body["model"] for _ in range(10)} == {"green"}
    assert set(seen) == {200}


def test_a_process_that_is_gone_cannot_be_drained(world):
    world.serve(credit(world))
    world.envoy.kill()
    world.envoy.wait()
    with pytest.raises(ProviderError, match="does not answer"):
        drain(world.place)


def test_a_successor_of_a_configuration_that_is_refused_takes_nothing_over(world):
    endpoint = credit(world)
    world.serve(endpoint)
    bad = credit(world, scoring_path="/bad\npath")
    with pytest.raises(ProviderError, match=r"refused routes\.json"):
        succeed(world, 1, bad)
    world.envoy.kill()
    world.envoy.wait()
    world.envoy, world.process_number = world.former, 0
    Files(world.place, world.log, timeout_s=30).apply(world.gateway(endpoint))
    assert world.ask(authorization="Bearer a-key").status == 200
