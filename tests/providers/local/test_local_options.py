"""A target's own options."""

from pathlib import Path

import pytest

from reconciler.errors import ProviderError
from reconciler.providers.local.layout import LONGEST_SOCKET, Layout
from reconciler.providers.local.options import Options, read_options


def test_options_are_read():
    given = {"gateway": {"port": 8080, "envoy": "bin/envoy"}, "local": {"python": "exact", "ready_seconds": 30}}
    assert read_options(given, Path("/repo")) == Options(8080, Path("/repo/bin/envoy"), True, 30.0)


@pytest.mark.parametrize(
    "options",
    [
        {"gateway": {"port": "80"}},
        {"gateway": {"port": 70000}},
        {"gateway": {"prot": 80}},
        {"gateway": 80},
        {"local": {"python": "newest"}},
        {"local": {"ready_seconds": 0}},
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
