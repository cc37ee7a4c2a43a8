"""What a server says that it has loaded: the digests that a plan knows content by, taken of the files themselves."""

import os

import pytest

from reconciler.load.disk.digest import content_digest
from reconciler.scoring import served as module
from reconciler.scoring.served import Part, Served
from reconciler.scoring.settings import Settings
from tests.waiting import until

SCRIPT = "def run(raw_data):\n    return 'one'\n"


@pytest.fixture
def folder(tmp_path):
    """A folder as content is laid down, with what no digest counts besides."""
    for name in ("score.py", "lib/b.py", "lib/a.py", "lib-c.py", "__pycache__/x.pyc", "lib/.DS_Store"):
        (tmp_path / "code" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "code" / name).write_text(name)
    (tmp_path / "code" / os.fsdecode(b"\xff.txt")).write_text("no text")
    return tmp_path / "code"


def ask(server):
    return server.ask("GET", "/-/served").json


def test_a_folder_and_a_file_have_the_digests_that_a_plan_knows_them_by(folder):
    whole, alone = Part(folder).told(), Part(folder / "score.py").told()
    assert whole == {"loaded": content_digest(folder), "now": content_digest(folder), "same": True}
    assert alone["loaded"] == content_digest(folder / "score.py")


def test_what_was_loaded_stays_known_when_a_file_is_edited(folder):
    part, before = Part(folder), content_digest(folder)
    (folder / "score.py").write_text("edited")
    told = until(lambda: found if (found := part.told())["now"] else None)
    assert told == {"loaded": before, "now": content_digest(folder), "same": False}


def test_a_large_model_is_read_when_somebody_asks(folder, monkeypatch):
    monkeypatch.setattr(module, "SMALL", 3)
    part = Part(folder)
    assert part.told()["loaded"] == ""
    assert until(lambda: part.told()["loaded"]) == content_digest(folder)


def test_what_is_read_while_an_answer_is_made_is_told_by_the_next_one(folder, monkeypatch):
    monkeypatch.setattr(module, "SMALL", 3)
    part = Part(folder)
    monkeypatch.setattr(module.threading.Thread, "start", module.threading.Thread.run)
    assert part.told() == {"loaded": "", "now": "", "same": True}
    assert part.told() == {"loaded": content_digest(folder), "now": content_digest(folder), "same": True}


def test_of_a_large_model_that_was_edited_before_anybody_asked_nobody_claims_to_know_what_was_loaded(
    folder, monkeypatch
):
    monkeypatch.setattr(module, "SMALL", 3)
    part = Part(folder)
    (folder / "score.py").write_text("edited")
    assert until(lambda: part.told()["now"]) == content_digest(folder)
    assert part.told() == {"loaded": "", "now": content_digest(folder), "same": False}


def test_content_that_is_put_back_byte_for_byte_is_edited_and_equal(folder):
    part, script = Part(folder), folder / "score.py"
    text, changed_ns = script.read_text(), script.stat().st_ctime_ns
    script.write_text("edited")
    # Within one tick of a file system's clock nothing would tell it from what it was.
    until(lambda: script.write_text(text) and script.stat().st_ctime_ns != changed_ns)
    told = until(lambda: found if (found := part.told())["now"] else None)
    assert (told["loaded"] == told["now"], told["same"]) == (True, False)


def test_content_that_is_gone_or_cannot_be_read_is_told_as_unknown(folder):
    part = Part(folder)
    (folder / "score.py").unlink()
    (folder / "score.py").symlink_to("nowhere")
    assert part.told()["now"] == ""


def test_each_file_or_folder_of_a_model_is_told_by_its_name(folder, tmp_path):
    found = Served(Settings(tmp_path, "score.py", code_folder=None, model_folder=folder)).report()
    assert found["model"]["lib"]["loaded"] == content_digest(folder / "lib")
    assert "code" not in found


def test_a_server_tells_what_it_loaded_and_what_a_restart_would_load(start, tmp_path):
    code = tmp_path / "src"
    code.mkdir()
    (code / "score.py").write_text(f"def init(): pass\n{SCRIPT}")
    whole = content_digest(code)
    server = start(None, AML_APP_ROOT=str(code), MLOPS_CODE_FOLDER=str(code)).until_healthy()
    assert ask(server)["code"] == {"loaded": whole, "now": whole, "same": True}
    (code / "score.py").write_text(f"def init(): pass\n{SCRIPT.replace('one', 'two')}")
    told = until(lambda: found if (found := ask(server)["code"])["now"] else None)
    assert told == {"loaded": whole, "now": content_digest(code), "same": False}
    assert server.ask().body == b'"one"'


def test_the_environment_claims_nothing_of_digests(start):
    server = start(SCRIPT).until_healthy()
    told = ask(server)
    assert (told["workers"], told["model"], "code" in told) == (1, {}, False)
