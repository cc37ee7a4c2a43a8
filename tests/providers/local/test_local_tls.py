"""The gateway speaks TLS: with a certificate that it makes itself, or with the user's."""

import socket
import ssl
import time
import urllib.error
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from constant_load import Load
from cryptography import x509
from local_world import ENDPOINT, World, answering
from opening import ask, credential, gateway_pid, serve

from reconciler.errors import ProviderError
from reconciler.providers.hosting.certificates import LIFETIME, RENEWED_BEFORE, identity
from reconciler.providers.hosting.options import Certificate
from tests.certified import Authority
from tests.waiting import until

DAY_S = 24 * 3600.0


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def secured(tmp_path: Path, environments: Path) -> Iterator[World]:
    """Endpoint credit behind a self-signed certificate."""
    world = World(tmp_path, environments, gateway={"tls": True})
    serve(world)
    yield world
    world.end()


@pytest.fixture
def certified(tmp_path: Path, environments: Path, authority: Authority) -> Iterator[World]:
    """Endpoint credit behind a certificate of the user's."""
    certificate, key = authority.issue(tmp_path, "localhost")
    world = World(tmp_path, environments, gateway={"tls": {"cert_file": str(certificate), "key_file": str(key)}})
    serve(world)
    yield world
    world.end()


def port_of(world: World) -> int:
    port = urlsplit(world.live("endpoint/credit").detail["scoring_uri"]).port
    assert port is not None
    return port


def serial_numbers(file: Path) -> list[int]:
    return [each.serial_number for each in x509.load_pem_x509_certificates(file.read_bytes())]


def test_a_certificate_is_made_once_and_its_key_belongs_to_its_owner_alone(tmp_path):
    file = tmp_path / "tls" / "certificate.pem"
    first, second = identity(Certificate(), file), identity(Certificate(), file)
    assert first == second
    assert first.self_signed
    assert b"PRIVATE KEY" not in file.read_bytes()
    assert first.tls.key_file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_a_certificate_that_is_about_to_expire_is_renewed_and_both_are_trusted_for_a_while(tmp_path):
    file, now = tmp_path / "tls" / "certificate.pem", time.time()
    made = identity(Certificate(), file, now=lambda: now)
    (former,) = serial_numbers(file)
    early = identity(Certificate(), file, now=lambda: made.renew_at - 60)
    assert (early, serial_numbers(file)) == (made, [former])
    renewed = identity(Certificate(), file, now=lambda: made.renew_at + 60)
    fresh, kept = serial_numbers(file)
    assert (kept, serial_numbers(renewed.tls.cert_file)) == (former, [fresh])
    assert renewed.renew_at > now + (LIFETIME - RENEWED_BEFORE).total_seconds()


def test_a_client_that_trusts_the_file_gets_through_and_others_do_not(secured):
    key = credential(secured)
    assert secured.live("endpoint/credit").detail["scoring_uri"].startswith("https://127.0.0.1:")
    assert ask(secured, key, ca=secured.layout.certificate) == 200
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        ask(secured, key)


def test_a_client_that_checks_certificates_strictly_gets_through(secured):
    context = ssl.create_default_context(cafile=str(secured.layout.certificate))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    port = port_of(secured)
    for host in ("127.0.0.1", "localhost"):
        with (
            socket.create_connection(("127.0.0.1", port)) as raw,
            context.wrap_socket(raw, server_hostname=host) as spoken,
        ):
            assert spoken.version() == "TLSv1.3"


def test_http_2_is_spoken_where_the_client_can(secured):
    context = ssl.create_default_context(cafile=str(secured.layout.certificate))
    context.set_alpn_protocols(["h2", "http/1.1"])
    port = port_of(secured)
    with (
        socket.create_connection(("127.0.0.1", port)) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as it,
    ):
        assert it.selected_alpn_protocol() == "h2"


def test_the_address_has_a_name_that_the_users_certificate_has(certified, authority):
    assert certified.live("endpoint/credit").detail["scoring_uri"].startswith("https://localhost:")
    assert ask(certified, credential(certified), ca=authority.file) == 200


def test_certificates_that_are_replaced_under_load_lose_no_request(certified, authority, tmp_path):
    shown = set()
    with Load(certified, ca=authority.file) as load:
        for _ in range(5):
            certificate, _ = authority.issue(tmp_path, "localhost")
            (expected,) = serial_numbers(certificate)
            _until_shown(certified, expected)
            shown.add(expected)
            load.go_on(50)
    assert load.lost == []
    assert len(shown) == 5


def test_another_certificate_of_our_own_is_shown_without_a_restart(secured):
    pid, both = gateway_pid(secured), secured.layout.certificate.with_name("certificate-and-key.pem")
    (former,) = serial_numbers(both)
    both.unlink()
    identity(Certificate(), secured.layout.certificate)
    (fresh,) = serial_numbers(both)
    assert fresh != former
    _until_shown(secured, fresh)
    assert ask(secured, credential(secured), ca=secured.layout.certificate) == 200
    assert gateway_pid(secured) == pid


def test_tls_is_switched_on_and_off_by_the_next_change(world):
    world.endpoint_with(blue=answering("blue"))
    key, pid = credential(world), gateway_pid(world)
    assert "outdated_gateway" not in world.live("endpoint/credit").spec
    world.switch(gateway={"tls": True})
    assert world.live("endpoint/credit").spec["outdated_gateway"] == "gateway.tls"
    world.do("update", "endpoint/credit", ENDPOINT)
    assert "outdated_gateway" not in world.live("endpoint/credit").spec
    assert ask(world, key, ca=world.layout.certificate) == 200
    world.switch()
    world.do("update", "endpoint/credit", ENDPOINT)
    assert "certificate" not in world.live("endpoint/credit").detail
    assert ask(world, key) == 200
    assert gateway_pid(world) == pid


def test_a_certificate_that_is_due_is_told_before_it_expires(secured, monkeypatch):
    late = time.time() + LIFETIME.total_seconds() - 29 * DAY_S
    monkeypatch.setattr("reconciler.providers.hosting.front.time.time", lambda: late)
    assert "about to expire" in secured.live("endpoint/credit").spec["outdated_gateway"]


@pytest.mark.parametrize(
    ("certificate", "key", "said"),
    [
        ("none.pem", "key.pem", "cert_file: .*none.pem: No such file"),
        ("key.pem", "key.pem", "cert_file: .*holds no certificate"),
        ("certificate.pem", "none.pem", "key_file: .*none.pem: No such file"),
        ("certificate.pem", "certificate.pem", "key_file: .*holds no private key"),
        ("certificate.pem", "other/key.pem", "key_file: .*is not the key of .*certificate.pem"),
        ("certificate.pem", "locked/key.pem", "key_file: .*passphrase"),
        ("old/certificate.pem", "old/key.pem", "cert_file: .*expired on 20[0-9-]+; put a new one in its place"),
    ],
)
def test_files_that_do_not_make_a_certificate_are_told_in_one_line(tmp_path, authority, certificate, key, said):
    for name in ("other", "locked", "old"):
        (tmp_path / name).mkdir()
    authority.issue(tmp_path, "localhost")
    authority.issue(tmp_path / "other", "localhost")
    authority.issue(tmp_path / "locked", "localhost", passphrase=b"secret")
    authority.issue(tmp_path / "old", "localhost", valid=timedelta(days=-1))
    with pytest.raises(ProviderError, match=f"^target option gateway: tls: {said}") as told:
        identity(Certificate(tmp_path / certificate, tmp_path / key), tmp_path / "own.pem")
    assert "\n" not in str(told.value)


def _until_shown(world: World, serial: int) -> None:
    """Wait until the gateway shows a certificate to those that connect."""
    port = port_of(world)

    def shown() -> bool:
        pem = ssl.get_server_certificate(("127.0.0.1", port))
        return x509.load_pem_x509_certificate(pem.encode()).serial_number == serial

    until(shown)
