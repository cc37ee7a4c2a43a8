"""What turned between two looks at drift, as lines with their time and as JSON values."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.core.plan import Recovery
from reconciler.core.state import Drift, Turn
from reconciler.render.as_json import VERSION, drift_resource, unfinished_json
from reconciler.render.text import drift_lines, unfinished_lines
from reconciler.render.values import Veil, log_line

Unfinished = tuple[Sequence[Recovery], Mapping[str, str | int] | None]


def begun_lines(*, target: str, recorded: int, time: str) -> Iterator[str]:
    """That the first look is done, whatever it found."""
    yield log_line(
        f"{time} watching target {target}: {recorded} {'resource is' if recorded == 1 else 'resources are'} recorded"
    )


def turn_lines(turns: Iterable[tuple[Turn, Drift]], *, time: str) -> Iterator[str]:
    """Each drift that is new, otherwise or gone; of what is gone the fields say nothing any more."""
    for turn, drift in turns:
        head, *fields = map(log_line, drift_lines(drift, Veil()))
        yield f"{time} {turn}: {head.strip()}"
        yield from fields if turn is not Turn.GONE else ()


def aside_lines(unfinished: Unfinished, before: Unfinished, *, time: str) -> Iterator[str]:
    """Who is at work, or what was cut off, where the look before told otherwise."""
    known = set(unfinished_lines(*before, Veil()))
    for line in unfinished_lines(*unfinished, Veil()):
        if line not in known:
            yield log_line(f"{time} {line.strip()}")


def failed_line(error: str, *, time: str) -> str:
    """That nobody could look, and why, in one line."""
    return f"{time} cannot look: {log_line(' '.join(error.split()))}"


def turn_json(turn: Turn, drift: Drift, *, target: str, time: str) -> dict[str, Any]:
    """One drift that is new, otherwise or gone."""
    return {**_event(str(turn), target, time), **drift_resource(drift, Veil())}


def unfinished_event(unfinished: Unfinished, *, target: str, time: str) -> dict[str, Any]:
    """Who is at work, or what was cut off."""
    return {**_event("unfinished", target, time), **unfinished_json(*unfinished, Veil())}


def look_json(event: str, *, target: str, time: str, **facts: Any) -> dict[str, Any]:
    """What there is to say of a look itself: `watching`, `answered`, `failed` or `settled`."""
    return {**_event(event, target, time), **facts}


def _event(event: str, target: str, time: str) -> dict[str, Any]:
    return {"version": VERSION, "event": event, "time": time, "target": target}
