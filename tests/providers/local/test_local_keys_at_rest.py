"""What opens endpoints lies in private files of the target, and nowhere else on the machine."""

import base64
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from local_world import World

from tests.keys_in_use import OPTIONS, Used
from tests.secrets_sought import forms, held, in_files, in_processes, of_others


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory, environments: Path) -> Iterator[Used]:
    world = World(tmp_path_factory.mktemp("keys"), environments, gateway=OPTIONS)
    try:
        yield Used(world)
    finally:
        world.end()


def test_only_private_files_of_the_target_hold_them(used: Used):
    used.until_logged()
    found = in_files(used.secrets, [used.world.layout.folder.parent, Path(tempfile.gettempdir())], since=used.began)
    folder = used.world.layout.folder
    places = {str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path) for path in found}
    assert places == {
        "gateway/routes.json",
        "secrets/endpoint%2Fcredit.json",
        "signing-key.pem",
        "tls/certificate-and-key.pem",
    }
    assert of_others(found) == []


def test_a_key_that_was_replaced_is_nowhere(used: Used):
    former = {"first primaryKey": used.secrets["first primaryKey"]}
    assert in_files(former, [used.world.layout.folder]) == {}


def test_no_process_has_them_in_its_command_line_or_environment(used: Used):
    assert in_processes(used.secrets) == []


def test_the_proxys_admin_socket_tells_none(used: Used):
    assert used.admin_tells() == []


@pytest.mark.parametrize("around", ["", "a", "ab", "abc"])
def test_a_secret_is_found_in_every_form(around: str):
    secret = 'a/"secret+of=ours'
    whole = f"{around}{secret}{around}"
    for text in (whole, json.dumps(whole), quote(whole, safe=""), whole.encode().hex()):
        assert held({"it": secret}, text.encode()) == ["it"], text
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        assert held({"it": secret}, encode(whole.encode())) == ["it"]
    assert held({"it": secret}, b"a/secret of ours") == []
    assert all(len(form) > 8 for form in forms(secret))
