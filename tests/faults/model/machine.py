"""The stateful model: edits, drift, faults, kills, thieves, clocks and copies in any order, and always the promises."""

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.faults.model import edits, meddling
from tests.faults.model.course import Course
from tests.faults.model.desired import BAD_CODE, Desired
from tests.faults.model.edits import Edit
from tests.faults.model.invariants import Promise
from tests.faults.model.records import InMemory, Records
from tests.faults.model.world import World, killed

# Files of a thousand courses of events, none of which need outlive a power cut.
_IN_MEMORY = "/dev/shm"

NUMBERS = st.integers(0, 7)
ENDPOINTS = st.sampled_from(("credit", "fraud"))
NAMES = st.sampled_from(("blue", "green", "red"))
KEYS = st.tuples(ENDPOINTS, NAMES)
FIELDS = st.one_of(
    st.fixed_dictionaries({"count": st.integers(1, 6)}),
    st.fixed_dictionaries({"code": st.sampled_from(("first", "second", BAD_CODE))}),
    st.fixed_dictionaries({"count": st.integers(1, 6), "code": st.sampled_from(("first", "second"))}),
    st.fixed_dictionaries({"model": st.sampled_from([f"azureml:risk{v}" for v in (":1", ":2", ":3", "@latest")])}),
    st.fixed_dictionaries({"environment": st.sampled_from(("azureml:runtime:1", "azureml:runtime:2"))}),
    st.fixed_dictionaries({"size": st.sampled_from(("Standard_DS3_v2", "Standard_DS4_v2"))}),
    st.fixed_dictionaries({"note": st.sampled_from(("", "a", "b"))}),
    st.fixed_dictionaries({"secret": st.integers(0, 3)}),
)
ENDPOINT_FIELDS = st.one_of(
    st.fixed_dictionaries({"note": st.sampled_from(("", "a", "b"))}),
    st.fixed_dictionaries({"auth": st.sampled_from(("key", "aml_token"))}),
    st.fixed_dictionaries({"location": st.sampled_from(("westeurope", "northeurope"))}),
)
TRAFFIC = st.builds(partial, st.just(edits.rerouted), endpoint=ENDPOINTS, number=NUMBERS)
EDITS: st.SearchStrategy[Edit] = st.one_of(
    st.builds(partial, st.just(edits.deployed), key=KEYS, fields=FIELDS),
    st.builds(partial, st.just(edits.deployed), key=KEYS, fields=FIELDS),
    TRAFFIC,
    TRAFFIC,
    st.builds(partial, st.just(edits.undeployed), key=KEYS),
    st.builds(partial, st.just(edits.renamed), key=KEYS, name=NAMES),
    st.builds(partial, st.just(edits.endpoint_said), endpoint=ENDPOINTS, fields=ENDPOINT_FIELDS),
    st.builds(partial, st.just(edits.endpoint_removed), endpoint=ENDPOINTS),
    st.builds(partial, st.just(edits.registered), number=st.integers(2, 4)),
    st.just(edits.emptied),
)
FAULTS = st.dictionaries(
    st.integers(1, 8),
    st.sampled_from(("refused", "busy", "lost", "late", "hung", "gone", "cut")),
    min_size=1,
    max_size=3,
)
POINTS = st.integers(1, 70)
BESIDE = st.sampled_from((meddling.second_applier, meddling.thief, meddling.late_request, *meddling.CLOCKS))
SOME_EDITS = st.lists(EDITS, max_size=3)
TARGETS = st.sampled_from(edits.TARGETS)
BUDGETS = st.sampled_from((None, None, 100))
ORDERS = st.builds(Course, parallel=st.integers(1, 3), turns=st.integers(0, 3))


def _is_tried(name: str) -> Callable[[Any], bool]:
    return lambda model: not model.tried or name in model.tried


class Model(RuleBasedStateMachine):
    """What people, platforms and machines do to a target.

    Args:
        records: where the record is kept.
        looked_for: the promises whose breach is an error.
        planted: what surrounds each run of the machine, such as a fault of the product.
        tried: the rules that are tried; all if there are none.
    """

    records: ClassVar[Callable[[Path], Records]] = InMemory
    looked_for: ClassVar[Iterable[Promise]] = tuple(Promise)
    tried: ClassVar[Collection[str]] = ()
    planted: ClassVar[Callable[[World], Any] | None] = None

    def __init__(self) -> None:
        super().__init__()
        self._folder = Path(
            tempfile.mkdtemp(prefix="mlops-model-", dir=_IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else None)
        )
        self.world = World(self._folder, type(self).records, self.looked_for)
        self._around = ExitStack()
        if planted := type(self).planted:
            self._around.enter_context(planted(self.world))

    @initialize(said=st.lists(EDITS, max_size=3), first=TARGETS)
    def a_target_is_there(self, said: Sequence[Edit], first: Desired) -> None:
        self.world.desired = first
        self._apply(Course(), said)

    @precondition(_is_tried("it_is_applied"))
    @rule(said=st.lists(EDITS, min_size=1, max_size=3), order=ORDERS, refresh=st.booleans(), most=BUDGETS)
    def it_is_applied(self, said: Sequence[Edit], order: Course, refresh: bool, most: int | None) -> None:
        looks = refresh or self.world.meddled
        self._apply(replace(order, refresh=looks, max_delete=most), said)

    @precondition(_is_tried("it_is_applied_and_calls_fail"))
    @rule(said=SOME_EDITS, order=ORDERS, faults=FAULTS)
    def it_is_applied_and_calls_fail(self, said: Sequence[Edit], order: Course, faults: dict[int, str]) -> None:
        self._apply(replace(order, faults=faults), said)

    @precondition(_is_tried("it_is_applied_and_killed"))
    @rule(said=SOME_EDITS, order=ORDERS, point=POINTS)
    def it_is_applied_and_killed(self, said: Sequence[Edit], order: Course, point: int) -> None:
        self._apply(replace(order, at={point: killed}), said)

    @precondition(_is_tried("it_is_applied_and_something_happens"))
    @rule(said=SOME_EDITS, order=ORDERS, point=POINTS, act=BESIDE)
    def it_is_applied_and_something_happens(self, said: Sequence[Edit], order: Course, point: int, act: Any) -> None:
        self._apply(replace(order, at={point: act}), said)

    @precondition(_is_tried("something_is_changed_behind_our_back"))
    @rule(number=NUMBERS, act=st.sampled_from((*meddling.DRIFTS, *meddling.LATE)))
    def something_is_changed_behind_our_back(self, number: int, act: Any) -> None:
        act(self.world, number)
        self.world.verify()

    @precondition(_is_tried("somebody_keeps_house"))
    @rule(point=st.sampled_from((0, 5, 12, 30)), act=st.sampled_from(meddling.HOUSEKEEPING))
    def somebody_keeps_house(self, point: int, act: Any) -> None:
        act(self.world, Course(at={point: killed} if point else {}))
        self.world.verify()

    def teardown(self) -> None:
        """Once nothing happens any more, one apply does it all."""
        try:
            if not self.world.broken:
                meddling.converge(self.world)
                self.world.verify()
        finally:
            self._around.close()
            shutil.rmtree(self._folder)

    def _apply(self, course: Course, said: Iterable[Edit]) -> None:
        for edit in said:
            self.world.desired = edit(self.world.desired)
        self.world.apply(course)
        self.world.verify()
