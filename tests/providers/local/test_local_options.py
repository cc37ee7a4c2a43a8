"""A target's own options."""

from pathlib import Path

import pytest

from reconciler.errors import ProviderError
from reconciler.providers.hosting.layout import LONGEST_SOCKET, Layout
from reconciler.providers.hosting.options import Certificate, Issuer, Options
from reconciler.providers.local.options import LocalOptions, read_options


def test_options_are_read():
    given = {"gateway": {"port": 8080, "envoy": "bin/envoy"}, "local": {"python": "exact", "ready_seconds": 30}}
    assert read_options(given, Path("/repo")) == LocalOptions(
        Options(8080, Path("/repo/bin/envoy"), 30.0), exact_python=True
    )


def test_a_certificate_is_the_users_or_made_on_first_use():
    given = {"cert_file": "tls/cert.pem", "key_file": "/etc/key.pem"}
    files = Certificate(Path("/repo/tls/cert.pem"), Path("/etc/key.pem"))
    assert read_options({"gateway": {"tls": given}}, Path("/repo")).common.tls == files
    assert read_options({"gateway": {"tls": True}}, Path("/repo")).common.tls == Certificate()
    assert read_options({"gateway": {"tls": False}}, Path("/repo")).common.tls is None


def test_the_issuer_of_tokens_has_its_keys_in_a_file_or_at_an_address():
    known = {"issuer": "https://login", "audience": "ml"}
    by_file = read_options({"tokens": {**known, "jwks_file": "keys.json"}}, Path("/repo")).common.issuer
    by_uri = read_options({"tokens": {**known, "jwks_uri": "https://login/keys"}}, Path("/repo")).common.issuer
    assert by_file == Issuer("https://login", "ml", Path("/repo/keys.json"))
    assert by_uri == Issuer("https://login", "ml", None, "https://login/keys")


@pytest.mark.parametrize(
    "options",
    [
        {"gateway": {"port": "80"}},
        {"gateway": {"port": 70000}},
        {"gateway": {"prot": 80}},
        {"gateway": {"image": "envoyproxy/envoy:v1"}},
        {"gateway": 80},
        {"local": {"python": "newest"}},
        {"local": {"ready_seconds": 0}},
        {"gatway": {"port": 80}},
        {"server": "gunicorn"},
        {"gateway": {"tls": {"cert_file": "a.pem"}}},
        {"gateway": {"tls": 1}},
        {"gateway": {"max_request_bytes": -1}},
        {"gateway": {"max_request_seconds": 0}},
        {"gateway": {"max_request_seconds": float("inf")}},
        {"metrics": {"port": 0}},
        {"tokens": {"issuer": "i", "jwks_file": "f"}},
        {"tokens": {"issuer": "i", "audience": "a"}},
        {"tokens": {"issuer": "i", "audience": "a", "jwks_file": "f", "jwks_uri": "https://x"}},
        {"tokens": {"issuer": "i", "audience": "a", "jwks_uri": "ftp://x"}},
    ],
)
def test_an_option_that_makes_no_sense_is_refused(options):
    with pytest.raises(ProviderError, match="target option"):
        read_options(options, Path())


def test_sockets_lie_in_the_targets_folder_where_their_paths_fit():
    assert Layout(Path("/repo/.mlops/local/dev")).sockets == Path("/repo/.mlops/local/dev/run")


def test_sockets_of_a_long_path_lie_in_a_short_folder_of_the_users_own():
    socket = Layout(Path("/") / ("d" * 120)).socket("0123456789ab")
    assert len(str(socket)) <= LONGEST_SOCKET


def test_a_short_folder_that_others_may_write_to_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    layout = Layout(tmp_path / ("d" * 120))
    layout.sockets.mkdir(mode=0o777)
    layout.sockets.chmod(0o777)
    with pytest.raises(ProviderError, match="not a private folder"):
        layout.prepare()
