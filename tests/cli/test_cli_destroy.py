"""Destroying all that is recorded, or what some files define."""

from command_line import Repository

REFUSED = 4


def test_everything_that_is_recorded_goes_traffic_first(applied: Repository):
    out = applied.mlops("destroy", "--auto-approve").out
    assert "#1 ~ route endpoint/credit (traffic stops first)" in out
    assert applied.live() == {}
    assert "0 resources recorded" in applied.mlops("status").out


def test_a_file_takes_away_only_what_it_defines(applied: Repository):
    applied.apply("--set", "endpoint/credit.traffic={}")
    applied.mlops("destroy", "manifests/blue.yml", "--auto-approve")
    assert "deployment/credit/blue" not in applied.live()
    assert "endpoint/credit" in applied.live()


def test_a_deployment_with_traffic_is_not_destroyed_by_itself(applied: Repository):
    assert "E-DELETE-TRAFFIC" in applied.mlops("destroy", "manifests/blue.yml", "--auto-approve", code=REFUSED).err


def test_an_endpoint_is_not_destroyed_under_its_deployments(applied: Repository):
    assert "E-IN-USE" in applied.mlops("destroy", "manifests/endpoint.yml", "--auto-approve", code=REFUSED).err


def test_destroying_nothing_is_done_at_once(repo: Repository):
    said = repo.mlops("destroy", "--auto-approve").out
    assert said == "No changes. There is nothing to destroy (target dev).\n"


def test_it_ends_in_its_own_word(applied: Repository):
    assert applied.mlops("destroy", "--auto-approve").out.endswith("Destroy: 5 succeeded.\n")
