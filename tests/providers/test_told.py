"""How an instance is asked what it serves: each of its workers, for a time, and past answers of others."""

import pytest

from reconciler.core.state import Told
from reconciler.providers.hosting.served import told

DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def answer(worker=1, workers=1, loaded=DIGEST, now=DIGEST):
    return {"worker": worker, "workers": workers, "code": {"loaded": loaded, "now": now, "same": True}, "model": {}}


def asked(*answers, **options):
    """What is told where the last answer is given again and again, and how often it was asked."""
    left, count = list(answers), 0

    def ask(_address):
        nonlocal count
        count += 1
        return left.pop(0) if len(left) > 1 else left[0]

    return told("/s", ask=ask, sleep=lambda _s: None, **options), count


def test_one_worker_is_asked_once():
    assert asked(answer()) == ([{"code": Told(DIGEST, DIGEST, same=True)}], 1)


def test_a_worker_that_loaded_something_else_than_the_others_is_found():
    found, _ = asked(answer(1, 3), answer(1, 3), answer(2, 3), answer(3, 3, loaded=OTHER))
    assert found == [{"code": Told(DIGEST, DIGEST, same=True)}, {"code": Told(OTHER, DIGEST, same=True)}]


def test_a_worker_that_never_takes_a_connection_is_not_waited_for():
    found, count = asked(answer(1, 2))
    assert (len(found), count) == (1, 10)


def test_an_instance_that_claims_thousands_of_workers_is_not_asked_as_often():
    assert asked(answer(1, 100_000))[1] < 400


def test_a_worker_that_still_reads_its_model_is_waited_for():
    found, count = asked(answer(loaded="", now=""), answer(loaded="", now=""), answer())
    assert (found, count) == ([{"code": Told(DIGEST, DIGEST, same=True)}], 3)


def test_it_is_not_waited_for_longer_than_patience_lasts():
    times = iter(range(100))
    found, count = asked(answer(loaded="", now=""), patience_s=5, now=lambda: next(times))
    assert (found, count) == ([{"code": Told("", "", same=True)}], 5)


def test_a_server_that_knows_no_such_question_says_nothing():
    assert asked(None) == ((), 1)


@pytest.mark.parametrize("loaded", ["sha256:x", "\x1b[31m", "sha256:" + "a" * 65])
def test_what_is_no_digest_is_not_believed(loaded):
    with pytest.raises(ValueError, match="no digests"):
        asked(answer(loaded=loaded))
