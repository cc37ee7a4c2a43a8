"""A record and its plans at rest under a key: from birth, later, with another key, and in the clear again."""

from pathlib import Path

from command_line import Repository, files_holding

KEY = {"MLOPS_ENCRYPTION_KEY": "1" * 64}
OTHER = {"MLOPS_ENCRYPTION_KEY": "2" * 64}
CANARY = "canary-description"


def described(repo: Repository) -> None:
    repo.edit("manifests/blue.yml", "instance_count: 1", f"instance_count: 1\ndescription: {CANARY}")


def state_files(repo: Repository) -> list[Path]:
    return [file for file in sorted((repo.folder / ".mlops").iterdir()) if file.name.startswith("state.db")]


def telling(repo: Repository) -> list[str]:
    """The names of state files and backups that tell what is recorded."""
    found = files_holding(CANARY, [repo.folder / ".mlops"])
    return sorted({Path(name).name for name in found if Path(name) in state_files(repo)})


def test_a_record_that_begins_under_a_key_is_encrypted_from_its_birth(repo: Repository):
    described(repo)
    repo.mlops("apply", "--auto-approve", **KEY)
    assert telling(repo) == []
    assert repo.mlops("plan", **KEY).out.startswith("No changes.")
    said = repo.mlops("plan", code=1).err
    assert "it is encrypted under key" in said
    assert "give that in MLOPS_ENCRYPTION_KEY" in said


def test_a_record_is_encrypted_later_and_opened_again(repo: Repository):
    described(repo)
    repo.apply()
    said = repo.mlops("apply", "--auto-approve", "--set", "deployment/credit/blue.instance_count=2", code=1, **KEY).err
    assert "the state is not encrypted, but MLOPS_ENCRYPTION_KEY is set; `mlops state encrypt` seals it" in said
    assert repo.mlops("state", "encrypt", **KEY).out.startswith("The state is encrypted. Backups and saved plans")
    assert repo.mlops("state", "encrypt", **KEY).out == "The state is encrypted under this key already.\n"
    assert [name for name in telling(repo) if "backup" not in name] == []
    repo.mlops("apply", "--auto-approve", "--set", "deployment/credit/blue.instance_count=2", **KEY)
    assert repo.mlops("state", "decrypt", **KEY).out == "The state is in the clear.\n"
    assert repo.mlops("state", "decrypt").out == "The state is in the clear already.\n"
    assert repo.steps() == ["scale deployment/credit/blue"]


def test_a_key_is_changed_with_the_former_one_as_fallback(repo: Repository):
    repo.mlops("apply", "--auto-approve", **KEY)
    both = {**OTHER, "MLOPS_ENCRYPTION_KEY_FALLBACK": KEY["MLOPS_ENCRYPTION_KEY"]}
    assert repo.mlops("plan", **both).out.startswith("No changes.")
    assert "give the former key in MLOPS_ENCRYPTION_KEY_FALLBACK" in repo.mlops("plan", code=1, **OTHER).err
    repo.mlops("apply", "--auto-approve", **both)
    assert repo.mlops("plan", **OTHER).out.startswith("No changes.")
    repo.mlops("plan", code=1, **KEY)


def test_encrypting_wants_a_key_and_a_record_at_rest(repo: Repository):
    assert (
        "MLOPS_ENCRYPTION_KEY is not set; `openssl rand -hex 32` makes one"
        in repo.mlops("state", "encrypt", code=1).err
    )
    repo.write("mlops.yaml", 'targets:\n  dev: {provider: memory, state: "memory:"}\n')
    assert "its record lives in memory, where nothing is at rest" in repo.mlops("state", "encrypt", code=1, **KEY).err


def test_a_key_that_is_none_is_refused_and_not_shown(repo: Repository):
    said = repo.mlops("plan", code=1, MLOPS_ENCRYPTION_KEY="hunter2").err
    assert "$MLOPS_ENCRYPTION_KEY: this is no key of 64 hexadecimal digits; `openssl rand -hex 32` makes one" in said
    assert "hunter2" not in said
