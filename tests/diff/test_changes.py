"""What differs between wanted and recorded, field by field."""

from dataclasses import replace

from reconciler.core.manifest import Source
from reconciler.core.secret import Secret
from reconciler.core.state import State
from reconciler.diff import changes
from reconciler.diff.fields import differing
from tests.builders import blue, endpoint, green, recorded


def change_of(resource, state, **options):
    (change,) = changes([resource], state, **options)
    return change


def test_nothing_differs_when_the_record_is_as_wanted():
    assert changes([endpoint(), blue()], recorded(endpoint(), blue())) == []


def test_a_change_names_the_field_with_both_values_and_the_line_it_comes_from():
    (field,) = change_of(blue(instance_count=3), recorded(blue())).fields
    assert (field.path, field.before, field.after, str(field.source)) == ("instance_count", 1, 3, "x.yml:3")


def test_a_default_that_is_written_out_changes_nothing():
    assert changes([blue(instance_count=1, app_insights_enabled=False)], recorded(blue())) == []


def test_a_creation_shows_what_is_written_and_not_the_defaults():
    shown = {field.path for field in change_of(blue(request_settings={"request_timeout_ms": 9}), State()).fields}
    assert shown == {"instance_type", "request_settings.request_timeout_ms"}


def test_each_field_of_a_creation_tells_where_it_is_written():
    written = blue(model="risk:1", tags={"team": "a"}, instance_count=2)
    given = {"instance_count": Source("mlops.yaml", 9)}
    for each in (written, replace(written, manifest=replace(written.manifest, given=given))):
        (change,) = changes([each], State())
        assert {field.path: field.source for field in change.fields} == {
            path: each.source(path) for path in ("instance_count", "instance_type", "model", "tags.team")
        }


def test_what_no_file_says_has_no_place():
    (change,) = changes([replace(blue(), manifest=replace(blue().manifest, file=""))], State())
    assert {field.source for field in change.fields} == {None}


def test_removing_a_tag_is_a_change():
    (field,) = change_of(endpoint(tags={}), recorded(endpoint(tags={"team": "risk"}))).fields
    assert (field.path, field.before, field.after) == ("tags.team", "risk", None)


def test_an_endpoint_that_says_nothing_of_traffic_leaves_it_alone():
    assert changes([endpoint()], recorded(endpoint(traffic={"blue": 100}))) == []


def test_an_endpoint_that_says_it_has_no_traffic_takes_it_away():
    (field,) = change_of(endpoint(traffic={}), recorded(endpoint(traffic={"blue": 100}))).fields
    assert (field.path, field.before, field.after) == ("traffic.blue", 100, None)


def test_another_instance_type_forces_a_replacement():
    change = change_of(blue(instance_type="Standard_F4s_v2"), recorded(blue(instance_type="Standard_DS3_v2")))
    assert change.replaces == "instance_type"


def test_what_is_recorded_and_not_wanted_is_deleted_only_when_the_manifests_are_everything():
    state = recorded(endpoint(), blue(), green())
    assert [str(c.address) for c in changes([blue(), endpoint()], state)] == ["deployment/credit/green"]
    assert changes([blue(), endpoint()], state, whole=False) == []


def test_secrets_compare_by_their_keyed_digest():
    state = recorded(blue(environment_variables={"TOKEN": "one"}))
    assert changes([blue(environment_variables={"TOKEN": "one"})], state) == []
    (field,) = change_of(blue(environment_variables={"TOKEN": "two"}), state).fields
    assert isinstance(field.after, Secret)
    assert field.before != field.after


def test_an_empty_mapping_and_none_at_all_are_the_same():
    assert list(differing({"tags": {}}, {})) == []
