"""Signed tokens, verified in the proxy by keys that are given or fetched, beside the keys of an endpoint."""

import contextlib
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from gateway_tls import Certificate, new_certificate
from gateway_world import World, exchange

from reconciler.errors import ProviderError
from reconciler.gateway.values import Endpoint, Tokens
from tests.ports import free_port
from tests.waiting import until

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ISSUER, AUDIENCE = "https://issuer.test", "https://ml.test"


def jwks(*keys: rsa.RSAPrivateKey) -> str:
    public = [json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) for key in keys]
    return json.dumps({"keys": [{**each, "alg": "RS256", "use": "sig"} for each in public]})


def token(*, key: object = KEY, algorithm: str = "RS256", lasts_s: float = 600, **claims: object) -> str:
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "a-client", "exp": time.time() + lasts_s, **claims}
    return "Bearer " + jwt.encode({k: v for k, v in said.items() if v is not None}, key, algorithm=algorithm)


GIVEN = Tokens(ISSUER, AUDIENCE, keys=jwks(KEY))


def credit(world: World, tokens: Tokens | None = GIVEN, *, keys: tuple[str, ...] = ()) -> Endpoint:
    return Endpoint("credit", keys, {"blue": 100}, (world.deployment("blue"), world.deployment("green")), tokens)


def test_a_good_token_opens_an_endpoint_and_the_model_never_sees_it(world):
    world.serve(credit(world))
    answer = world.ask(authorization=token())
    assert answer.status == 200
    assert "authorization" not in {name.lower() for name in answer.body["headers"]}
    assert world.ask(authorization=token(), azureml_model_deployment="green").body["model"] == "green"
    assert world.ask(authorization=token().replace("Bearer", "bearer")).status == 200


BAD = {
    "expired": lambda: token(lasts_s=-60),
    "without an end": lambda: token(exp=None),
    "for another audience": lambda: token(aud="https://other.test"),
    "without an audience": lambda: token(aud=None),
    "of another issuer": lambda: token(iss="https://other.test"),
    "signed by another key": lambda: token(key=OTHER_KEY),
    "not signed": lambda: token(key=None, algorithm="none"),
    "signed with the public key as a secret": lambda: token(
        key=json.loads(jwks(KEY))["keys"][0]["n"], algorithm="HS256"
    ),
    "signed in another way": lambda: token(key=ec.generate_private_key(ec.SECP256R1()), algorithm="ES256"),
    "cut short": lambda: token()[:-20],
    "no token": lambda: "Bearer x",
    "nothing": lambda: "",
}


@pytest.mark.parametrize("made", BAD.values(), ids=BAD.keys())
def test_a_token_is_refused_that_is(world, made: Callable[[], str]):
    world.serve(credit(world))
    answer = world.ask(authorization=made())
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert (answer.headers["content-type"], answer.body["error"]["code"]) == ("application/json", "Unauthorized")
    assert world.models["blue"].received == []


def test_a_token_in_the_address_opens_nothing(world):
    world.serve(credit(world))
    bare = token().removeprefix("Bearer ")
    assert world.ask(f"/api/v1/endpoint/credit/score?access_token={bare}").status == 401


def test_a_key_and_a_token_open_an_endpoint_that_has_both(world):
    world.serve(credit(world, keys=("a-key",)))
    assert [world.ask(authorization=each).status for each in ("Bearer a-key", token())] == [200, 200]
    assert [world.ask(authorization=each).status for each in ("Bearer b-key", token(lasts_s=-60), "")] == [401] * 3


def test_a_token_opens_only_the_endpoint_that_it_is_for(world):
    blue = world.deployment("blue")
    other = Endpoint("other", (), {"blue": 100}, (blue,), replace(GIVEN, audience="https://other.test"))
    keyed = Endpoint("keyed", ("a-key",), {"blue": 100}, (blue,))
    world.serve(credit(world), other, keyed)
    statuses = {
        name: world.ask(f"/api/v1/endpoint/{name}/score", authorization=token()).status
        for name in ("credit", "other", "keyed")
    }
    assert statuses == {"credit": 200, "other": 401, "keyed": 401}


def test_a_token_is_asked_for_on_every_path_and_unknown_ones_are_told_after_it(world):
    world.serve(credit(world))
    for path, status in (("score", 200), ("swagger.json", 200), ("other", 404)):
        assert world.ask(f"/api/v1/endpoint/credit/{path}").status == 401
        assert world.ask(f"/api/v1/endpoint/credit/{path}", authorization=token()).status == status


def test_an_open_connection_has_tokens_verified_as_they_are_now(world):
    """Tokens come, change and go with no other listener, so no connection is closed and none goes by old keys."""
    world.serve(credit(world, None))
    with world.connected() as connection:

        def get(authorization: str) -> int:
            return exchange(connection, method="GET", authorization=authorization).status

        assert get("") == 200
        world.serve(credit(world))
        assert [get(""), get(token())] == [401, 200]
        world.serve(credit(world, replace(GIVEN, keys=jwks(OTHER_KEY))))
        assert [get(token()), get(token(key=OTHER_KEY))] == [401, 200]
        world.serve(credit(world, None))
        assert get("") == 200


def test_tokens_that_come_and_go_refuse_no_good_request(world):
    """The token is good while one is asked for, and not looked at while none is."""
    world.serve(credit(world))
    with world.load(authorization=token()) as statuses:
        for _ in range(10):
            world.serve(credit(world, None))
            world.serve(credit(world, replace(GIVEN, keys=jwks(KEY, OTHER_KEY))))
    assert set(statuses) == {200}


def test_keys_that_cannot_be_are_told_and_the_old_ones_stay(world):
    world.serve(credit(world))
    before = world.place.tokens.read_bytes()
    with pytest.raises(ProviderError, match=r"refused tokens\.json.*credit.*jwks"):
        world.serve(credit(world, replace(GIVEN, keys='{"keys": []}')))
    assert world.place.tokens.read_bytes() == before
    assert world.ask(authorization=token()).status == 200


class Issuer(ThreadingHTTPServer):
    """An issuer that publishes its keys on loopback."""

    def __init__(self, keys: str, certificate: Certificate | None, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Published)
        self.keys = keys
        self.asked = threading.Semaphore(0)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.cert_file, certificate.key_file)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.uri = f"http{'s' if certificate else ''}://localhost:{self.server_port}/keys"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not trust the certificate goes away; that is no news."""


class _Published(BaseHTTPRequestHandler):
    server: Issuer

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        text = self.server.keys.encode()
        self.send_response(200)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        self.server.asked.release()


@contextlib.contextmanager
def publishing(keys: str, certificate: Certificate | None = None, port: int = 0) -> Iterator[Issuer]:
    with Issuer(keys, certificate, port) as issuer:
        thread = threading.Thread(target=issuer.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield issuer
        finally:
            issuer.shutdown()
            thread.join()


def opened(world: World) -> bool:
    return world.ask(authorization=token()).status == 200


def test_keys_are_fetched_from_where_the_issuer_publishes_them(world):
    with publishing(jwks(KEY)) as issuer:
        world.serve(credit(world, Tokens(ISSUER, AUDIENCE, uri=issuer.uri)))
        until(lambda: opened(world))
        assert world.ask(authorization=token(key=OTHER_KEY)).status == 401
    assert opened(world)


def test_keys_are_fetched_by_https_from_an_issuer_that_is_trusted(world):
    trusted = new_certificate(world.folder / "issuer")
    with publishing(jwks(KEY), trusted) as issuer:
        world.serve(credit(world, Tokens(ISSUER, AUDIENCE, uri=issuer.uri)), ca_file=trusted.cert_file)
        until(lambda: opened(world))


def test_no_keys_are_taken_from_an_issuer_that_is_not_trusted(world):
    trusted, other = (new_certificate(world.folder / name) for name in ("issuer", "other"))
    with publishing(jwks(KEY), other) as issuer:
        world.serve(credit(world, Tokens(ISSUER, AUDIENCE, uri=issuer.uri)), ca_file=trusted.cert_file)
        failed = "http.gateway.jwt_authn.jwks_fetch_failed"
        until(lambda: int(world.admin.stats(failed).get(failed, 0)) > 1)
        assert world.ask(authorization=token()).status == 401
        assert not issuer.asked.acquire(blocking=False)


def test_an_issuer_that_comes_up_late_is_asked_again(world):
    port = free_port()
    uri = f"http://localhost:{port}/keys"
    world.serve(credit(world, Tokens(ISSUER, AUDIENCE, uri=uri), keys=("a-key",)))
    assert world.ask(authorization=token()).status == 401
    assert world.ask(authorization="Bearer a-key").status == 200
    with publishing(jwks(KEY), port=port):
        until(lambda: opened(world))
