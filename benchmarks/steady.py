"""What is lost under constant load, while a deployment is rolled out and scaled, and traffic, keys, certificate change.

Clients ask without a break, over kept and over new connections, and every answer counts. All changes are made by the
command line, as a user makes them.
"""

import datetime
import http.client
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from local import ended
from measuring import MLOPS, Bench, Command
from table import Row

SCORE = """\
import os

def init(): pass

def run(raw_data): return os.environ["NAME"]
"""
CONFIG = """\
manifests: manifests
targets:
  bench:
    provider: local
    default: true
    gateway: {tls: {cert_file: tls.pem, key_file: tls.pem}}
"""
DEPLOYMENT = """\
name: NAME
endpoint_name: steady
code_configuration: {code: src, scoring_script: score.py}
environment: {conda_file: {dependencies: [python, pip]}, image: python}
instance_type: Standard_DS2_v2
instance_count: COUNT
request_settings: {max_concurrent_requests_per_instance: 4}
environment_variables: {NAME: NAME, RELEASE: "RELEASED"}
"""
KEPT, FRESH = 2, 1
# A change must be in force so many requests in a row, over a new connection each.
STEADY = 30


class Target:
    """An endpoint with two deployments, and the ways to change it."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.folder = bench.folder / "steady"
        (self.folder / "manifests" / "src").mkdir(parents=True)
        (self.folder / "mlops.yaml").write_text(CONFIG)
        (self.folder / "manifests" / "src" / "score.py").write_text(SCORE)
        self.certify()
        self.deploy("blue", 1)
        self.deploy("green", 1)
        self.route("blue")
        self.apply()
        shown = self.mlops("show", "endpoint/steady", "--query", "scoring_uri", "-o", "tsv")
        self.uri = urlsplit(shown.strip())
        self.key = self.mlops("credentials", "steady", "--query", "secondaryKey", "-o", "tsv").strip()

    def mlops(self, *words: str) -> str:
        return self._bench.run(Command((MLOPS, *words), self.folder))[1]

    def apply(self) -> None:
        self.mlops("apply", "--auto-approve")

    def deploy(self, name: str, count: int, release: int = 0) -> None:
        text = DEPLOYMENT.replace("NAME: NAME", f"NAME: {name}").replace("name: NAME", f"name: {name}", 1)
        text = text.replace("COUNT", str(count)).replace("RELEASED", str(release))
        (self.folder / "manifests" / f"{name}.yml").write_text(text)

    def route(self, name: str) -> None:
        text = f"name: steady\nauth_mode: key\ntraffic: {{{name}: 100}}\n"
        (self.folder / "manifests" / "endpoint.yml").write_text(text)

    def certify(self) -> None:
        """Put another self-signed certificate in the place of the one that is there, by a rename."""
        fresh = self.folder / "fresh.pem"
        fresh.write_bytes(_certificate())
        fresh.rename(self.folder / "tls.pem")

    def certificate(self) -> str:
        """What the gateway shows to a new connection."""
        return ssl.get_server_certificate((self.uri.hostname or "", self.uri.port or 0), timeout=30)

    def ask(self, connection: http.client.HTTPSConnection) -> str:
        """What came back: the model's answer, or why there is none."""
        try:
            connection.request("POST", self.uri.path, b"{}", {"authorization": f"Bearer {self.key}"})
            answer = connection.getresponse()
            body = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return repr(error)
        return body.strip('"') if answer.status == 200 else f"{answer.status} {body}"

    def connection(self) -> http.client.HTTPSConnection:
        # The certificate changes while it is asked for; who it names is another matter than what is lost.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection(self.uri.hostname or "", self.uri.port, timeout=30, context=context)


class Load:
    """Clients that ask without a break."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._over = threading.Event()
        self.good = 0
        self.bad: list[str] = []
        self._counting = threading.Lock()

    @contextmanager
    def running(self) -> Iterator[None]:
        clients = [
            threading.Thread(target=self._client, kwargs={"keep": number < KEPT}) for number in range(KEPT + FRESH)
        ]
        for client in clients:
            client.start()
        try:
            yield
        finally:
            self._over.set()
            for client in clients:
                client.join()

    def go_on(self) -> None:
        """Let some more requests be made."""
        enough = self.total + 20
        while self.total < enough:
            time.sleep(0.01)

    @property
    def total(self) -> int:
        return self.good + len(self.bad)

    def _client(self, *, keep: bool) -> None:
        connection = self._target.connection()
        while not self._over.wait(0.005):
            answer = self._target.ask(connection)
            with self._counting:
                if answer in ("blue", "green"):
                    self.good += 1
                else:
                    self.bad.append(answer)
            if not keep:
                connection.close()
        connection.close()


def steady(bench: Bench) -> list[Row]:
    """Every kind of change under load, then how long a change of traffic and a crash of the proxy are felt."""
    target = Target(bench)
    try:
        return [
            _lost(
                target, "roll-outs of 5 instances", bench.runs(20, 2), lambda n: target.deploy("blue", 5, n), first=5
            ),
            _lost(
                target, "scale-ups and -downs", 2 * bench.runs(20, 2), lambda n: target.deploy("blue", 2 + n % 2, 99)
            ),
            _lost(target, "weight changes", bench.runs(100, 6), lambda n: target.route(("green", "blue")[n % 2])),
            _lost_to_rotations(target, bench.runs(5, 2)),
            _lost_to_certificates(target, bench.runs(5, 2)),
            Row("weight change, until in force after apply", _until_in_force(target, bench.runs(10, 3)), "s wall", 0.5),
            Row("proxy killed, until it answers again", _recovered(target), "s wall", 1.0),
        ]
    finally:
        ended(bench, target.folder)


def _lost(target: Target, what: str, times: int, change: Callable[[int], None], *, first: int = 0) -> Row:
    """What is lost while a change is applied so many times."""
    if first:
        target.deploy("blue", first)
        target.apply()

    def one(number: int) -> None:
        change(number)
        target.apply()

    return _counted(target, f"{times} {what}", times, one)


def _lost_to_rotations(target: Target, times: int) -> Row:
    """The clients have the other key."""
    rotate = ("credentials", "steady", "--rotate", "primary", "--yes")
    return _counted(target, f"{times} key rotations", times, lambda _: target.mlops(*rotate))


def _lost_to_certificates(target: Target, times: int) -> Row:
    def one(_number: int) -> None:
        served = target.certificate()
        target.certify()
        while target.certificate() == served:
            time.sleep(0.01)

    return _counted(target, f"{times} certificate changes", times, one)


def _counted(target: Target, what: str, times: int, one: Callable[[int], object]) -> Row:
    load = Load(target)
    with load.running():
        for number in range(1, times + 1):
            one(number)
            load.go_on()
    seen = f"of {load.total}" + (f"; the first: {load.bad[0][:60]}" if load.bad else "")
    return Row(f"not 200: {what}", len(load.bad), "lost", 0, note=seen)


def _until_in_force(target: Target, times: int) -> float:
    """The longest time after an apply of a weight change at which the old deployment still answered."""
    longest = 0.0
    for number in range(times):
        wanted = ("green", "blue")[number % 2]
        target.route(wanted)
        target.apply()
        began, row = time.perf_counter(), 0
        while row < STEADY:
            connection = target.connection()
            row = row + 1 if target.ask(connection) == wanted else 0
            connection.close()
            if not row:
                longest = max(longest, time.perf_counter() - began)
    return longest


def _recovered(target: Target) -> float:
    """From the kill of the proxy to the next answer."""
    (proxy,) = [one for one in psutil.process_iter(["cmdline"]) if _is_proxy(one, target.folder)]
    began = time.perf_counter()
    proxy.kill()
    while True:
        connection = target.connection()
        answer = target.ask(connection)
        connection.close()
        if answer in ("blue", "green"):
            return time.perf_counter() - began


def _is_proxy(process: psutil.Process, folder: Path) -> bool:
    words = process.info["cmdline"] or [""]
    return Path(words[0]).name.startswith("envoy") and any(str(folder) in word for word in words)


def _certificate() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signed = made.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return signed.public_bytes(serialization.Encoding.PEM) + key.private_bytes(*form)
