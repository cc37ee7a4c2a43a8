"""A reference that was pinned from `@latest`: the label is recorded with it, and told when it would be another now."""

from dataclasses import replace

from reconciler.core.address import Address
from reconciler.core.manifest import Resource
from reconciler.core.state import Drift, DriftClass, State
from reconciler.diff import changes, corrections, labelled, moved_labels, relabelled, under_way
from reconciler.resolve import Registry, resolve
from tests.builders import KEY, blue, manifest, model, recorded

BLUE = Address.parse("deployment/credit/blue")


def pinned(version: str, label: str = "latest") -> Resource:
    return replace(blue(model=f"azureml:risk:{version}"), labels={"model": label} if label else {})


def known(*resources: Resource) -> State:
    return labelled(recorded(*resources), resources)


def moved(state: State) -> list[Drift]:
    return list(moved_labels(state, Registry.of(state).latest))


def later(state: State, version: str) -> State:
    """The state once one more version of the model was registered."""
    made = model(version=version)
    (entry,) = recorded(made).entries.values()
    return state.settle(made.address, replace(entry, created="2026-02-01T00:00:00Z"))


def test_a_label_that_moved_is_told_with_the_pinned_version_and_the_one_of_now():
    (drift,) = moved(later(known(model(), pinned("1")), "2"))
    (field,) = drift.fields
    assert (drift.address, drift.kind) == (BLUE, DriftClass.LABEL)
    assert (field.path, field.before, field.after) == ("model", "azureml:risk:1", "azureml:risk:2")


def test_a_label_that_stands_where_it_stood_is_no_drift():
    assert moved(known(model(), pinned("1"))) == []


def test_a_reference_that_names_its_version_never_moves():
    assert moved(later(known(model(), pinned("1", label="")), "2")) == []


def test_the_version_that_was_registered_last_counts_not_the_highest():
    (drift,) = moved(later(known(model(version="9"), pinned("9")), "2"))
    assert drift.fields[0].after == "azureml:risk:2"


def test_a_label_is_known_from_how_a_reference_is_written():
    written = manifest("deployment", name="blue", endpoint_name="credit", model="azureml:risk@latest")
    found = resolve([written], recorded(model()), secret_key=KEY, whole=False)
    (resource,) = (each for each in found.resources if each.address == BLUE)
    assert (resource.spec["model"], resource.labels) == ("azureml:risk:1", {"model": "latest"})


def test_a_label_is_no_change_and_is_corrected_in_the_record():
    state = recorded(model(), pinned("1", label=""))
    wanted = [model(), pinned("1")]
    assert changes(sorted(wanted, key=lambda each: each.address), labelled(state, wanted)) == []
    found = corrections(state, labelled(state, wanted), claimed={}, touched=())
    assert {address: entry and dict(entry.labels) for address, entry in found.items()} == {BLUE: {"model": "latest"}}


def test_a_reference_that_names_its_version_from_now_on_loses_its_label():
    state = known(model(), pinned("1"))
    assert dict(relabelled(state, [pinned("1", label="")])[BLUE].labels) == {}


def test_a_reference_that_a_step_is_to_change_keeps_its_label_until_then():
    state = known(model(), pinned("1"))
    assert relabelled(state, [pinned("2", label="")]) == {}


def test_what_a_run_is_at_work_on_is_expected():
    found = [Drift(BLUE, DriftClass.CHANGED), Drift(BLUE.parent, DriftClass.MISSING)]
    assert [drift.kind for drift in under_way(found, {BLUE})] == [DriftClass.EXPECTED, DriftClass.MISSING]
