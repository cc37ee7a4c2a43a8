"""What `mlops.yaml` may say of the gateway of a docker target, and what its configuration makes of it."""

from pathlib import Path

import pytest

from reconciler.errors import ProviderError
from reconciler.gateway.values import Endpoint, Gateway, Tls, Tokens
from reconciler.providers.docker.envoy_container import configuration, files_of, published_image
from reconciler.providers.docker.names import Names
from reconciler.providers.docker.options import read_options
from reconciler.providers.hosting.facts import Facts, told
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.options import Options


def test_an_image_is_chosen_beside_what_every_target_may_choose():
    found = read_options({"gateway": {"image": "envoy:1", "port": 8080}}, Path("/repo"), "dev").common
    assert (found.image, found.port, found.envoy) == ("envoy:1", 8080, None)


@pytest.mark.parametrize(
    ("gateway", "problem"),
    [
        ({"image": "envoy:1", "envoy": "bin/envoy"}, "give one of envoy, of this machine, and image, of the engine"),
        ({"image": 1}, "image: 1 is no image's name"),
        ({"imag": "envoy:1"}, "'imag' is not known; there are envoy, image, max_request_bytes, max_request_seconds, "),
    ],
)
def test_a_gateway_that_cannot_be_is_refused(gateway, problem):
    with pytest.raises(ProviderError, match=problem):
        read_options({"gateway": gateway}, Path("/repo"), "dev")


def test_another_image_is_told_and_one_that_was_never_chosen_is_not():
    before = Facts(1, options={name: value for name, value in told(Options()).items() if name != "gateway.image"})
    assert before.outdated(Options(), 0) == []
    assert before.outdated(Options(image="envoy:1"), 0) == ["gateway.image"]


def test_the_published_image_has_the_version_of_the_package(monkeypatch):
    monkeypatch.setattr("reconciler.providers.docker.envoy_container.version", lambda _package: "1.40.2.post1")
    assert published_image() == "envoyproxy/envoy:v1.40.2"


def seen(tmp_path: Path, *endpoints: Endpoint, tls: Tls | None = None, ca_file: Path) -> dict[str, bool]:
    """What a container for these endpoints sees of this machine, and whether it may not write there."""
    gateway = Gateway("127.0.0.1", 1, endpoints, tls=tls, ca_file=ca_file)
    found = configuration(Names("t"), Layout(tmp_path), "sha256:0", 1, files_of(gateway))["HostConfig"]["Mounts"]
    assert all(each["Source"] == each["Target"] for each in found)
    return {Path(each["Source"]).name: each["ReadOnly"] for each in found}


def test_a_container_sees_the_proxys_folders_and_those_of_what_it_reads_alone(tmp_path):
    for name in ("own", "elsewhere", "authorities"):
        (tmp_path / name).mkdir()
    (tmp_path / "own" / "cert.pem").symlink_to(tmp_path / "elsewhere" / "cert.pem")
    tls, ca_file = Tls(tmp_path / "own" / "cert.pem", tmp_path / "own" / "key.pem"), tmp_path / "authorities" / "ca.pem"
    issued = {scheme: Tokens("i", "a", uri=f"{scheme}://issuer.test/keys") for scheme in ("http", "https")}
    writable = {"gateway": False, Layout(tmp_path).sockets.name: False}
    assert seen(tmp_path, ca_file=ca_file) == writable
    assert seen(tmp_path, Endpoint("credit", tokens=issued["http"]), ca_file=ca_file) == writable
    assert seen(tmp_path, tls=tls, ca_file=ca_file) == {**writable, "own": True, "elsewhere": True}
    secured = Endpoint("credit", tokens=issued["https"])
    assert seen(tmp_path, secured, ca_file=ca_file) == {**writable, "authorities": True}
