"""F08 on a platform without fences: what lands after the recovery of its run is seen by the next plan, and undone.

On platforms with fences it is refused, which is a part of the conformance suite of providers.
"""

from collections.abc import Mapping

import pytest

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.plan import Action, Operation, Step
from reconciler.providers.memory import MemoryProvider
from reconciler.record.store import Intent
from tests.builders import blue, green
from tests.faults.target import HOLDER, SERVED, Target

Late = tuple[Address, Spec | None, Spec | None, str]


class Unfenced(MemoryProvider):
    """A platform that takes every call, however late it comes."""

    def fence(self, address, generation):
        pass

    def _admitted(self, address, operation):
        return 0


OLD = blue(model="azureml:risk:1").spec
LATE: Mapping[Action, Late] = {
    Action.SCALE: (blue().address, OLD, {**OLD, "instance_count": 5}, "scale deployment/credit/blue"),
    Action.CREATE: (green().address, None, green().spec, "delete deployment/credit/green"),
    Action.DELETE: (blue().address, OLD, None, "create deployment/credit/blue"),
}


@pytest.mark.parametrize("action", LATE)
def test_f08_without_a_fence_the_next_plan_shows_what_landed_late_and_one_apply_converges(action: Action):
    address, before, after, mended_by = LATE[action]
    target = Target(Unfenced())
    target.apply(SERVED)
    state, generation = target.store.read(), target.store.generation(address) + 1
    with target.store.lock(HOLDER, timeout_s=0):
        target.store.intend(Intent("late", "run-1", 9, str(action), address, before, after, generation, "then"))
    target.apply(SERVED)
    target.assert_settled(SERVED)

    step = Step(9, action, address, "late", (), before, after)
    getattr(target.provider, action)(step, Operation("late", state.lineage, generation))

    steps = [f"{each.action} {each.address}" for each in target.plan(SERVED).steps]
    assert mended_by in steps
    target.apply(SERVED)
    target.assert_settled(SERVED)
