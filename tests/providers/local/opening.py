"""Asking endpoints with a credential of one's own, over TLS where the target has it; and an issuer of tokens."""

import json
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from local_world import ENDPOINT, PATIENCE_S, World, answering

from reconciler.core.address import Address
from reconciler.providers.hosting.envoys import kept
from reconciler.providers.hosting.facts import read_facts
from reconciler.providers.hosting.processes import Processes


def ask(world: World, credential: str = "", *, endpoint: str = "credit", ca: Path | None = None) -> int:
    """The status with which deployment blue of an endpoint answers."""
    live = world.provider.observe(Address("endpoint", endpoint))
    assert live is not None
    headers = {"azureml-model-deployment": "blue", "content-type": "application/json"}
    if credential:
        headers["authorization"] = f"Bearer {credential}"
    request = urllib.request.Request(live.detail["scoring_uri"], data=b"{}", headers=headers)
    context = ssl.create_default_context(cafile=str(ca)) if ca else None
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S, context=context) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def serve(world: World) -> None:
    """Endpoint credit, whose traffic goes to deployment blue, one instance with room for all clients of a test."""
    patient = {"request_timeout_ms": 30_000, "max_concurrent_requests_per_instance": 8, "max_queue_wait_ms": 30_000}
    world.do("create", "endpoint/credit", ENDPOINT)
    blue = world.deployment(answering("blue"), request_settings=patient)
    world.do("create", "deployment/credit/blue", blue)
    world.route(blue=100)


def credential(world: World, name: str = "primaryKey", *, endpoint: str = "credit") -> str:
    return str(world.provider.credentials(Address("endpoint", endpoint))[name])


def gateway_pid(world: World) -> int:
    """The pid of the process that serves, as the keeper knows it."""
    facts = read_facts(world.layout.gateway_facts)
    assert facts is not None
    pid = Processes(world.layout).list()[kept(facts.process)].pid
    assert pid is not None
    return pid


class Issuer:
    """Signs tokens with ES256 and publishes its keys."""

    name = "https://login.example.org/tenant"
    audience = "https://ml.example.org"

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())

    @property
    def jwks(self) -> str:
        public = ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return json.dumps({"keys": [{**public, "kid": "one", "alg": "ES256"}]})

    def token(self, **claims: Any) -> str:
        now = int(time.time())
        known = {"iss": self.name, "aud": self.audience, "iat": now, "exp": now + 600}
        return jwt.encode({**known, **claims}, self.key, "ES256", headers={"kid": "one"})

    def option(self, **where: Any) -> dict[str, Any]:
        return {"issuer": self.name, "audience": self.audience, **where}

    @contextmanager
    def published(self) -> Iterator[str]:
        """The address of the keys, while they are there."""
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                text = issuer.jwks.encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/keys"
            finally:
                server.shutdown()
                thread.join()
