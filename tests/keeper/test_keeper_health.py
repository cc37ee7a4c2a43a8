"""What is made of the answers to probes, with no process and no clock."""

import pytest

from reconciler.keeper.health import Health, problem, request
from reconciler.keeper.values import Probe

TWICE = Probe("/s", failure_threshold=3, success_threshold=2)


def after(outcomes: str, probe: Probe) -> Health:
    health = Health()
    for outcome in outcomes:
        health = health.alive(probe) if outcome == "+" else health.failed()
    return health


@pytest.mark.parametrize(
    ("outcomes", "failing"),
    [
        ("", False),
        ("--", False),
        ("---", True),
        ("--+-", True),
        ("--++--", False),
        ("--+++--", False),
        ("++--+---", True),
    ],
)
def test_failures_count_until_enough_good_answers_in_a_row(outcomes, failing):
    assert after(outcomes, TWICE).fails(TWICE) is failing


def test_one_good_answer_is_enough_unless_told_otherwise():
    once = Probe("/s", failure_threshold=2)
    assert not after("-+-+-", once).fails(once)
    assert after("+--", once).fails(once)


def test_a_process_begins_to_fail_once_until_it_was_well_again():
    told = [n for n in range(1, 12) if after("------++---"[:n], TWICE).begins_to_fail(TWICE)]
    assert told == [3, 11]


@pytest.mark.parametrize("status", [200, 204, 302, 399])
def test_these_answers_are_of_the_living(status):
    assert problem(f"HTTP/1.1 {status} Reason".encode()) == ""
    assert problem(f"HTTP/1.0 {status}".encode()) == ""


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 503 Service Unavailable", "HTTP status 503"),
        (b"HTTP/1.1 100", "HTTP status 100"),
        (b"HTTP/1.1 400", "HTTP status 400"),
        (b"", "the connection was closed without an answer"),
        (b"HTTP/1.1 2", "no answer of HTTP: b'HTTP/1.1 2'"),
        (b"HTTP/1.1 2x0", "no answer of HTTP: b'HTTP/1.1 2x0'"),
        (b"\x15\x03\x01\x00\x02\x02", "no answer of HTTP: b'\\x15\\x03\\x01\\x00\\x02\\x02'"),
    ],
)
def test_other_answers_are_told_in_words(answer, words):
    assert problem(answer) == words


def test_a_probe_is_a_get_that_closes():
    assert request(Probe("/s", "/ready")) == b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
