"""Metrics of runs in a file that several commands share: whole at any time, and nobody's are lost."""

import fcntl
import os
import threading
from pathlib import Path

import pytest
from command_line import Repository

from reconciler.cli.textfile import add_metrics
from reconciler.render.prometheus import failure_metrics


def test_commands_share_a_file_and_a_failure_keeps_when_it_last_went_well(applied: Repository):
    shared = "--report=prometheus=mlops.prom"
    applied.mlops("drift", shared)
    applied.mlops("plan", shared)
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: two")
    applied.mlops("plan", shared, code=1)
    lines = applied.read("mlops.prom").splitlines()
    assert {
        'mlops_drift{target="dev",class="changed"} 0',
        'mlops_plan_changes{target="dev",action="scale"} 0',
        'mlops_last_run_exit_code{target="dev",command="plan"} 1',
        'mlops_last_run_exit_code{target="dev",command="drift"} 0',
    } <= set(lines)
    assert sum(line.startswith("mlops_last_success_timestamp_seconds{") for line in lines) == 2
    assert [each.name for each in applied.folder.iterdir() if each.name.startswith(".mlops.prom")] == []


def test_runs_that_end_at_once_lose_nothing_of_each_other(tmp_path: Path):
    file = tmp_path / "mlops.prom"

    def told(name: str) -> None:
        add_metrics(file, failure_metrics(target=name, command="drift", exit_code=1, now=1))

    threads = [threading.Thread(target=told, args=[f"t{number}"]) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert file.read_text().count("mlops_last_run_exit_code{") == 16
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_somebody_keeps_locked_holds_no_run_up(tmp_path: Path):
    """To lock a folder it is enough to be able to read it."""
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    with pytest.raises(OSError, match="another process has locked its folder"):
        add_metrics(tmp_path / "mlops.prom", "", patience_s=0.2)
    os.close(descriptor)
    add_metrics(tmp_path / "mlops.prom", "", patience_s=0.2)
    assert (tmp_path / "mlops.prom").exists()
