"""What the table of files in benchmarks/README.md tells."""

import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "benchmarks"


def test_the_table_of_files_has_each_and_no_other() -> None:
    table = (FOLDER / "README.md").read_text().partition("## The files")[2]
    assert sorted(re.findall(r"^\| `(\w+\.py)` \|", table, re.MULTILINE)) == sorted(
        file.name for file in FOLDER.glob("*.py")
    )
