"""TLS: who is shown which certificate, and that another one is taken without a closed connection."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from gateway_tls import Certificate, new_certificate
from gateway_world import SCORE, World, exchange

from reconciler.errors import ProviderError
from reconciler.gateway.values import Endpoint, Tls
from tests.waiting import until


def credit(world: World) -> Endpoint:
    return Endpoint("credit", (), {"blue": 100}, (world.deployment("blue"),))


def serve(world: World, folder: Path) -> Certificate:
    made = new_certificate(folder)
    world.serve(credit(world), tls=Tls(made.cert_file, made.key_file))
    world.trusted = ssl.create_default_context(cafile=str(made.cert_file))
    return made


def shown(world: World) -> int:
    """The serial number of the certificate that a new client is shown."""
    pem = ssl.get_server_certificate(("127.0.0.1", world.port), timeout=30)
    return x509.load_pem_x509_certificate(pem.encode()).serial_number


def curl(world: World, *options: str) -> subprocess.CompletedProcess[str]:
    address = f"https://localhost:{world.port}{SCORE}"
    argv = ["curl", "--silent", "--show-error", "--max-time", "30", *options, address]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def test_a_gateway_with_a_certificate_speaks_tls_alone(world):
    made = serve(world, world.folder / "tls")
    assert world.ask().body["model"] == "blue"
    assert shown(world) == made.serial
    world.trusted = None
    with pytest.raises((ConnectionError, OSError)):
        world.ask()


needs_curl = pytest.mark.skipif(
    not shutil.which("curl") or b"HTTP2" not in subprocess.run(["curl", "-V"], capture_output=True, check=True).stdout,
    reason="no curl with HTTP/2",
)


@needs_curl
def test_http_2_is_spoken_with_who_can(world):
    made = serve(world, world.folder / "tls")
    trusting = ("--cacert", str(made.cert_file), "--data", "{}", "--write-out", "\n%{http_version} %{http_code}")
    for option, version in (("--http2", "2"), ("--http1.1", "1.1")):
        answer = curl(world, option, *trusting)
        assert answer.stdout.splitlines()[-1] == f"{version} 200", answer.stderr
    assert {line["Protocol"] for line in world.logged(2)} == {"HTTP/2", "HTTP/1.1"}


@needs_curl
def test_old_versions_of_tls_are_refused(world):
    made = serve(world, world.folder / "tls")
    refused = curl(world, "--cacert", str(made.cert_file), "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0")
    assert refused.returncode == 35
    assert curl(world, "--cacert", str(made.cert_file), "--tls-max", "1.2").returncode == 0


def test_a_certificate_that_is_replaced_is_shown_to_new_clients_and_closes_no_connection(world):
    folder = world.folder / "tls"
    first = serve(world, folder)
    with world.connected() as connection:
        assert exchange(connection).status == 200
        second = new_certificate(folder)
        until(lambda: shown(world) == second.serial)
        assert first.serial != second.serial
        assert exchange(connection).headers.get("connection") is None
        world.serve(credit(world), tls=Tls(second.cert_file, second.key_file))
        assert exchange(connection).headers.get("connection") is None


def test_a_certificate_is_taken_from_a_secret_that_kubernetes_mounts(world):
    """There the files are links into a folder that is one too, and that is replaced by a rename."""
    mount = world.folder / "mount"
    mount.mkdir()
    first = new_certificate(mount / "..1")
    (mount / "..data").symlink_to("..1")
    for name in ("tls.crt", "tls.key"):
        (mount / name).symlink_to(f"..data/{name}")
    world.serve(credit(world), tls=Tls(mount / "tls.crt", mount / "tls.key"))
    assert shown(world) == first.serial
    second = new_certificate(mount / "..2")
    (mount / "..data_tmp").symlink_to("..2")
    (mount / "..data_tmp").rename(mount / "..data")
    until(lambda: shown(world) == second.serial)


def test_certificates_are_replaced_under_load_without_a_lost_request(world):
    folder = world.folder / "tls"
    serve(world, folder)
    coming = [new_certificate(world.folder / f"next{n}") for n in range(5)]
    world.trusted.check_hostname, world.trusted.verify_mode = False, ssl.CERT_NONE
    with world.load() as statuses:
        for each in coming:
            for source, name in ((each.key_file, "tls.key"), (each.cert_file, "tls.crt")):
                shutil.copy(source, folder / "new").rename(folder / name)
            world.serve(credit(world), tls=Tls(folder / "tls.crt", folder / "tls.key"))
            assert shown(world) == each.serial
    assert set(statuses) == {200}


def test_another_certificate_is_shown_as_soon_as_it_is_applied(world):
    serve(world, world.folder / "one")
    second = serve(world, world.folder / "two")
    assert shown(world) == second.serial


def spoilt(made: Certificate, how: str) -> Tls:
    if how == "of another key":
        return Tls(made.cert_file, new_certificate(made.cert_file.parent.parent / "another").key_file)
    if how == "not there":
        return Tls(made.cert_file.with_name("nowhere"), made.key_file)
    made.cert_file.write_text("no certificate")
    return Tls(made.cert_file, made.key_file)


@pytest.mark.parametrize("how", ["of another key", "not there", "no certificate"])
def test_a_certificate_is_told_and_the_old_one_stays_that_is(world, how):
    first = serve(world, world.folder / "first")
    bad = spoilt(new_certificate(world.folder / "bad"), how)
    with pytest.raises(ProviderError, match=r"the certificate of the gateway"):
        world.serve(credit(world), tls=bad)
    assert shown(world) == first.serial
    assert world.ask().status == 200


def test_a_certificate_that_was_spoilt_in_place_is_told_and_the_old_one_stays(world):
    folder = world.folder / "tls"
    first = serve(world, folder)
    spoil = folder / "spoil"
    spoil.write_text("no certificate")
    spoil.rename(first.cert_file)
    failed = "sds.certificate.key_rotation_failed"
    until(lambda: int(world.admin.stats(failed).get(failed, 0)) > 0)
    assert shown(world) == first.serial
    with pytest.raises(ProviderError, match=r"the certificate of the gateway"):
        world.serve(credit(world), tls=Tls(first.cert_file, first.key_file))
    second = serve(world, folder)
    assert shown(world) == second.serial


def test_a_gateway_is_not_started_with_a_certificate_that_is_none(world):
    bad = spoilt(new_certificate(world.folder / "bad"), "no certificate")
    with pytest.raises(ProviderError, match=r"the certificate of the gateway"):
        world.serve(credit(world), tls=bad)


def test_tls_is_turned_on_and_off_without_a_restart(world):
    world.serve(credit(world))
    pid = world.envoy.pid
    for _ in range(2):
        serve(world, world.folder / "tls")
        assert world.ask().status == 200
        world.serve(credit(world))
        world.trusted = None
        assert world.ask().status == 200
    assert (world.envoy.pid, world.envoy.poll()) == (pid, None)


def test_the_private_key_is_in_no_file_of_the_proxy_and_not_in_what_it_shows(world):
    made = serve(world, world.folder / "tls")
    secret = made.key_file.read_text().splitlines()[1]
    shows = world.admin._request("GET", "/certs").decode()
    assert f"{made.serial:x}" in shows
    texts = [path.read_text() for path in world.place.folder.glob("*.json")]
    assert not [text for text in [shows, *texts] if secret in text]
