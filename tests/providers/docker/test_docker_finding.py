"""Which engine is meant, in the order of the docker command."""

import hashlib
import json
from pathlib import Path

import pytest

from reconciler.errors import ProviderError
from reconciler.providers.docker.finding import Endpoint, find

DEFAULT = "unix:///var/run/docker.sock"
CERTIFICATES = ("ca.pem", "cert.pem", "key.pem")


def context(home: Path, name: str, host: str, *, verify: bool = True, certificates: bool = False) -> None:
    """Write a context as `docker context create` does."""
    contexts, key = home / ".docker" / "contexts", hashlib.sha256(name.encode()).hexdigest()
    endpoint = {"Host": host, "SkipTLSVerify": not verify}
    meta = contexts / "meta" / key / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": {"docker": endpoint}}))
    if certificates:
        folder = contexts / "tls" / key / "docker"
        folder.mkdir(parents=True)
        for file in CERTIFICATES:
            (folder / file).touch()


def current(home: Path, name: str) -> None:
    (home / ".docker").mkdir(exist_ok=True)
    (home / ".docker" / "config.json").write_text(json.dumps({"currentContext": name, "auths": {}}))


def found(home: Path, host: str = "", **environment: str) -> Endpoint:
    return find(host, environment, home)


def test_without_a_word_it_is_the_socket_of_this_machine(tmp_path):
    assert found(tmp_path) == Endpoint(DEFAULT, "the default")


def test_on_windows_it_is_the_pipe(tmp_path):
    assert find("", {}, tmp_path, windows=True).address == "npipe:////./pipe/docker_engine"


def test_the_target_goes_before_the_environment_and_the_environment_before_the_context(tmp_path):
    context(tmp_path, "colima", "unix:///colima.sock")
    context(tmp_path, "other", "unix:///other.sock")
    current(tmp_path, "colima")
    environment = {"DOCKER_CONTEXT": "other", "DOCKER_HOST": "unix:///host.sock"}
    assert found(tmp_path, "unix:///target.sock", **environment).address == "unix:///target.sock"
    assert found(tmp_path, **environment).address == "unix:///host.sock"
    assert found(tmp_path, DOCKER_CONTEXT="other").address == "unix:///other.sock"
    assert found(tmp_path) == Endpoint("unix:///colima.sock", "the docker command's context 'colima'")


def test_the_default_context_is_the_socket_of_this_machine(tmp_path):
    current(tmp_path, "default")
    assert found(tmp_path).address == DEFAULT


def test_the_settings_of_the_docker_command_may_lie_elsewhere(tmp_path):
    context(tmp_path, "colima", "unix:///colima.sock")
    current(tmp_path, "colima")
    assert found(tmp_path / "nobody", DOCKER_CONFIG=str(tmp_path / ".docker")).address == "unix:///colima.sock"


def test_a_context_brings_its_certificates(tmp_path):
    context(tmp_path, "secure", "tcp://127.0.0.1:2376", certificates=True)
    tls = found(tmp_path, DOCKER_CONTEXT="secure").tls
    assert tls is not None
    assert tls.verify
    assert tls.ca == tls.folder / "ca.pem"
    assert tls.client == (str(tls.folder / "cert.pem"), str(tls.folder / "key.pem"))


def test_a_context_may_trust_any_engine(tmp_path):
    context(tmp_path, "lax", "tcp://127.0.0.1:2376", verify=False, certificates=True)
    tls = found(tmp_path, DOCKER_CONTEXT="lax").tls
    assert tls is not None
    assert not tls.verify


def test_the_environment_says_how_engines_are_trusted(tmp_path):
    host = "tcp://localhost:2376"
    verified = found(tmp_path, host, DOCKER_TLS_VERIFY="1", DOCKER_CERT_PATH=str(tmp_path)).tls
    assert verified is not None
    assert (verified.folder, verified.verify) == (tmp_path, True)
    assert (verified.ca, verified.client) == (None, None)
    trusting = found(tmp_path, host, DOCKER_TLS="1").tls
    assert trusting is not None
    assert (trusting.folder, trusting.verify) == (tmp_path / ".docker", False)
    assert found(tmp_path, host, DOCKER_TLS_VERIFY="").tls is None


def test_a_socket_needs_no_certificate(tmp_path):
    assert found(tmp_path, DOCKER_HOST="unix:///a.sock", DOCKER_TLS_VERIFY="1") == Endpoint(
        "unix:///a.sock", "DOCKER_HOST"
    )


@pytest.mark.parametrize(
    "host", ["tcp://127.0.0.1:2375", "tcp://localhost:2375", "tcp://[::1]:2375", "http://127.8.8.8:1"]
)
def test_an_engine_on_a_port_of_this_machine_is_taken(tmp_path, host):
    assert found(tmp_path, host).address == host


@pytest.mark.parametrize(
    "host", ["tcp://192.0.2.7:2375", "https://engine.example:2376", "ssh://ana@engine", "tcp://:2375"]
)
def test_an_engine_of_another_machine_is_refused(tmp_path, host):
    with pytest.raises(ProviderError, match=r"\(DOCKER_HOST\) is on another machine; .*run mlops on the engine's mach"):
        found(tmp_path, DOCKER_HOST=host)


@pytest.mark.parametrize("host", ["docker.sock", "/var/run/docker.sock", "unix://", "ftp://127.0.0.1"])
def test_what_is_no_address_is_refused(tmp_path, host):
    with pytest.raises(ProviderError, match="no address of a Docker engine; write unix:///PATH"):
        found(tmp_path, host)


def test_a_context_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ProviderError, match="context 'gone' is not there; see docker context ls"):
        found(tmp_path, DOCKER_CONTEXT="gone")


@pytest.mark.parametrize("content", ["{", "[]"])
def test_settings_of_the_docker_command_that_cannot_be_read_are_named(tmp_path, content):
    current(tmp_path, "default")
    (tmp_path / ".docker" / "config.json").write_text(content)
    with pytest.raises(ProviderError, match=r"config\.json of the docker command"):
        found(tmp_path)


def test_a_target_with_a_host_is_spared_what_is_wrong_with_the_docker_command(tmp_path):
    current(tmp_path, "default")
    (tmp_path / ".docker" / "config.json").write_text("{")
    assert found(tmp_path, "unix:///a.sock").address == "unix:///a.sock"
