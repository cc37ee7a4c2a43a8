"""What a watcher remembers between rounds and restarts, in private files that are whole or absent."""

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from reconciler.record.files import lay_down, private_folder
from reconciler.workspace import PRIVATE

_MOST = 1 << 20


@dataclass(frozen=True)
class Memory:
    """What was seen and tried of a branch; all empty for a watcher that begins.

    Args:
        head: the newest commit that was seen and not refused for its signature or history.
        in_force: the last commit that was applied to its end.
        in_force_tree: the digest of all that was read for it, the operator's variables included.
        judged: the last failed run of the record that was looked at, so that it counts once.
        tried: the commit whose apply failed.
        tried_plan: what was left to do after that; anything else is worth another try.
        undone_by: the last rollback in the record.
        undone: the commit that it took back.
        accepted: a commit that an operator asked for although the branch's history was rewritten.
    """

    head: str = ""
    in_force: str = ""
    in_force_tree: str = ""
    judged: str = ""
    tried: str = ""
    tried_plan: str = ""
    undone_by: str = ""
    undone: str = ""
    accepted: str = ""

    def forgiven(self) -> "Memory":
        """The memory of an operator's wish to try again."""
        return replace(self, tried="", tried_plan="", undone="", accepted="")


@dataclass(frozen=True)
class Suspension:
    """Who told a watcher to change nothing, when, ISO 8601 in UTC, and why."""

    who: str
    since: str
    why: str = ""

    def __str__(self) -> str:
        return f"by {self.who} since {self.since}{f': {self.why}' if self.why else ''}"


class Kept:
    """The private folder of a watcher, below the folder that it works in."""

    def __init__(self, folder: Path) -> None:
        self._private = folder / PRIVATE
        self.folder = self._private / "watch"

    @property
    def lock(self) -> Path:
        """Locked by the one watcher that works in the folder."""
        return self.folder / "lock"

    def make(self) -> None:
        """Make the folder."""
        private_folder(self._private)
        private_folder(self.folder)

    def read(self) -> Memory:
        """What is remembered; nothing where it cannot be read."""
        known = {field.name for field in fields(Memory)}
        return Memory(**{name: str(value) for name, value in self._json("memory").items() if name in known})

    def keep(self, memory: Memory) -> None:
        """Remember."""
        self._lay("memory", asdict(memory))

    def suspension(self) -> Suspension | None:
        """Who told to change nothing; a file that is no such word counts as one, too."""
        if not self._file("suspended").exists():
            return None
        found = self._json("suspended")
        return Suspension(str(found.get("who", "?")), str(found.get("since", "?")), str(found.get("why", "")))

    def suspend(self, suspension: Suspension) -> None:
        """Have the watcher change nothing from its next round on."""
        self._lay("suspended", asdict(suspension))

    def resume(self) -> None:
        """Take that back."""
        self._file("suspended").unlink(missing_ok=True)

    def clone(self) -> dict[str, Any]:
        """What the folder is a clone of; empty where it is none of ours."""
        return self._json("clone")

    def keep_clone(self, facts: dict[str, Any]) -> None:
        """Write down what the folder is a clone of, and which commits may have left files in it."""
        self._lay("clone", facts)

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _json(self, name: str) -> dict[str, Any]:
        try:
            with self._file(name).open("rb") as file:
                found = json.loads(file.read(_MOST))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _lay(self, name: str, value: dict[str, Any]) -> None:
        def fill(file: Path) -> None:
            file.write_text(json.dumps(value) + "\n", "utf-8")

        lay_down(self._file(name), fill, over=True)
