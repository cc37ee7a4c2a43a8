"""The operator's settings: each is read, and what is wrong is told with its place."""

from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.errors import ManifestError
from reconciler.watch.clone import Signers
from reconciler.watch.settings import SelfHeal, Settings, listen_of, read_settings

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def read(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "watch.yaml"
    file.write_text(text)
    return Settings(**read_settings(file))


def test_the_example_of_the_readme_is_read(tmp_path: Path):
    (tmp_path / "allowed_signers").touch()
    (tmp_path / "mlops.yaml").touch()
    (tmp_path / "policies").mkdir()
    section = README.partition("## The pull side")[2]
    settings = read(tmp_path, section.partition("```yaml\n")[2].partition("```")[0])
    assert (settings.branch, settings.interval_s, settings.listen) == ("main", 60, ("127.0.0.1", 9180))
    assert settings.self_heal == SelfHeal(True, {"credit": False})
    assert settings.signers == Signers(allowed=str(tmp_path / "allowed_signers"))
    assert (len(settings.windows.allow), settings.windows.deny[0].duration) == (1, timedelta(days=3))


def test_without_a_word_the_guards_are_up(tmp_path: Path):
    settings = read(tmp_path, "interval: 5m\n")
    assert settings == Settings(interval_s=300)
    assert (settings.self_heal.default, settings.follow_rewritten, settings.allow_empty) == (False, False, False)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("intervall: 60s\n", "watch.yaml:1:1: E-FIELD: intervall: unknown field (did you mean interval?)"),
        ("interval: 60\n", "interval: expected a duration with its unit"),
        ("jitter: 2\n", "jitter: expected a number"),
        ("self_heal: {endpoints: {credit: maybe}}\n", "self_heal.endpoints.credit: expected true or false"),
        ("signers: {allowed: nowhere}\n", "nowhere is not there"),
        ("signers: {}\n", "signers: names nobody"),
        ("rewritten: ignore\n", "rewritten: 'ignore' is none of hold, follow"),
        ("windows: {allow: [{cron: 0 9 * *, duration: 8h}]}\n", "windows.allow.0.cron: expected five fields of cron"),
        ("windows: {deny: [{cron: 0 9 * * *}]}\n", "duration is missing"),
        ("windows: {deny: [{cron: 0 9 * * *, duration: 40d}]}\n", "31d at the most"),
        ("windows: {deny: [{cron: 0 9 * * *, duration: 1h, timezone: Berlin}]}\n", "no time zone"),
        ("protect: [nonsense]\n", "protect.0:"),
        ("listen: everywhere\n", "listen: expected PORT or HOST:PORT"),
        ("max_delete: -1\n", "max_delete: expected a whole number >= 0"),
        ("[]\n", "one mapping"),
        ("a: [\n", "watch.yaml:"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, told: str):
    with pytest.raises(ManifestError) as refused:
        read(tmp_path, text)
    assert told in str(refused.value)


def test_every_mistake_is_told_at_once(tmp_path: Path):
    with pytest.raises(ManifestError) as refused:
        read(tmp_path, "interval: soon\njitter: much\nwindows: {allow: [{cron: never, duration: long}]}\n")
    assert len(refused.value.problems) == 4


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("9180", ("127.0.0.1", 9180)),
        ("0.0.0.0:9180", ("0.0.0.0", 9180)),
        ("[::1]:9180", ("::1", 9180)),
        ("", None),
        ("host", None),
        ("host:99999", None),
    ],
)
def test_without_a_host_it_listens_to_this_machine_alone(text: str, place: tuple[str, int] | None):
    assert listen_of(text) == place
