"""`python -m reconciler.operate FOLDER TARGET`: become the attendant of a target; the keeper starts it."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from reconciler.operate.attendant import attend
from reconciler.render.values import log_text


def main() -> None:
    """Attend until ended."""
    folder, target = sys.argv[1:]
    attend(Path(folder), target, say=_say)


def _say(line: str) -> None:
    """What is said into the attendant's log, a line each; none of it acts on the terminal of who reads it."""
    for part in log_text(line).split("\n"):
        sys.stdout.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + f"Z {part}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
