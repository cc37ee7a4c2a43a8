"""A docker target's own options."""

from pathlib import Path

import pytest

from reconciler.errors import ProviderError
from reconciler.providers.docker.options import BASE_IMAGE, DockerOptions, read_options
from reconciler.providers.hosting.options import Options

ROOT = Path("/repos/risk")


def test_without_options_the_target_takes_the_engine_of_this_machine_under_the_repositorys_name():
    assert read_options({}, ROOT, "dev") == DockerOptions("risk-dev", Options(), "", "containers", BASE_IMAGE)


def test_options_are_read():
    given = {
        "mode": "swarm",
        "gateway": {"port": 8080},
        "docker": {"project": "p1", "host": "unix:///a.sock", "ready_seconds": 30, "base_image": "mine:1"},
    }
    assert read_options(given, ROOT, "dev") == DockerOptions(
        "p1", Options(8080, ready_seconds=30.0), "unix:///a.sock", "swarm", "mine:1"
    )


@pytest.mark.parametrize(
    ("root", "target", "project"),
    [
        ("/repos/Risk Models_v2", "dev", "risk-models-v2-dev"),
        ("/repos/-risk-", "Dev", "risk-dev"),
        (f"/repos/{'r' * 36}", "dev", f"{'r' * 36}-dev"),
    ],
)
def test_a_project_is_named_in_the_letters_that_engines_take(root, target, project):
    assert read_options({}, Path(root), target).project == project


def test_long_names_are_cut_and_stay_different():
    one, other = (read_options({}, Path("/repos") / ("risk" * 10 + end), "dev").project for end in ("a", "b"))
    assert one != other
    assert max(len(one), len(other)) <= 40


@pytest.mark.parametrize(
    "options",
    [
        {"docker": {"project": "Has Blanks"}},
        {"docker": {"project": "-p"}},
        {"docker": {"project": "p" * 41}},
        {"docker": {"project": 5}},
        {"docker": {"host": 2375}},
        {"docker": {"base_image": ["a"]}},
        {"docker": {"ready_seconds": -1}},
        {"docker": {"socket": "/var/run/docker.sock"}},
        {"docker": "unix:///a.sock"},
        {"mode": "kubernetes"},
        {"mode": None},
        {"local": {"python": "exact"}},
        {"server": "azureml"},
    ],
)
def test_an_option_that_makes_no_sense_is_refused(options):
    with pytest.raises(ProviderError, match="target option"):
        read_options(options, ROOT, "dev")


def test_a_repository_whose_name_has_no_letter_for_engines_is_asked_for_one():
    with pytest.raises(ProviderError, match="docker: project: '' is no name; write small letters"):
        read_options({}, Path("/repos/模型"), "目標")
