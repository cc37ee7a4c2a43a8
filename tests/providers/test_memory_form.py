"""A memory target's file is told apart without decoding it: exactly what reading all of it tells."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.address import Address
from reconciler.core.state import Live
from reconciler.errors import ProviderError
from reconciler.providers import memory_file
from reconciler.providers.memory import MemoryProvider
from reconciler.providers.memory_file import read_objects
from reconciler.providers.memory_lines import line_of

CREDIT, FRAUD = Address.parse("endpoint/credit"), Address.parse("endpoint/fraud")
ADDRESSES = [CREDIT, FRAUD, Address.parse("deployment/credit/blue"), Address.parse("model/risk:1")]


def line(address: Address, spec: dict[str, Any] | None, fence: int = 1) -> str:
    """As the tool writes it."""
    live = Live(address, spec, "ours", fence, f"op-{fence}", created="then") if spec is not None else None
    return line_of(address, live, fence)


def by_hand(text: str) -> list[str]:
    """The line as people, formatters and broken disks leave it, each in another way."""
    held = json.loads(text)
    return [
        json.dumps(held, separators=(",", ":")) + "\n",
        json.dumps(dict(reversed(held.items()))) + "\n",
        "  " + text,
        text.replace("\n", " \r\n"),
        text[:-2] + ', "address": "endpoint/fraud"}\n',
        text[:-2] + ', "\\u0061ddress": "endpoint/fraud"}\n',
        text[:-2] + ', "spec": null}\n',
        text[:-2] + ', "spec": {"a": {}}}\n',
        text.replace('"fence": ', '"fence": 0'),
        text.replace("address", "addres"),
        text.replace("{", "\0", 1),
        text[: len(text) // 2] + "\n",
        "\n",
        "[]\n",
        "{}\n",
        "null\n",
        text + text,
    ]


specs = st.one_of(
    st.none(),
    st.just({}),
    st.dictionaries(
        st.sampled_from(["a", "spec", "address", '"spec"', '"address"', "$secret", "é"]),
        st.one_of(
            st.text(max_size=3),
            st.just({"b": {}}),
            st.sampled_from(['"address"', "}}", '{"address": "x"']),
            st.just([]),
        ),
        max_size=3,
    ),
)
written = st.builds(line, st.sampled_from(ADDRESSES), specs, st.integers(0, 3))
edited = st.one_of(written, written, st.builds(lambda text, way: by_hand(text)[way], written, st.integers(0, 16)))


def told(provider: MemoryProvider) -> dict[Address, Live] | None:
    """What is live, by the long way; None where that fails."""
    with suppress(ProviderError):
        return {item.address: item for item in provider.list()}
    return None


def objects_of(text: str) -> object:
    """All that a file says, or what is wrong with it."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "live.jsonl")
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            return repr(read_objects(file))
        except ProviderError as error:
            return str(error).removeprefix(folder)


@given(st.lists(edited, min_size=1, max_size=3), st.lists(st.integers(0, 2), max_size=7))
@settings(max_examples=200, deadline=None)
def test_lines_that_are_alike_say_together_what_each_says_alone(lines: list[str], order: list[int]):
    text = "".join(lines[number % len(lines)] for number in order)
    found = objects_of(text)
    with mock.patch.object(memory_file, "_AT_ONCE", 1):
        assert objects_of(text) == found


@pytest.mark.parametrize(
    "rest", ['{"a": 1}}', '{"a": 1}, "fence": 7, "x": {}}', '{"a": [{}}', '{}, {"a": {}}', '{"$secret": "0"}}', "{}}}"]
)
def test_specs_of_equal_texts_are_read_once_and_nothing_beside_them_is_passed_over(rest: str):
    lines = [line(address, {}).replace("{}}", rest) for address in ADDRESSES]
    found = objects_of("".join(lines))
    with mock.patch.object(memory_file, "_AT_ONCE", 1):
        assert objects_of("".join(lines)) == found


def test_equal_specs_are_held_once(tmp_path: Path):
    file = tmp_path / "live.jsonl"
    file.write_text("".join(line(address, {"a": {"b": 1}}, fence) for fence, address in enumerate(ADDRESSES)))
    objects, fences = read_objects(file)
    assert len({id(item.spec) for item in objects.values()}) == 1
    assert [item.generation for item in objects.values()] == list(fences.values()) == [0, 1, 2, 3]


@given(st.lists(edited, max_size=5), st.integers(0, 200), st.lists(st.sampled_from(ADDRESSES), unique=True))
@settings(max_examples=100, deadline=None)
def test_the_short_ways_tell_what_the_long_way_tells(lines: Sequence[str], cut: int, wanted: Sequence[Address]) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "live.json"
        text = "".join(lines).encode()
        file.write_bytes(text[: len(text) - cut] if cut < 40 else text)
        live = told(MemoryProvider(file))
        if live is None:
            return
        digests = MemoryProvider(file).digests()
        assert digests.keys() == live.keys()
        assert {item.address: item for item in MemoryProvider(file).known(digests)} == live
        some = MemoryProvider(file).some(wanted)
        assert {item.address: item for item in some} == {a: live[a] for a in wanted if a in live}


@given(st.lists(edited, max_size=4), st.lists(edited, max_size=4))
@settings(max_examples=100, deadline=None)
def test_what_has_equal_digests_is_told_alike(first: Sequence[str], second: Sequence[str]) -> None:
    with TemporaryDirectory() as folder:
        one, other = Path(folder) / "one.json", Path(folder) / "other.json"
        one.write_text("".join(first), encoding="utf-8")
        other.write_text("".join([*first, *second]), encoding="utf-8")
        before, after = told(MemoryProvider(one)), told(MemoryProvider(other))
        if before is None or after is None:
            return
        known, now = MemoryProvider(one).digests(), MemoryProvider(other).digests()
        for address in known.keys() & now.keys():
            assert known[address] != now[address] or before[address] == after[address]


@pytest.mark.parametrize("wrong", ["[]\n", "{}\n", '{"address": 5, "fence": 1}\n', '{"address": "x", "fence": 1}\n'])
@pytest.mark.parametrize("ask", [MemoryProvider.digests, lambda provider: provider.some([FRAUD])])
def test_a_line_of_another_form_that_says_nothing_sensible_is_named(
    tmp_path: Path, wrong: str, ask: Callable[[MemoryProvider], object]
) -> None:
    file = tmp_path / "live.json"
    file.write_text(line(CREDIT, {}) + wrong)
    with pytest.raises(ProviderError, match=r"live\.json:2 is not an object of a memory target"):
        ask(MemoryProvider(file))
    with pytest.raises(ProviderError, match=r"live\.json:2 is not an object of a memory target"):
        MemoryProvider(file).list()


@pytest.mark.parametrize("count", range(1, 9))
def test_of_a_file_in_order_no_line_is_decoded_but_those_of_known_digests(tmp_path: Path, count: int) -> None:
    file, other = tmp_path / "live.json", '{"address": "~"}\n'  # which is none
    addresses = sorted(Address.parse(f"endpoint/{'x' * number}{number}") for number in range(count))
    file.write_text("".join(line(address, {"n": "n" * 50}) for address in addresses))
    provider, digests = MemoryProvider(file), MemoryProvider(file).digests()
    with file.open("a") as stream:
        stream.write(other)
    assert [item.address for item in provider.known(digests)] == addresses
    with pytest.raises(ProviderError, match="is not an object"):
        provider.known({**digests, CREDIT: "0" * 64})


def test_only_the_objects_that_are_asked_for_are_decoded(tmp_path: Path) -> None:
    """A line of the tool's form that is damaged behind its beginning is found by whoever asks for it."""
    file = tmp_path / "live.json"
    file.write_text(line(CREDIT, {"a": {}}) + line(FRAUD, {"a": {}}).replace('{"a": {', '{"a": [{'))
    assert [item.address for item in MemoryProvider(file).some([CREDIT])] == [CREDIT]
    with pytest.raises(ProviderError, match=r"live\.json:2 is not an object"):
        MemoryProvider(file).some([FRAUD])


def test_a_file_that_is_not_there_is_opened_read_and_has_a_root(tmp_path: Path) -> None:
    provider = MemoryProvider(tmp_path / "live.json")
    assert (provider.root(), provider.digests(), provider.some([CREDIT])) == ("", {}, ())


def test_what_is_damaged_is_found_when_it_is_read_and_not_when_the_target_is_opened(tmp_path: Path) -> None:
    file = tmp_path / "live.json"
    file.write_text("nothing of ours\n")
    provider = MemoryProvider(file)
    with pytest.raises(ProviderError, match=r"live\.json:1 is not an object"):
        provider.observe(CREDIT)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(ADDRESSES), specs, st.integers(0, 20)), max_size=8))
def test_lines_that_are_decoded_together_say_what_each_says_by_itself(lines: list[tuple[Address, Any, int]]):
    texts = [line(address, spec) for address, spec, _ in lines]
    texts = [(by_hand(text)[:1] if choice == 0 else [text])[0] for text, (*_, choice) in zip(texts, lines, strict=True)]
    with TemporaryDirectory() as folder:
        together, by_themselves = Path(folder, "together"), Path(folder, "by themselves")
        together.write_text("".join(texts))
        by_themselves.write_text(
            "".join([*texts, "\n"])
        )  # what is in no form of the tool's own: they are read one by one
        assert repr(read_objects(together)) == repr(read_objects(by_themselves))


def test_lines_that_are_json_only_together_are_refused(tmp_path: Path):
    one, two, three = (line(address, {"a": {"b": {}}}) for address in ADDRESSES[:3])
    # The list of the first ends in the second, whose object it holds; the third holds two.
    broken = [one.replace('"a": ', '"a": [')[:-3] + "\n", two[:-1] + "]}}\n", three[:-1] + ',{"b": {}}\n']
    assert len(json.loads(f"[{','.join(broken)}]")) == len(broken)
    file = tmp_path / "live.json"
    file.write_text("".join(broken))
    with pytest.raises(ProviderError, match=f"{file}:1 "):
        read_objects(file)


def test_a_last_line_that_says_more_than_an_object_is_refused(tmp_path: Path):
    """Together with the others it is JSON, of which the beginning has their addresses."""
    one, two = (line(address, {"a": {}}) for address in ADDRESSES[:2])
    file = tmp_path / "live.json"
    file.write_text(one + two[:-1] + ', {"b": {}}\n')
    with pytest.raises(ProviderError, match=f"{file}:2 "):
        read_objects(file)
