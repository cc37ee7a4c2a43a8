"""A frozen dataclass is what the standard library makes of it, before its methods are first called and after."""

import copy
import dataclasses
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, field, fields, replace
from typing import Any

import pytest

from reconciler import frozen


@frozen.dataclass(frozen=True)
class Pair:
    """At the top of a module, so that it can be pickled."""

    left: int
    right: list[int] = field(default_factory=list, compare=False)


def shelf(dataclass: Callable[..., Any]) -> Any:
    """A class with all that the house gives one."""

    @dataclass(frozen=True, order=True)
    class Shelf:
        """A shelf."""

        name: str
        parts: list[str] = field(default_factory=list)
        width: int = 3
        key: str = field(default="k", repr=False, compare=False)
        made: str = field(default="now", init=False)
        seen: list[str] = field(default_factory=list, init=False)
        last: int = field(default=7, kw_only=True)

        def __post_init__(self) -> None:
            if not self.name:
                raise ValueError("a name is missing")

        @property
        def area(self) -> int:
            return self.width * len(self.parts)

    return Shelf


SAYS = {
    "shown": lambda shelf: repr(shelf("a", ["b"])),
    "every field": lambda shelf: dataclasses.asdict(shelf("a", ["b"], 4, "x")),
    "fields": lambda shelf: [(each.name, each.type, each.init, each.compare) for each in fields(shelf)],
    "equal": lambda shelf: (shelf("a") == shelf("a", key="other"), shelf("a") == shelf("b"), shelf("a") == "a"),
    "in order": lambda shelf: (
        shelf("a") < shelf("b"),
        shelf("a", ["b"]) >= shelf("a"),
        sorted([shelf("b"), shelf("a")]),
    ),
    "changed": lambda shelf: replace(shelf("a"), width=5).area,
    "matched": lambda shelf: shelf.__match_args__,
    "parts of its own": lambda shelf: shelf("a").parts is shelf("a").parts,
    "its dictionary": lambda shelf: vars(shelf("a", width=2, last=1)),
    "given twice": lambda shelf: shelf("a", name="b"),
    "by keyword alone": lambda shelf: shelf("a", [], 1, "k", 7),
    "without a name": lambda shelf: shelf(),
    "too much": lambda shelf: shelf("a", [], 1, "k", "now"),
    "unknown": lambda shelf: shelf("a", depth=1),
    "after the init": lambda shelf: shelf(""),
    "hashed": lambda shelf: hash(shelf("a")),
    "set": lambda shelf: setattr(shelf("a"), "width", 1),
    "deleted": lambda shelf: delattr(shelf("a"), "width"),
    "of another type": lambda shelf: shelf("a") < 3,
}


def said(ask: Callable[[Any], Any], made: Any) -> str:
    try:
        return repr(ask(made))
    except (TypeError, ValueError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("name", SAYS)
def test_it_says_what_the_standard_library_s_says(name: str):
    ours, theirs = shelf(frozen.dataclass), shelf(dataclasses.dataclass)
    # Far more than are made without compiling.
    assert [said(SAYS[name], ours) for _ in range(80)] == [said(SAYS[name], theirs) for _ in range(80)]


def test_its_hash_is_that_of_equals():
    @frozen.dataclass(frozen=True)
    class Point:
        """A point."""

        x: int
        label: str = field(default="", compare=False)

    assert len({Point(1, "a"), Point(1, "b"), Point(2, "a")}) == 2


def test_what_a_class_defines_itself_stays():
    @frozen.dataclass(frozen=True)
    class Own:
        """One that shows nothing."""

        value: int

        def __repr__(self) -> str:
            return "***"

        def __hash__(self) -> int:
            return 7

    assert (repr(Own(1)), hash(Own(1)), Own(1) == Own(1)) == ("***", 7, True)


def test_a_pickle_or_a_copy_of_one_is_equal_to_it():
    pair = Pair(1, [2])
    for other in (pickle.loads(pickle.dumps(pair)), copy.deepcopy(pair)):
        assert (other, other.right) == (pair, [2])
        with pytest.raises(FrozenInstanceError):
            other.left = 3


def test_what_is_not_frozen_or_has_slots_is_the_standard_library_s():
    @frozen.dataclass
    class Open:
        """One that changes."""

        value: int

    @frozen.dataclass(frozen=True, slots=True)
    class Slim:
        """One without a dictionary."""

        value: int

    opened = Open(1)
    opened.value = 2
    assert (opened, Slim(1).__slots__) == (Open(2), ("value",))


def test_a_class_of_the_standard_library_s_may_be_derived_from_one():
    @dataclasses.dataclass(frozen=True)
    class Triple(Pair):
        """One more."""

        third: int = 3

    assert repr(Triple(1)).endswith("Triple(left=1, right=[], third=3)")
    assert (Triple(1) == Triple(1), Triple(1) == Pair(1)) == (True, False)
    with pytest.raises(FrozenInstanceError):
        Triple(1).third = 4


def test_a_class_may_be_derived_from_another():
    @frozen.dataclass(frozen=True)
    class Triple(Pair):
        """One more."""

        third: int = 3

    assert (Triple(1, [2], 4).third, Triple(1) == Triple(1), Triple(1) == Pair(1)) == (4, True, False)


def test_threads_that_make_the_first_ones_at_once_all_get_theirs():
    for _ in range(50):
        made = shelf(frozen.dataclass)
        with ThreadPoolExecutor(8) as pool:
            assert [each.name for each in pool.map(made, map(str, range(1, 9)))] == [*map(str, range(1, 9))]


def test_a_wrong_declaration_is_told_at_the_first_value():
    @frozen.dataclass(frozen=True)
    class Wrong:
        """One whose values would share a list."""

        parts: list[str] = []  # noqa: RUF012 - that is what is wrong

    for _ in range(2):
        with pytest.raises(ValueError, match="mutable default"):
            Wrong()


def test_threads_that_ask_for_the_fields_at_once_all_get_them():
    for _ in range(50):
        made = shelf(frozen.dataclass)
        with ThreadPoolExecutor(8) as pool:
            asked = [
                pool.submit(fields if number % 2 else (lambda cls: cls.__match_args__), made) for number in range(8)
            ]
        assert {len(each.result()) for each in asked} == {4, 7}


def test_inspect_is_loaded_once_somebody_uses_it():
    code = (
        "import sys, reconciler.frozen\n"
        "assert 'inspect' not in sys.modules\n"
        "import dataclasses\n"
        "made = dataclasses.dataclass(type('Bare', (), {'__annotations__': {'x': int}}))\n"
        "import inspect\n"
        "print(made.__doc__, inspect.signature(made), 'inspect' in sys.modules, inspect.__file__ is not None)\n"
    )
    # What measures coverage loads it itself.
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    argv = [sys.executable, "-c", code]
    said = subprocess.run(argv, env=unmeasured, check=True, capture_output=True, text=True, timeout=60)
    assert said.stdout == "Bare(x: int) (x: int) -> None True True\n"
