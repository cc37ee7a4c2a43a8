"""Keys of an endpoint: each opens it, and each is replaced while the other goes on."""

import socket
from pathlib import Path

import pytest
from constant_load import Load
from local_world import ENDPOINT, answering
from opening import ask, credential, serve

from reconciler.core.address import Address
from reconciler.errors import ProviderError

CREDIT = Address("endpoint", "credit")
NAMES = {"primary": "primaryKey", "secondary": "secondaryKey"}


@pytest.mark.parametrize("which", ["primary", "secondary"])
def test_a_new_key_opens_the_endpoint_and_the_one_that_it_replaced_no_longer_does(world, which):
    world.endpoint_with(blue=answering("blue"))
    before = dict(world.provider.credentials(CREDIT))
    world.provider.rotate(CREDIT, which)
    after = dict(world.provider.credentials(CREDIT))
    assert {name for name in after if after[name] != before[name]} == {NAMES[which]}
    assert ask(world, str(before[NAMES[which]])) == 401
    assert {ask(world, str(key)) for key in after.values()} == {200}


def test_rotations_of_one_key_lose_no_request_of_the_other(world):
    serve(world)
    seen = {credential(world)}
    with Load(world, key="secondaryKey") as load:
        for _ in range(5):
            world.provider.rotate(CREDIT, "primary")
            seen.add(credential(world))
            assert ask(world, credential(world)) == 200
            load.go_on(30)
    assert load.lost == []
    assert len(seen) == 6


def test_no_key_is_told_by_the_proxys_admin_socket(world):
    world.endpoint_with(blue=answering("blue"))
    keys = [str(key).encode() for key in world.provider.credentials(CREDIT).values()]
    admin = world.layout.sockets / "admin.sock"
    assert admin.stat().st_mode & 0o777 == 0o600
    for path in ("/config_dump", "/config_dump?resource=dynamic_route_configs", "/init_dump", "/quitquitquit"):
        assert b" 403 " in told(admin, path).splitlines()[0]
    for path in ("/server_info", "/stats?format=json", "/clusters?format=json", "/listeners?format=json", "/certs"):
        answer = told(admin, path)
        assert b" 200 " in answer.splitlines()[0]
        assert not [key for key in keys if key in answer]


def told(admin: Path, path: str) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(admin))
        connection.sendall(f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode())
        with connection.makefile("rb") as answer:
            return answer.read()


def test_a_key_that_the_gateway_does_not_take_leaves_the_old_one_in_force(world):
    world.endpoint_with(blue=answering("blue"))
    former = dict(world.provider.credentials(CREDIT))
    world.switch(gateway={"envoy": "/no/such/envoy"})
    with pytest.raises(ProviderError, match="/no/such/envoy is not there"):
        world.provider.rotate(CREDIT, "primary")
    world.switch()
    assert world.provider.credentials(CREDIT) == former
    assert ask(world, str(former["primaryKey"])) == 200


def test_an_endpoint_of_tokens_has_no_keys_to_rotate(world):
    world.do("create", "endpoint/credit", {**ENDPOINT, "auth_mode": "aml_token"})
    with pytest.raises(ProviderError, match="endpoint/credit has no keys to rotate: its auth_mode is aml_token"):
        world.provider.rotate(CREDIT, "primary")


def test_an_endpoint_that_is_made_anew_has_other_keys(world):
    world.do("create", "endpoint/credit", ENDPOINT)
    former = set(world.provider.credentials(CREDIT).values())
    world.do("delete", "endpoint/credit")
    world.do("create", "endpoint/credit", ENDPOINT)
    assert not former & set(world.provider.credentials(CREDIT).values())
