"""Texts made to be slow or large: each is read in bounded memory to an end, as problems or as manifests."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hostile_texts import TEXTS

MEMORY = 700_000_000
READ = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({memory}, {memory}))
from reconciler.load import Options, load
loaded = load(sys.argv[1], Options(variables={{"LONG": "x" * 1000}}))
assert loaded.problems or loaded.manifests
assert len(loaded.problems) <= 1001
print(sorted({{problem.code for problem in loaded.problems}}))
"""


@pytest.mark.parametrize("what", TEXTS)
def test_a_hostile_text_is_read_in_bounded_memory(what: str, tmp_path: Path):
    assert len(TEXTS[what].encode()) <= 1_048_576
    (tmp_path / "x.yml").write_text(TEXTS[what], encoding="utf-8")
    argv = [sys.executable, "-c", READ.format(memory=MEMORY), str(tmp_path / "x.yml")]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=200)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_limit_of_memory_is_one_that_can_be_met(tmp_path: Path):
    """What proves that memory is bounded must see it when it is not."""
    (tmp_path / "x.yml").write_text("name: x\n")
    argv = [sys.executable, "-c", READ.format(memory=MEMORY) + "x = bytearray(700_000_000)", str(tmp_path / "x.yml")]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=200)
    assert "MemoryError" in done.stderr
    assert resource.getrlimit(resource.RLIMIT_AS)[0] != MEMORY
