"""An engine on a port of this machine, which shows who it is and wants to know who asks: `dockerd --tlsverify`."""

import hashlib
import http.server
import ipaddress
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from reconciler.errors import ProviderError
from reconciler.providers.docker.engine import Engine
from tests.engine import dockerd
from tests.engine.fixtures import engine_of_its_own
from tests.ports import free_port


class Authority:
    """Signs certificates for 127.0.0.1, of engines and of those who ask them."""

    def __init__(self, name: str) -> None:
        self.key, self.name = ec.generate_private_key(ec.SECP256R1()), name
        self.certificate = self._signed(name, self.key.public_key(), x509.BasicConstraints(ca=True, path_length=None))

    def issue(self, folder: Path, purpose: x509.ObjectIdentifier) -> Path:
        """Write ca.pem, cert.pem and key.pem, as docker wants them, into a new folder."""
        folder.mkdir()
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._signed("somebody", key.public_key(), x509.ExtendedKeyUsage([purpose]))
        for name, signed in (("ca.pem", self.certificate), ("cert.pem", certificate)):
            (folder / name).write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (folder / "key.pem").write_bytes(key.private_bytes(*form))
        return folder

    def _signed(self, subject: str, key: ec.EllipticCurvePublicKey, extension: x509.ExtensionType) -> x509.Certificate:
        now = datetime.now(UTC)
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        return (
            x509.CertificateBuilder()
            .subject_name(_named(subject))
            .issuer_name(_named(self.name))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(extension, critical=True)
            .add_extension(address, critical=False)
            .sign(self.key, hashes.SHA256())
        )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


@dataclass(frozen=True)
class Secure:
    """An engine that speaks TLS alone, and certificates with which it may be asked."""

    host: str
    certificates: Path


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    folder, authority = tmp_path_factory.mktemp("certificates"), Authority("the engine's authority")
    shown = authority.issue(folder / "engine", ExtendedKeyUsageOID.SERVER_AUTH)
    host = f"tcp://127.0.0.1:{free_port()}"
    files = (f"--tlscacert={shown}/ca.pem", f"--tlscert={shown}/cert.pem", f"--tlskey={shown}/key.pem")
    with engine_of_its_own() as own:
        dockerd.start(own, *dockerd.BESIDE_ANOTHER, f"--host={host}", "--tlsverify", *files)
        yield Secure(host, authority.issue(folder / "ours", ExtendedKeyUsageOID.CLIENT_AUTH))


def ask(host: str, **environment: str) -> str:
    """Which engine answers."""
    engine = Engine(host, environment=environment)
    try:
        return str(engine.api.info()["ID"])
    finally:
        engine.close()


@contextmanager
def refused(message: str) -> Iterator[None]:
    with pytest.raises(ProviderError, match=message) as caught:
        yield
    assert "\n" not in str(caught.value)


def test_an_engine_is_trusted_by_the_certificates_of_the_environment(secure):
    assert ask(secure.host, DOCKER_TLS_VERIFY="1", DOCKER_CERT_PATH=str(secure.certificates))


def test_authorities_and_proxies_of_other_programs_are_not_meant_for_the_engine(secure, tmp_path, monkeypatch):
    other = Authority("a company's").issue(tmp_path / "other", ExtendedKeyUsageOID.SERVER_AUTH)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other / "ca.pem"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert ask(secure.host, DOCKER_TLS_VERIFY="1", DOCKER_CERT_PATH=str(secure.certificates))


def test_a_context_brings_the_address_and_the_certificates(secure, tmp_path):
    key = hashlib.sha256(b"secure").hexdigest()
    meta = tmp_path / "contexts/meta" / key / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Name": "secure", "Endpoints": {"docker": {"Host": secure.host}}}))
    shutil.copytree(secure.certificates, tmp_path / "contexts/tls" / key / "docker")
    assert ask("", DOCKER_CONFIG=str(tmp_path), DOCKER_CONTEXT="secure")


def test_without_tls_it_is_said_how_to_have_it(secure):
    with refused("HTTP request to an HTTPS server; set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the folder"):
        ask(secure.host)


def test_an_engine_of_another_authority_is_not_trusted(secure, tmp_path):
    other = Authority("another").issue(tmp_path / "other", ExtendedKeyUsageOID.CLIENT_AUTH)
    with refused(r"shows a certificate that ca\.pem does not vouch for \(.+\); see DOCKER_CERT_PATH .*other$"):
        ask(secure.host, DOCKER_TLS_VERIFY="1", DOCKER_CERT_PATH=str(other))


def test_who_shows_no_certificate_is_told_which_files_are_theirs(secure, tmp_path):
    shutil.copy(secure.certificates / "ca.pem", tmp_path)
    with refused(r"refuses our certificate \(.+\); see cert\.pem and key\.pem of DOCKER_CERT_PATH"):
        ask(secure.host, DOCKER_TLS_VERIFY="1", DOCKER_CERT_PATH=str(tmp_path))


def test_tls_to_an_engine_that_speaks_none_is_told_as_that(tmp_path):
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as plain:
        plain.RequestHandlerClass.log_message = lambda *_: None  # type: ignore[assignment, method-assign]
        thread = threading.Thread(target=plain.handle_request)
        thread.start()
        with refused("speaks no TLS; unset DOCKER_TLS_VERIFY and DOCKER_CERT_PATH"):
            ask(f"tcp://127.0.0.1:{plain.server_port}", DOCKER_TLS_VERIFY="1", DOCKER_CERT_PATH=str(tmp_path))
        thread.join()
