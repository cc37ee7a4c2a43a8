"""A mapping in parts is the mapping, by one id, and only what is asked for is read of it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.load.caching.cached_rows import keep_rows, read_rows
from reconciler.load.caching.parted import ForgottenError, Parted, keep_parted, kept, parted

NAMES = st.sampled_from([*"abcdefgh", "ä", "\udcff", "\ud800", "a/b.yml", ""])
VALUES = st.dictionaries(NAMES, st.one_of(st.none(), st.text(max_size=2), st.lists(st.sampled_from("xy"), max_size=2)))
MANY = {f"folder/{number}.yml": str(number) for number in range(2_000)}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def counted(found: Parted, asked: list[str]) -> Parted:
    """The same, which notes what it reads."""

    def read(digests: Collection[str]) -> Mapping[str, bytes]:
        asked.extend(digests)
        return found.read(digests)

    return replace(found, read=read)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(VALUES, VALUES, st.sets(NAMES))
def test_whatever_is_changed_comes_to_what_is_made_anew(
    cache: Path, before: dict[str, object], new: dict[str, object], gone: set[str]
):
    keep_parted(cache, parted(before, cache))
    first = kept(parted(before).id, cache)
    second, now = first.amended(gone, new), {**{k: v for k, v in before.items() if k not in gone}, **new}
    assert first.all() == before
    assert second.all() == now
    assert second.id == parted(now).id
    assert (second.id == first.id) == (now == before)
    names = before.keys() | now.keys()
    differing = {name for name in names if name not in before or name not in now or before[name] != now[name]}
    assert second.differing(first) == first.differing(second) == differing
    assert second.some(names | {"nobody"}) == now
    keep_parted(cache, second)
    assert kept(second.id, cache).all() == now


def test_a_name_with_another_value_or_under_another_name_is_another_mapping():
    assert len({parted(each).id for each in ({}, {"a": ""}, {"b": ""}, {"a": None}, {"a": "", "b": ""})}) == 5


def test_a_part_is_read_once_however_often_names_are_looked_up_in_it(cache: Path):
    keep_parted(cache, parted(MANY, cache))
    asked: list[str] = []
    found = counted(kept(parted(MANY).id, cache), asked)
    names = ["folder/7.yml", "folder/8.yml", "nobody"]
    assert [found.some(names), found.some(names[1:]), found.some(names[:1])] == [
        {"folder/7.yml": "7", "folder/8.yml": "8"},
        {"folder/8.yml": "8"},
        {"folder/7.yml": "7"},
    ]
    assert sorted(asked) == sorted(set(asked))
    assert len(asked) <= len(names)


def test_of_many_names_few_parts_are_read_and_kept_for_a_change_of_one(cache: Path):
    keep_parted(cache, parted(MANY, cache))
    asked: list[str] = []
    first = counted(kept(parted(MANY).id, cache), asked)
    second = first.amended((), {"folder/7.yml": "other"})
    assert second.some(["folder/7.yml"]) == {"folder/7.yml": "other"}
    assert second.differing(first) == {"folder/7.yml"}
    assert len(set(asked)) == 1
    assert len(second.rows) == 1


@pytest.mark.parametrize("ask", [Parted.all, lambda each: each.some(MANY), lambda each: each.amended(MANY, {})])
def test_what_is_not_kept_any_more_is_said_to_be_forgotten(cache: Path, ask: Callable[[Parted], object]):
    with pytest.raises(ForgottenError):
        kept(parted(MANY).id, cache)
    forgotten = replace(parted(MANY), rows={}, read=lambda digests: read_rows(cache, "parts", digests))
    with pytest.raises(ForgottenError):
        ask(forgotten)


def test_what_is_not_what_it_stands_under_is_forgotten(cache: Path):
    first = parted(MANY, cache)
    other = parted(dict.fromkeys(MANY, "other"), cache)
    keep_parted(cache, first)
    keep_rows(cache, "parts", dict(zip(first.digests, other.rows.values(), strict=True)))
    with pytest.raises(ForgottenError):
        kept(first.id, cache).all()
    keep_rows(cache, "parts", {first.id: "\n".join(other.digests).encode()})
    with pytest.raises(ForgottenError):
        kept(first.id, cache)
