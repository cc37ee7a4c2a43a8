"""Bad requests through the real gateway to the real scoring server: each has its code, and nothing else happens."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from abused import Target, new_world, serving

from tests.bad_requests import ALL, INPUT, LIMIT, SCORE, Bad
from tests.raw_http import ask, request
from tests.waiting import until

SEED = 20_240_229


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory, environments: Path) -> Iterator[Target]:
    world = new_world(tmp_path_factory.mktemp("bad"), environments)
    try:
        yield serving(world)
    finally:
        world.end()


@pytest.mark.parametrize("bad", ALL.values(), ids=ALL)
def test_each_has_its_code_and_the_next_good_request_is_answered(target: Target, bad: Bad):
    told = target.told(bad)
    assert (told.status, told.code) == (bad.status, bad.word)
    assert target.serves()


def test_a_body_at_the_limit_is_taken(target: Target):
    assert ask(target.server, target.good(b"1" + b" " * (LIMIT - 1))).status == 200


def test_only_what_the_model_refuses_has_come_to_it(target: Target):
    for name, bad in ALL.items():
        before = target.scored()
        target.told(bad)
        assert target.scored() - before == name.startswith("input: "), name


def test_a_request_hidden_in_the_body_of_another_is_not_answered(target: Target):
    hidden = target.good()
    ways = [
        ("content-length: 4", "transfer-encoding: chunked"),
        (f"content-length: {len(hidden) + 5}", "transfer-encoding: chunked"),
        ("content-length: 5", f"content-length: {len(hidden) + 5}"),
        ("transfer-encoding: chunked", "transfer-encoding: x"),
        ("transfer-encoding: \x0bchunked", f"content-length: {len(hidden) + 5}"),
        ("transfer-encoding: chunked, identity", f"content-length: {len(hidden) + 5}"),
    ]
    for lines in ways:
        before = target.scored()
        sent = request(path=SCORE, lines=[f"authorization: Bearer {target.key}", *lines], length=False, body=b"")
        assert ask(target.server, sent + b"0\r\n\r\n" + hidden).status in (400, 501), lines
        assert target.scored() == before, lines


def test_a_hundred_bodies_of_random_bytes_are_scored_or_refused_by_the_model(target: Target):
    chance = random.Random(SEED)
    for _ in range(100):
        body = chance.randbytes(chance.randrange(LIMIT))
        assert ask(target.server, target.good(body)).status in (200, 424), body
    assert target.serves()


def test_a_hundred_times_random_bytes_in_place_of_a_request_are_refused(target: Target):
    chance = random.Random(SEED)
    before = target.scored()
    for _ in range(100):
        sent = chance.randbytes(chance.randrange(1, 5000))
        assert ask(target.server, sent, to_its_end=True).status in (0, 400, 404, 431), sent
    assert target.scored() == before
    assert target.serves()


def test_half_of_the_bytes_of_a_good_request_changed_never_end_the_gateway(target: Target):
    chance = random.Random(SEED)
    good = target.good()
    for _ in range(100):
        sent = bytearray(good)
        for place in chance.sample(range(len(sent)), chance.randrange(1, len(sent) // 2)):
            sent[place] = chance.randrange(256)
        told = ask(target.server, bytes(sent), to_its_end=True)
        assert told.status in (0, 200, 400, 401, 404, 405, 408, 413, 424, 431, 501), bytes(sent)
    assert target.serves()


def test_no_log_has_the_key_or_what_a_model_was_asked(target: Target):
    for bad in ALL.values():
        target.told(bad)
    lines = [f"authorization: Bearer {target.key}"]
    asked = request(method="GET", path=f"{SCORE}?who={INPUT}", lines=lines, body=b"", length=False)
    assert ask(target.server, asked).status == 200
    ask(target.instance, request(body=f'["{INPUT}"'.encode()))
    ask(target.instance, INPUT.encode() + b"\r\n\r\n")
    # The access log is written four times a second, the line of the last request after all others.
    ask(target.server, request(path="/last"))
    until(lambda: any(b'"Path":"/last"' in text for text in target.logged().values()))
    assert len(target.logged()) >= 4
    assert [name for name, text in target.logged().items() if INPUT.encode() in text] == []
    assert [name for name, text in target.logged().items() if target.key.encode() in text] == []


def test_nothing_is_left_of_them(target: Target):
    def all_once() -> None:
        for bad in ALL.values():
            target.told(bad)
        until(target.is_quiet)

    all_once()
    before, memory = target.holds(), target.memory_mb()
    for _ in range(3):
        all_once()
    until(lambda: target.holds_no_more_than(before))
    assert [now - then < 20 for now, then in zip(target.memory_mb(), memory, strict=True)] == [True, True]
