"""The stateful model keeps every promise, and finds every planted fault.

What it proves, by the names of the invariants; each is checked after every effect, or after every run:

| | checked by |
|---|---|
| I1, I2, I3, I4, I7, I8 | `invariants.OF_EFFECTS`, on each effect that the platform let in |
| I5 | `World._say` and `World._reported`, on all that is printed and recorded |
| I6 | `invariants.Writers`, on each write of the record and each effect |
| I8 | `World._reported`, after each run |
| the general condition | `World.settled`, after each run that succeeded, and once nothing happens any more |

`MLOPS_MODEL_EXAMPLES` is how many courses of events are tried, `MLOPS_SEED` another beginning of the dice; what fails
prints how to see it again.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.model.invariants import OF_EFFECTS, BrokenError, Promise
from tests.faults.model.machine import Model
from tests.faults.model.plants import PLANTS, Plant
from tests.faults.model.records import InFile, InMemory

EXAMPLES = int(os.environ.get("MLOPS_MODEL_EXAMPLES", "150"))
SEED = int(os.environ.get("MLOPS_SEED", "1"))


def run(model: type[Model], *, examples: int, steps: int, phases: Iterable[Phase]) -> None:
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        database=None,
        deadline=None,
        phases=tuple(phases),
        report_multiple_bugs=False,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    sys.stdout.write(f"MLOPS_SEED={SEED}\n")
    run_state_machine_as_test(seed(SEED)(model), settings=chosen)  # type: ignore[arg-type]


class InASqliteFile(Model):
    """The same with a record in a file."""

    records = InFile


@pytest.mark.parametrize(("model", "share"), [(Model, 1.0), (InASqliteFile, 0.1)], ids=["memory", "sqlite"])
def test_i1_to_i8_hold_whatever_happens_and_one_apply_then_settles_all(model: type[Model], share: float):
    run(model, examples=max(1, int(EXAMPLES * share)), steps=12, phases=(Phase.explicit, Phase.generate, Phase.shrink))


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_planted_fault_is_found(plant: Plant):
    what = {"planted": staticmethod(plant.patch), "looked_for": tuple(plant.breaks), "tried": plant.tried}
    planted = type("Planted", (Model,), what)
    with pytest.raises(BrokenError) as found:
        run(planted, examples=2000, steps=12, phases=[Phase.generate])
    assert found.value.promise in plant.breaks


def test_at_least_twelve_faults_are_planted_each_known_by_a_name_of_its_own():
    assert len({plant.name for plant in PLANTS}) == len(PLANTS) >= 12
    assert all(plant.says and plant.breaks for plant in PLANTS)


def test_every_promise_has_a_planted_fault_by_which_its_check_is_tried():
    assert {promise for plant in PLANTS for promise in plant.breaks} == set(Promise)
    assert set(OF_EFFECTS.values()) <= set(Promise)


def test_a_record_of_the_model_can_be_lost_and_a_copy_brought_back(tmp_path: Path):
    for records in (InMemory(tmp_path), InFile(tmp_path)):
        before = records.open().read().lineage
        restore = records.backup()
        records.lose()
        assert records.open().read().lineage != before
        restore()
        assert records.open().read().lineage == before
