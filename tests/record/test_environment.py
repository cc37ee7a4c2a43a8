"""A process that outlives a run opens the record by names of files; a key or a password is never handed on."""

from pathlib import Path

import pytest

from reconciler.errors import StateError
from reconciler.record.environment import passed_on, refuse_values


def test_names_of_files_are_handed_on_from_wherever_they_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    given = {"MLOPS_ENCRYPTION_KEY_FILE": "key", "PGPASSFILE": "~/pass", "PGUSER": "ana", "PGPORT": ""}
    assert passed_on(given | {"MLOPS_ENCRYPTION_KEY": "k", "PGPASSWORD": "p", "OTHER": "o"}) == {
        "MLOPS_ENCRYPTION_KEY_FILE": str(tmp_path / "key"),
        "PGPASSFILE": str(Path.home() / "pass"),
        "PGUSER": "ana",
    }


@pytest.mark.parametrize(
    ("location", "environ", "advice"),
    [
        (".mlops/state.db", {"MLOPS_ENCRYPTION_KEY": "k"}, "give MLOPS_ENCRYPTION_KEY_FILE in its place"),
        ("postgresql://db/ml", {"PGPASSWORD": "p"}, "give PGPASSFILE in its place"),
    ],
)
def test_a_value_that_nobody_may_write_down_is_refused(location: str, environ: dict[str, str], advice: str):
    with pytest.raises(StateError, match=f"nobody follows its policies.*{advice}"):
        refuse_values(location, environ)


def test_files_and_what_the_record_does_not_need_are_no_reason():
    refuse_values(
        ".mlops/state.db", {"PGPASSWORD": "p", "MLOPS_ENCRYPTION_KEY_FILE": "key", "MLOPS_ENCRYPTION_KEY": ""}
    )
