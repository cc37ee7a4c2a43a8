"""F22: a record that is lost with nothing live left to make it anew from starts again, and the first apply succeeds."""

from pathlib import Path

from tests.cli.command_line import Repository


def test_f22_a_lost_record_of_an_empty_target_starts_again_with_the_first_apply(tmp_path: Path):
    repo = Repository(tmp_path / "repo")
    repo.apply()
    repo.mlops("destroy", "--auto-approve")
    assert repo.live() == {}
    (repo.folder / ".mlops" / "state.db").unlink()
    repo.apply()
    assert repo.mlops("plan", "--detailed-exitcode").out.startswith("No changes.")
