"""What git's index says of files is told apart by parts, whatever their names are."""

import os

import pytest

from reconciler.load.repository.checkout import Checkout
from reconciler.load.repository.index_parts import index_parts

DEBUG = b"  ctime: 1:2\n  mtime: 3:4\n  dev: 5\tino: 6\n  uid: 7\tgid: 8\n  size: 9\tflags: 0\n"
NAMES = [b"m/a.yml", b"m/b\n  size: 9\tflags: 0\n.yml", b"m/\tc", b"m/\xff", b"m/H 100644 aa 0\tx"]


def said(names: list[bytes], blob: bytes = b"aa") -> bytes:
    return b"".join(b"H 100644 %b 0\t%b\0%b" % (blob, name, DEBUG) for name in names)


def test_the_parts_are_the_whole_and_each_name_lies_in_one():
    parts = index_parts(said(NAMES))
    assert parts
    checkout = Checkout("/", "m", "")
    recorded = checkout.recorded(parts.said(range(len(parts.texts))))
    names = [os.fsdecode(name.removeprefix(b"m/")) for name in NAMES]
    assert recorded
    assert sorted(recorded) == sorted(names)
    for name in names:
        held = {number for number in range(len(parts.texts)) if [*checkout.in_parts([name], {number})]}
        assert name in (checkout.recorded(parts.said(held)) or {})


@pytest.mark.parametrize("name", NAMES)
def test_a_part_differs_where_anything_that_is_said_of_a_file_does(name: bytes):
    parts, others = index_parts(said(NAMES)), [each for each in NAMES if each != name]
    assert parts
    assert parts.differing(parts.digests()) == frozenset()
    for other in (said(others), said(others) + said([name], b"bb"), said(others) + said([name]).replace(b"H", b"h", 1)):
        now = index_parts(other)
        assert now
        [number] = now.differing(parts.digests())
        assert [*Checkout("/", "", "").in_parts([os.fsdecode(name)], {number})]


@pytest.mark.parametrize("strange", [b"x", said(NAMES)[:-1], said(NAMES) + b"x", b"x" + said(NAMES), said([b""])])
def test_anything_else_is_not_told_apart(strange: bytes):
    assert index_parts(strange) is None


def test_of_parts_that_were_kept_otherwise_all_differ():
    parts = index_parts(said(NAMES))
    assert parts
    assert len(parts.differing([])) == len(parts.texts)
