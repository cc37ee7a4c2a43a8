"""Decisions are known by their numbers."""

from pathlib import Path

FILES = sorted((Path(__file__).parent.parent / ".github" / "decisions").glob("*.md"))


def test_each_decision_has_the_next_number_and_says_it_in_its_title():
    assert [int(file.name.partition("-")[0]) for file in FILES] == list(range(1, len(FILES) + 1))
    titles = [file.read_text(encoding="utf-8").partition("\n")[0] for file in FILES]
    assert [title.partition(".")[0] for title in titles] == [f"# {number}" for number in range(1, len(FILES) + 1)]
