"""The folders that plans are measured with are what they say: so many resources, all of them applied."""

import json
from pathlib import Path

import pytest
from applied import applied, operation, renumbered
from folders import endpoints, write_folder
from measuring import MLOPS, Bench, Command


@pytest.mark.parametrize("resources", [1_000, 10_000, 100_000])
def test_a_folder_has_about_as_many_resources_as_asked_for(resources: int):
    assert endpoints(resources) * 11 + 2 == pytest.approx(resources, abs=6)


def test_each_resource_is_a_file_of_about_fifteen_lines(tmp_path: Path):
    write_folder(tmp_path, 46)
    files = [*tmp_path.glob("manifests/**/*.yml")]
    assert len(files) == 46
    lines = [len(file.read_text().splitlines()) for file in files]
    assert 12 <= sum(lines) / len(lines) <= 18


def test_what_is_applied_by_multiplying_is_what_the_product_finds_applied(tmp_path: Path):
    bench = Bench(tmp_path)
    folder = applied(bench, "applied", 35)
    bench.run(Command((MLOPS, "plan"), folder, "No changes. 35 resources are as the manifests say"))
    bench.run(Command((MLOPS, "drift"), folder, "No drift"))
    bench.run(Command((MLOPS, "state", "verify"), folder, "The record is whole: 35 resources"))
    operations = [json.loads(line)["operation"] for line in (folder / "live.json").read_text().splitlines()]
    assert len(set(operations)) == len(operations) == 35


def test_a_folder_that_is_not_applied_whole_is_told_of(tmp_path: Path):
    bench = Bench(tmp_path)
    folder = applied(bench, "applied", 24)
    live = (folder / "live.json").read_text().splitlines(keepends=True)
    (folder / "live.json").write_text("".join(live[1:]))
    with pytest.raises(RuntimeError, match="1 to create"):
        bench.run(Command((MLOPS, "plan"), folder, "No changes."))


def test_only_what_is_of_the_first_endpoint_is_of_another_one_with_its_number():
    spec = {"tags": {"team": "team-0"}, "model": "azureml:risk:1", "traffic": {"dep-0": 90}, "n": 0}
    assert renumbered(spec, 7) == {
        "tags": {"team": "team-7"},
        "model": "azureml:risk:1",
        "traffic": {"dep-0": 90},
        "n": 0,
    }
    assert renumbered("deployment/endpoint-0/dep-0", 12) == "deployment/endpoint-12/dep-0"


def test_an_operation_has_an_id_of_its_own_on_each_endpoint():
    first = "0f" * 16
    assert operation(first, 0) == first
    ids = {operation(first, number) for number in range(1000)}
    assert len(ids) == 1000
    assert {len(each) for each in ids} == {32}
