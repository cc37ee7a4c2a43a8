"""Which Python an environment gets."""

import subprocess
import sys

import pytest

from reconciler.errors import ProviderError
from reconciler.providers.local import pythons
from reconciler.providers.local.pythons import Python, choose, on_machine

OWN = (3, 11, 7)


@pytest.fixture(autouse=True)
def _own_version(monkeypatch):
    monkeypatch.setattr(pythons.sys, "version_info", OWN)


def machine(*versions):
    return [Python(f"/usr/bin/python{text}", tuple(map(int, text.split(".")))) for text in versions]


@pytest.mark.parametrize(
    ("wanted", "there", "chosen"),
    [
        (["==3.12.*"], ["3.11.2", "3.12.1", "3.13.0"], "3.12.1"),
        (["==3.12.*"], ["3.12.1", "3.12.7"], "3.12.7"),
        (["==3.12.*"], ["3.11.2", "3.13.0"], "3.11.2"),
        (["==3.12.*"], ["3.9.1", "3.13.0"], "3.13.0"),
        (["==3.8.*"], ["3.7.16", "3.8.18", "3.10.1", "3.12.1"], "3.10.1"),
        (["==3.12.4"], ["3.12.1", "3.11.2"], "3.12.1"),
        ([">=3.9", "<3.11"], ["3.9.1", "3.10.1", "3.11.2"], "3.9.1"),
        ([">=3.10"], ["3.10.1", "3.11.2", "3.13.0"], "3.11.2"),
        (["~=3.12.0"], ["3.11.2", "3.12.3", "3.13.0"], "3.12.3"),
        (["!=3.11.*"], ["3.11.2", "3.12.3"], "3.12.3"),
        ([], ["3.10.1", "3.11.2", "3.13.0"], "3.11.2"),
    ],
)
def test_what_fits_is_chosen_else_the_nearest(wanted, there, chosen):
    assert str(choose(wanted, machine(*there)).python) == chosen


def test_another_python_than_asked_for_is_told():
    note = choose(["==3.12.*"], machine("3.11.2")).note
    assert note == "Python 3.12 is not on this machine; 3.11.2 is used, the nearest there is"


def test_the_python_that_was_asked_for_needs_no_note():
    assert choose(["==3.12.*"], machine("3.12.1")).note == ""


def test_exact_refuses_the_nearest():
    with pytest.raises(ProviderError, match=r"Python 3\.12 is not on this machine \(there: 3\.11\.2\)"):
        choose(["==3.12.*"], machine("3.11.2"), exact=True)


def test_a_machine_without_a_python_young_enough_is_refused():
    with pytest.raises(ProviderError, match="there: none"):
        choose([], machine("3.8.18"))


def test_the_machine_is_searched_once_until_a_folder_of_its_path_changes(tmp_path, monkeypatch):
    searches = []
    monkeypatch.setattr(pythons, "_found", lambda *_: searches.append(1) or machine("3.11.2"))
    path = tmp_path / "bin"
    path.mkdir()
    for _ in range(2):
        assert on_machine(tmp_path / "c" / "pythons.json", {"PATH": str(path)}) == machine("3.11.2")
    assert len(searches) == 1
    (path / "python3.12").touch()
    on_machine(tmp_path / "c" / "pythons.json", {"PATH": str(path)})
    assert len(searches) == 2


AT_ONCE = """
import sys, threading
from reconciler.providers.hosting.packages import uv_binary
sys.setswitchinterval(1e-6)
found, barrier = [], threading.Barrier(8)
def look():
    barrier.wait()
    found.append(uv_binary())
threads = [threading.Thread(target=look) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(found))
"""


def test_many_threads_of_a_fresh_process_find_uv_at_the_same_time():
    done = subprocess.run([sys.executable, "-c", AT_ONCE], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("8\n", "")
