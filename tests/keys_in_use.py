"""A target that has served with keys, tokens and TLS, was abused, and is asked for all that it may tell."""

import socket
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from reconciler.core.address import Address
from reconciler.gateway.admin import Admin
from reconciler.providers.hosting.facts import place_in_force
from reconciler.providers.provider import Key
from tests.hosted_world import ENDPOINT, HostedWorld, answering
from tests.secrets_sought import held
from tests.waiting import until

OPTIONS = {"tls": True, "max_request_bytes": 1000}
CREDIT, DEBIT = Address("endpoint", "credit"), Address("endpoint", "debit")
# All that an Envoy can be asked; what tells its configuration is refused.
_ADMIN = (
    *("/", "/certs", "/clusters", "/config_dump", "/config_dump?include_eds", "/contention", "/help", "/init_dump"),
    *("/hot_restart_version", "/listeners", "/logging", "/memory", "/ready", "/runtime", "/server_info", "/stats"),
    *("/stats/prometheus", "/stats?format=json", "/clusters?format=json", "/listeners?format=json"),
)


@dataclass
class Used:
    """A target with an endpoint of keys, `credit`, and one of tokens, `debit`, both of which were asked."""

    world: HostedWorld
    began: float = field(default_factory=lambda: time.time() - 2)
    secrets: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        world = self.world
        world.do("create", str(CREDIT), ENDPOINT)
        world.do("create", str(DEBIT), {**ENDPOINT, "auth_mode": "aml_token"})
        for endpoint in (CREDIT, DEBIT):
            deployment = str(Address("deployment", "blue", endpoint=endpoint.name))
            world.do("create", deployment, world.deployment(answering("blue")))
            auth = "aml_token" if endpoint == DEBIT else "key"
            world.do("route", str(endpoint), {**ENDPOINT, "auth_mode": auth, "traffic": {"blue": 100}})
        self._note_keys("first")
        which: Key = "primary"
        world.provider.rotate(CREDIT, which)
        self._note_keys("second")
        self.secrets["token"] = str(world.provider.credentials(DEBIT)["accessToken"])
        self.secrets["key that signs tokens"] = _inner_line(world.layout.signing_key)
        (key,) = (path for path in world.layout.certificate.parent.iterdir() if "PRIVATE" in path.read_text())
        self.secrets["key of the certificate"] = _inner_line(key)
        for name in ("first primaryKey", "second primaryKey", "second secondaryKey", "token"):
            self._ask_with(self.secrets[name])

    def _note_keys(self, when: str) -> None:
        keys = self.world.provider.credentials(CREDIT)
        self.secrets |= {f"{when} {name}": str(keys[name]) for name in ("primaryKey", "secondaryKey")}

    def _ask_with(self, secret: str) -> None:
        """Ask well, and send a secret also where it does not belong."""
        bearer = f"authorization: Bearer {secret}"
        for endpoint in ("credit", "debit", "nobody"):
            score = f"/api/v1/endpoint/{endpoint}/score"
            self._send(f"POST {score} HTTP/1.1\r\nhost: x\r\n{bearer}\r\ncontent-length: 2\r\n\r\n{{}}")
            self._send(f"POST {score} HTTP/1.1\r\nhost: x\r\n{bearer}\r\n{bearer}\r\ncontent-length: 2\r\n\r\n{{}}")
            self._send(f"POST {score}?key={secret} HTTP/1.1\r\nhost: x\r\n{bearer}\r\ncontent-length: 5000\r\n\r\n")
            self._send(f"GET {score}?key={secret} HTTP/1.1\r\nhost: x\r\n{bearer}\r\n\r\n")
        self._send(f"{secret} / HTTP/1.1\r\n\r\n")
        self._send(f"GET / HTTP/1.1\r\nhost: x\r\n{bearer} : \0\r\n\r\n")

    def _send(self, text: str) -> None:
        uri = urlsplit(self.world.live(str(CREDIT)).detail["scoring_uri"])
        context = ssl.create_default_context(cafile=str(self.world.layout.certificate))
        with (
            socket.create_connection((str(uri.hostname), uri.port or 0), timeout=20) as plain,
            context.wrap_socket(plain, server_hostname=str(uri.hostname)) as client,
        ):
            client.sendall(text.encode())
            assert client.recv(65536).startswith(b"HTTP/1.1 ")

    def admin_tells(self) -> list[str]:
        """What the admin socket says secrets at, of all that it may be asked."""
        found = []
        for path in _ADMIN:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(place_in_force(self.world.layout).admin))
                client.sendall(f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode())
                with client.makefile("rb") as answer:
                    found += [f"{path}: {name}" for name in held(self.secrets, answer.read())]
        return found

    def until_logged(self) -> None:
        """Wait until what the proxy is to log is on the disk: it writes four times a second."""
        log = place_in_force(self.world.layout).access_log
        asked = Admin(place_in_force(self.world.layout).admin).stats("^http.gateway.downstream_rq_total$")
        until(lambda: log.read_text().count("\n") >= int(asked["http.gateway.downstream_rq_total"]))


def _inner_line(pem: Path) -> str:
    """A line of a private key that only this one has."""
    return pem.read_text().partition("PRIVATE KEY-----")[2].splitlines()[2]
