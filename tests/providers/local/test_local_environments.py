"""Environments are built whole or not at all, once for all that want the same."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

import psutil
import pytest

from reconciler.errors import ProviderError
from reconciler.providers.local import environments
from reconciler.providers.local.environments import Environments
from tests.waiting import until


def conda(*pip):
    return {"conda_file": {"dependencies": ["pip", {"pip": list(pip)}]}}


@pytest.fixture
def builds(monkeypatch):
    """The builds that were made, without waiting for uv."""
    made = []

    def run(self, _choice, *argv, home, log, lock, given=""):
        made.append(argv[0])
        (home / "venv" / "bin").mkdir(parents=True, exist_ok=True)
        (home / "venv" / "bin" / "python").touch()

    monkeypatch.setattr(Environments, "_uv", run)
    return made


def test_an_environment_of_nothing_has_the_server_and_no_more(tmp_path):
    python = Environments(tmp_path).ready({"image": "any"}, lambda _: None).python
    code = "import uvicorn, importlib.util; print(uvicorn.__version__, importlib.util.find_spec('yaml'))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [version("uvicorn"), "None"]


def test_a_build_that_fails_says_why_and_leaves_nothing(tmp_path):
    printed = []
    with pytest.raises(ProviderError, match="cannot be built with Python") as error:
        Environments(tmp_path).ready(conda("--no-index", "no-such-package==1"), lambda _: None, log=printed.append)
    assert "no-such-package" in "\n".join(error.value.log_tail)
    assert tuple(printed[-len(error.value.log_tail) :]) == tuple(error.value.log_tail)
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_the_same_content_is_built_once(tmp_path, builds):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: Environments(tmp_path).ready(conda("joblib"), lambda _: None), range(4)))
    assert (builds, len(set(found))) == (["venv", "pip"], 1)


def test_other_content_is_another_environment(tmp_path, builds):
    one, other = (Environments(tmp_path).ready(conda(line), lambda _: None) for line in ("joblib", "joblib==1.5.1"))
    assert one != other


SLOW_UV = """#!/bin/sh
echo begun >> {log}
mkdir -p venv/bin && ln -sf {python} venv/bin/python
while [ "$1" = pip ] && [ ! -e {go} ]; do sleep 0.02; done
echo ended >> {log}
"""

BUILD = """
import sys
from pathlib import Path
from reconciler.providers.local import environments
environments.uv_binary = lambda: sys.argv[2]
environments.Environments(Path(sys.argv[1])).ready({}, print)
"""


def test_f35_what_a_killed_apply_was_building_with_is_waited_for_and_never_built_beside(tmp_path):
    uv, log, go = (tmp_path / name for name in ("uv", "log", "go"))
    uv.write_text(SLOW_UV.format(log=log, go=go, python=sys.executable))
    uv.chmod(0o755)
    argv = [sys.executable, "-c", BUILD, str(tmp_path / "kept"), str(uv)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as killed:
        until(lambda: log.exists() and log.read_text().split() == ["begun", "ended", "begun"])
        killed.kill()
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as following:
        try:
            until(lambda: any(".lock" in file.path for file in psutil.Process(following.pid).open_files()))
            assert log.read_text().split() == ["begun", "ended", "begun"]
        finally:
            go.touch()
        assert following.wait(timeout=60) == 0
    assert log.read_text().split() == ["begun", "ended"] * 4


ENDLESS_UV = "#!/bin/sh\necho $$\nexec sleep 600\n"


def test_a_build_that_its_user_breaks_off_ends_at_once_and_leaves_nothing(tmp_path, monkeypatch):
    uv, pids = tmp_path / "uv", []
    uv.write_text(ENDLESS_UV)
    uv.chmod(0o755)
    monkeypatch.setattr(environments, "uv_binary", lambda: str(uv))

    def interrupted(line):
        pids.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Environments(tmp_path / "kept").ready({}, lambda _: None, log=interrupted)
    assert not psutil.pid_exists(pids[0])
    assert [path for path in (tmp_path / "kept").iterdir() if path.is_dir()] == []


def test_a_build_that_was_cut_short_is_built_anew(tmp_path, builds):
    home = Environments(tmp_path).ready(conda("joblib"), lambda _: None).bytecode.parent
    (home / "ready").unlink()
    Environments(tmp_path).ready(conda("joblib"), lambda _: None)
    assert builds == ["venv", "pip"] * 2


def test_an_environment_whose_python_is_gone_is_built_anew(tmp_path, builds):
    Environments(tmp_path).ready(conda("joblib"), lambda _: None).python.unlink()
    Environments(tmp_path).ready(conda("joblib"), lambda _: None)
    assert builds == ["venv", "pip"] * 2


def test_a_ready_environment_reports_nothing(tmp_path, builds):
    reports = []
    Environments(tmp_path).ready(conda("joblib"), reports.append)
    assert len(reports) == 1
    Environments(tmp_path).ready(conda("joblib"), reports.append)
    assert len(reports) == 1


def test_a_server_that_the_conda_file_names_is_not_pinned_again(tmp_path, builds):
    home = Environments(tmp_path).ready(conda("uvicorn==0.34.0"), lambda _: None).bytecode.parent
    named = [line.partition("=")[0] for line in (home / "requirements.txt").read_text().splitlines()]
    assert named.count("uvicorn") == 1


def test_an_environment_for_another_server_has_none_of_ours(tmp_path, builds):
    home = Environments(tmp_path).ready(conda("gunicorn"), lambda _: None, requirements=()).bytecode.parent
    assert (home / "requirements.txt").read_text() == "gunicorn\n"


def test_a_conda_file_with_indexes_of_its_own_is_read_as_pip_reads_it(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(
        Environments, "_uv", lambda _self, _choice, *argv, home, log, lock, given="": calls.append(argv)
    )
    Environments(tmp_path).ready(conda("--extra-index-url https://example.org/simple", "torch"), lambda _: None)
    assert "unsafe-best-match" in calls[1]
