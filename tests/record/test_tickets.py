"""The line of a target: who came first, who lives, what failed, and that nothing of it is in the clear."""

import fcntl
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.core.address import Address
from reconciler.core.secret import Secret
from reconciler.record.lock import LockFile
from reconciler.record.sealing import SealKey, SealKeys
from reconciler.record.tickets import CUT_OFF, Aim, Held, Line, is_alive

BLUE, GREEN = Address("deployment", "blue", endpoint="credit"), Address("deployment", "green", endpoint="credit")
CREATING = {BLUE: Aim("Creating", {"instance_count": 2})}
WHO = {"user": "ana", "host": "laptop", "pid": 7, "command": "mlops online-deployment create", "started": ""}


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path / ".mlops" / "operations" / "dev", SealKeys())


@pytest.fixture
def held(line: Line) -> Iterator[Held]:
    ticket = line.join(WHO, CREATING)
    yield ticket
    ticket.done()


def test_a_line_that_nobody_joined_is_empty_and_makes_no_folder(tmp_path: Path):
    line = Line(tmp_path / "operations", SealKeys())
    line.forget({BLUE})
    assert list(line.tickets()) == line.ahead() == []
    assert list(tmp_path.iterdir()) == []


def test_a_ticket_tells_whose_it_is_and_what_it_is_to_do(line: Line, held: Held):
    (found,) = line.tickets()
    assert (found.holder, found.aims, found.alive, found.why) == (WHO, CREATING, True, "")


def test_whoever_comes_later_stands_behind(line: Line, held: Held):
    later = line.join(WHO, {GREEN: Aim("Creating")})
    assert [each.file for each in line.ahead(later.ticket.file.name)] == [held.ticket.file]
    assert line.ahead(held.ticket.file.name) == []
    assert [each.file for each in line.ahead()] == [held.ticket.file, later.ticket.file]
    later.done()
    assert [each.file for each in line.ahead()] == [held.ticket.file]


def test_what_failed_is_told_and_no_longer_waited_for(line: Line):
    line.join(WHO, CREATING).fail("quota exceeded")
    (found,) = line.tickets()
    assert (found.why, found.alive, line.ahead()) == ("quota exceeded", False, [])


def test_a_ticket_whose_process_was_killed_is_cut_off(line: Line):
    pid = os.fork()
    if pid == 0:
        line.join(WHO, CREATING)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    (found,) = line.tickets()
    assert (found.why, found.alive) == (CUT_OFF, False)


def test_a_new_ticket_puts_what_failed_on_its_addresses_out_of_the_world(line: Line):
    line.join(WHO, {**CREATING, GREEN: Aim("Updating")}).fail("quota exceeded")
    line.join(WHO, {BLUE: Aim("Updating")}).done()
    (left,) = line.tickets()
    assert (set(left.aims), left.why) == ({GREEN}, "quota exceeded")
    line.forget({GREEN})
    assert list(line.tickets()) == []


def test_a_ticket_is_locked_also_where_somebody_looks_just_then(line: Line, monkeypatch: pytest.MonkeyPatch):
    lookers: list[int] = []

    def looked_at(self: LockFile) -> bool:
        if not lookers:
            lookers.append(os.open(self._path, os.O_RDONLY))
            fcntl.flock(lookers[0], fcntl.LOCK_SH)
            return taken(self)
        os.close(lookers[0])
        return taken(self)

    taken = LockFile.take
    monkeypatch.setattr(LockFile, "take", looked_at)
    held = line.join(WHO, CREATING)
    assert is_alive(held.ticket)
    held.done()


def test_the_living_are_not_forgotten(line: Line, held: Held):
    line.forget({BLUE})
    assert is_alive(held.ticket)


def test_the_log_goes_with_the_ticket(line: Line):
    ticket = line.join(WHO, CREATING)
    ticket.ticket.log.touch()
    ticket.fail("quota exceeded")
    assert ticket.ticket.log.exists()
    line.forget({BLUE})
    assert not ticket.ticket.log.exists()


def test_the_oldest_of_many_failures_go(line: Line):
    for number in range(103):
        line.join(WHO, {Address("endpoint", f"e{number}"): Aim("Creating")}).fail("quota exceeded")
    kept = [str(address) for each in line.tickets() for address in each.aims]
    assert len(kept) == 101
    assert kept[-1] == "endpoint/e102"


def test_secrets_are_kept_as_their_digests(line: Line):
    secret = Secret.of("hunter2", b"key")
    held = line.join(WHO, {BLUE: Aim("Creating", {"environment_variables": {"A": secret}})})
    assert "hunter2" not in held.ticket.file.read_text()
    (found,) = line.tickets()
    assert found.aims[BLUE].spec == {"environment_variables": {"A": secret}}
    held.done()


def test_under_a_key_nothing_of_what_is_to_be_done_stands_in_the_clear(tmp_path: Path):
    folder, keys = tmp_path / "operations" / "dev", SealKeys(SealKey(b"k" * 32))
    held = Line(folder, keys).join(WHO, {BLUE: Aim("Creating", {"description": "canary"})})
    text = held.ticket.file.read_text()
    assert "canary" not in text
    assert "blue" not in text
    (found,) = Line(folder, keys).tickets()
    assert found.aims == {BLUE: Aim("Creating", {"description": "canary"})}
    (unopened,) = Line(folder, SealKeys()).tickets()
    assert (unopened.alive, unopened.aims) == (True, {})
    moved = folder / "00000009-00000000.json"
    moved.write_text(text)
    assert [dict(each.aims) for each in Line(folder, keys).tickets()][1] == {}
    held.done()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"holder": {}, "body": {"aims": {"nowhere": {}}, "why": ""}}'])
def test_what_is_no_ticket_is_passed_over(line: Line, held: Held, text: str):
    held.ticket.file.with_name("00000002-aaaaaaaa.json").write_text(text)
    assert [each.file for each in line.tickets()] == [held.ticket.file]


def test_folder_and_files_are_for_their_owner_alone(line: Line, held: Held):
    file = held.ticket.file
    assert [path.stat().st_mode & 0o777 for path in (file, file.parent, file.parent.parent)] == [0o600, 0o700, 0o700]
    assert json.loads(file.read_text())["holder"] == WHO
