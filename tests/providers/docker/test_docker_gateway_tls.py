"""The gateway's container shows certificates of this machine, and follows them where they are renewed or moved."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from docker_world import ENDPOINT, Load, World
from gateway_container import gateway, serve

from tests.certified import Authority
from tests.waiting import until


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def opened(tmp_path: Path, engine_host: str, project: str, serving_image: str, envoy_image: str) -> Iterator[Any]:
    """Opens a target whose gateway is a container with TLS, and serves endpoint credit; to be called once."""
    worlds = []

    def opened(tls: object) -> World:
        world = World(tmp_path, engine_host, project, serving_image, gateway={"image": envoy_image, "tls": tls})
        worlds.append(world)
        serve(world)
        return world

    yield opened
    for world in worlds:
        world.end()


def files(folder: Path, authority: Authority) -> dict[str, str]:
    """The option for a certificate that is made in a folder."""
    folder.mkdir(exist_ok=True)
    certificate, key = authority.issue(folder, "localhost", "127.0.0.1")
    return {"cert_file": str(certificate), "key_file": str(key)}


def shown(world: World) -> int:
    """The serial number of the certificate that clients see."""
    place = urlsplit(world.live("endpoint/credit").detail["scoring_uri"])
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((place.hostname, place.port)) as plain, context.wrap_socket(plain) as secured:
        certificate = secured.getpeercert(binary_form=True)
    assert certificate is not None
    return x509.load_der_x509_certificate(certificate).serial_number


def serial_number(file: str) -> int:
    return x509.load_pem_x509_certificate(Path(file).read_bytes()).serial_number


def switch(world: World, tls: object) -> None:
    world.switch(gateway={**world._options["gateway"], "tls": tls})
    world.do("update", "endpoint/credit", ENDPOINT)


def test_a_self_signed_certificate_is_shown(opened):
    world = opened(True)
    told = world.live("endpoint/credit").detail["certificate"]
    assert shown(world) == serial_number(told["file"])
    with Load(world, ca=Path(told["file"])) as load:
        load.go_on(20)
    assert load.lost == []


def test_a_certificate_that_is_renewed_in_its_place_is_shown_without_a_change(opened, authority, tmp_path):
    given = files(tmp_path / "own", authority)
    world = opened(given)
    first, container = serial_number(given["cert_file"]), gateway(world)["Id"]
    assert shown(world) == first
    files(tmp_path / "own", authority)
    until(lambda: shown(world) == serial_number(given["cert_file"]) != first)
    assert gateway(world)["Id"] == container


def test_a_certificate_by_links_into_another_folder_is_shown(opened, authority, tmp_path):
    """As certbot lays certificates down."""
    given, live = files(tmp_path / "archive", authority), tmp_path / "live"
    live.mkdir()
    for name, file in given.items():
        (live / name).symlink_to(Path("..") / "archive" / Path(file).name)
    world = opened({name: str(live / name) for name in given})
    assert shown(world) == serial_number(given["cert_file"])


def test_certificates_of_other_folders_take_over_from_each_other_without_a_lost_request(opened, authority, tmp_path):
    """The container that takes over sees the former certificate too: it is in force until it has taken the files."""
    first, second = (files(tmp_path / name, authority) for name in ("first", "second"))
    world = opened(first)
    with Load(world, ca=authority.file) as load:
        for given in (second, first):
            switch(world, given)
            assert shown(world) == serial_number(given["cert_file"])
            load.go_on(20)
    assert load.lost == []


def test_tls_is_turned_on_and_off(opened, authority, tmp_path):
    world = opened(False)
    for given in (files(tmp_path / "own", authority), True, False):
        switch(world, given)
        uri = world.live("endpoint/credit").detail["scoring_uri"]
        assert uri.startswith("https://" if given else "http://")
    assert world.score() == "blue"
