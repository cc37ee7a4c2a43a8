"""What the gateway is told follows from the objects and the options."""

import pytest
from local_world import DEPLOYMENT, ENDPOINT, Contents, answering

from reconciler.core.address import Address
from reconciler.gateway.values import Backend, Deployment, Endpoint, Probe
from reconciler.providers.hosting.front import Routed
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.objects import Object, Objects
from reconciler.providers.hosting.options import Issuer, Options
from reconciler.providers.hosting.reading import live_endpoint
from reconciler.providers.hosting.serving import Serving, Ways
from reconciler.providers.local import LocalProvider
from reconciler.providers.local.options import LocalOptions
from tests.waiting import until

CREDIT = Address("endpoint", "credit")
BLUE = Address.parse("deployment/credit/blue")


@pytest.fixture
def objects(tmp_path):
    return Objects(tmp_path)


def put(objects, text, spec, *serving):
    objects.put(Object(Address.parse(text), spec, "lineage", 1, "op", serving=serving))


def told(objects, **options) -> Endpoint:
    layout = Layout(objects.folder)

    def backends(held):
        return {
            item.address: Ways(tuple(Backend(name, str(layout.socket(name))) for name in item.serving)) for item in held
        }

    (endpoint,) = Serving(objects, layout, Options(**options), backends).endpoints()
    return endpoint


def deployed(objects, **fields) -> Deployment:
    put(objects, "endpoint/credit", ENDPOINT)
    put(objects, "deployment/credit/blue", {**DEPLOYMENT, **fields}, "one")
    (deployment,) = told(objects).deployments
    return deployment


def test_a_deployment_is_told_with_its_limits_and_its_probe(objects):
    requests = {"request_timeout_ms": 3000, "max_concurrent_requests_per_instance": 4, "max_queue_wait_ms": 500}
    probe = {"initial_delay": 1, "period": 2, "timeout": 3, "success_threshold": 4, "failure_threshold": 5}
    assert deployed(objects, request_settings=requests, readiness_probe=probe) == Deployment(
        "blue",
        (Backend("one", str(Layout(objects.folder).socket("one"))),),
        timeout_ms=3000,
        max_concurrent=4,
        queues=True,
        readiness=Probe("/", 2, 3, 4, 5),
    )


def test_only_our_own_server_holds_requests_back_by_itself(objects):
    deployed(objects)
    held = [objects.held(BLUE)]
    for server, queues in (("mlops", True), ("azureml", False)):
        provider = LocalProvider(objects.folder, Contents(objects.folder), LocalOptions(server=server))
        assert provider._ways(held)[BLUE].queues is queues


def test_a_deployment_without_an_instance_in_service_gets_nothing(objects):
    put(objects, "endpoint/credit", {**ENDPOINT, "traffic": {"blue": 100}, "mirror_traffic": {"green": 10}})
    put(objects, "deployment/credit/blue", DEPLOYMENT)
    found = told(objects)
    assert (found.deployments, found.traffic, found.mirror) == ((), {}, {})


def test_traffic_is_told_with_what_is_mirrored(objects):
    put(objects, "endpoint/credit", {**ENDPOINT, "traffic": {"blue": 100, "red": 0}, "mirror_traffic": {"green": 10}})
    for name in ("blue", "green", "red"):
        put(objects, f"deployment/credit/{name}", DEPLOYMENT, name)
    found = told(objects)
    assert (found.traffic, found.mirror) == ({"blue": 100}, {"green": 10})


@pytest.mark.parametrize(("fields", "kubernetes"), [({}, False), ({"compute": "azureml:cluster"}, True)])
def test_an_endpoint_with_a_compute_answers_as_on_kubernetes(objects, fields, kubernetes):
    put(objects, "endpoint/credit", {**ENDPOINT, **fields})
    assert told(objects).kubernetes is kubernetes


def test_keys_open_an_endpoint_only_where_it_says_so(objects):
    objects.keep_secrets(CREDIT, {"primaryKey": "one", "secondaryKey": "two"})
    put(objects, "endpoint/credit", ENDPOINT)
    assert (told(objects).keys, told(objects).tokens) == (("one", "two"), None)
    put(objects, "endpoint/credit", {**ENDPOINT, "auth_mode": "aml_token"})
    found = told(objects)
    assert found.keys == ()
    assert found.tokens is not None
    assert found.tokens.audience == "endpoint/credit"


def test_tokens_of_an_issuer_are_told_with_where_its_keys_are(objects):
    put(objects, "endpoint/credit", {**ENDPOINT, "auth_mode": "aad_token"})
    tokens = told(objects, issuer=Issuer("me", "ml", jwks_uri="https://me/keys")).tokens
    assert tokens is not None
    assert (tokens.issuer, tokens.audience, tokens.uri) == ("me", "ml", "https://me/keys")


def test_traffic_and_mirror_traffic_that_somebody_changed_are_live_as_they_are():
    recorded = {**ENDPOINT, "traffic": {"blue": 100}, "mirror_traffic": {"green": 10}}
    item = Object(CREDIT, recorded, "lineage", 1, "op")
    same = Routed({"credit": {"blue": 100}}, {"credit": {"green": 10}})
    assert live_endpoint(item, [same, same]) is recorded
    more = Routed({"credit": {"blue": 100}}, {"credit": {"green": 50}})
    assert live_endpoint(item, [same, more]) == {**recorded, "mirror_traffic": {"green": 50}}
    assert live_endpoint(item, [Routed(), same]) == {**recorded, "traffic": {}, "mirror_traffic": {}}


def test_mirror_traffic_without_traffic_is_no_drift():
    recorded = {**ENDPOINT, "traffic": {"blue": 0}, "mirror_traffic": {"green": 10}}
    assert live_endpoint(Object(CREDIT, recorded, "lineage", 1, "op"), [Routed()]) is recorded


def test_mirrored_requests_come_to_their_deployment_and_are_live_as_asked_for(world, tmp_path):
    copies = tmp_path / "copies"
    counting = f"def init(): pass\ndef run(raw_data):\n    open({str(copies)!r}, 'a').write('x')\n    return 'green'\n"
    world.endpoint_with(blue=answering("blue"), green=counting)
    routed = {**ENDPOINT, "traffic": {"blue": 100}, "mirror_traffic": {"green": 100}}
    world.do("route", "endpoint/credit", routed)
    assert world.live("endpoint/credit").spec == routed
    assert world.score() == "blue"
    until(copies.exists)
    copies.unlink()
    world.do("route", "endpoint/credit", {**routed, "mirror_traffic": {}})
    assert world.live("endpoint/credit").spec["mirror_traffic"] == {}
    assert world.score() == "blue"
    assert world.score("green") == "green"
    assert copies.read_text() == "x"
