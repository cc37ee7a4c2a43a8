"""Who holds a target's lock, in words: a store keeps the facts `id`, `user`, `host`, `pid`, `command` and `started`."""

from collections.abc import Mapping


def holder_text(holder: Mapping[str, str | int]) -> str:
    """A holder as people read of it; empty facts are another run."""
    if not holder:
        return "another run"
    since = str(holder.get("started", "")).replace("T", " ").split(".")[0].split("+")[0].removesuffix("Z")
    who = f"{holder.get('user', '?')}@{holder.get('host', '?')}"
    return f"{who} (pid {holder.get('pid', '?')}, {command_of(holder)}) since {since} UTC"


def command_of(holder: Mapping[str, str | int]) -> str:
    """What a holder runs."""
    return f"mlops {str(holder.get('command', '')).removeprefix('mlops').strip()}".strip()


def unlocking(target: str, lock_id: str | int) -> str:
    """The command that breaks a lock."""
    return f"mlops state unlock {lock_id} --target {target}"
