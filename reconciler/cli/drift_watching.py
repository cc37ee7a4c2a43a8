"""`mlops drift --watch`: one look after the other, of each what the one before did not have."""

import gc
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from reconciler.cli import options as o
from reconciler.cli.forms import DRIFT
from reconciler.cli.reporting import Reports
from reconciler.cli.saying import put_line
from reconciler.errors import MlopsError
from reconciler.render.values import json_line

if TYPE_CHECKING:
    from reconciler.operate.drift_watch import Look
    from reconciler.wishes import Drifted


class _ToldToEndError(KeyboardInterrupt):
    """SIGTERM, which ends a watch in order."""


def watch(
    target: str | None, form: o.DriftReport, written: list[str] | None, interval: str, *, served: bool, cached: bool
) -> int:
    """Look until told to end: by SIGTERM with 0, by Ctrl-C with 130.

    Raises:
        ManifestError: the settings are wrong from the beginning; likewise a RefusedError.
    """
    from reconciler.apply import utc_now  # noqa: PLC0415 - --help loads none of it
    from reconciler.operate.drift_watch import looks  # noqa: PLC0415
    from reconciler.operate.times import span_of  # noqa: PLC0415

    if form not in (o.DriftReport.TEXT, o.DriftReport.JSON):
        raise typer.BadParameter("a watch is printed as text or json; --report writes others", param_hint="--format")
    Reports(written, "drift", DRIFT)  # refuses what cannot be written before the first look
    told = _lines if form is o.DriftReport.TEXT else _json_lines
    name = target or "the default one"
    interval_s = span_of(interval, "--interval")
    gc.enable()  # unlike other commands this one does not end by itself
    try:
        with _ended_in_order():
            for look in looks(_look(target, written, interval_s, served=served, cached=cached), interval_s=interval_s):
                seen = look.found or look.former
                name = seen.target if seen else name
                for line in told(look, name, utc_now()):
                    put_line(line, flush=True)
    except _ToldToEndError:
        return 0
    return 0


def _look(
    target: str | None, written: list[str] | None, interval_s: float, *, served: bool, cached: bool
) -> "Callable[[], Drifted]":
    from reconciler import pipeline  # noqa: PLC0415 - --help loads none of it
    from reconciler.apply import Pace  # noqa: PLC0415
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    # What hangs is an outage: longer than some intervals, and never for ever.
    pace = Pace(max(30.0, interval_s))

    def look() -> "Drifted":
        try:
            reports = Reports(written, "drift", DRIFT)
        except typer.BadParameter as error:
            raise MlopsError(error.format_message()) from error
        with reports.of(target):
            with open_workspace(target, cached=cached) as workspace:
                reports.target = workspace.target.name
                drifted = pipeline.drift(workspace, served=served, pace=pace, cached=cached)
            reports.write(drifted)
        return drifted

    return look


@contextmanager
def _ended_in_order() -> Iterator[None]:
    def end(_number: int, _frame: object) -> None:
        raise _ToldToEndError

    former = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _lines(look: "Look", target: str, time: str) -> Iterator[str]:
    from reconciler.render import watched  # noqa: PLC0415

    if look.found is None:
        yield watched.failed_line(look.error, time=time)
        return
    found, former = look.found, look.former
    if look.again:
        yield f"{time} looking again"
    if look.first:
        yield from watched.begun_lines(target=target, recorded=found.recorded, time=time)
    before = (former.recovery, former.holder) if former else ((), None)
    yield from watched.aside_lines((found.recovery, found.holder), before, time=time)
    yield from watched.turn_lines(look.turns, time=time)
    yield from (f"{time} not known what is served: {each}" for each in _more(look))
    if _settled(look):
        yield f"{time} no drift any more"


def _json_lines(look: "Look", target: str, time: str) -> Iterator[str]:
    from reconciler.render import watched  # noqa: PLC0415

    if look.found is None:
        yield json_line(watched.look_json("failed", target=target, time=time, message=look.error))
        return
    found, former = look.found, look.former
    if look.again:
        yield json_line(watched.look_json("answered", target=target, time=time))
    if look.first:
        yield json_line(watched.look_json("watching", target=target, time=time, recorded=found.recorded))
    if (found.recovery, found.holder) != ((former.recovery, former.holder) if former else ((), None)):
        yield json_line(watched.unfinished_event((found.recovery, found.holder), target=target, time=time))
    for turn, drift in look.turns:
        yield json_line(watched.turn_json(turn, drift, target=target, time=time))
    for each in _more(look):
        yield json_line(watched.look_json("silent", target=target, time=time, message=each))
    if _settled(look):
        yield json_line(watched.look_json("settled", target=target, time=time))


def _more(look: "Look") -> list[str]:
    """The instances that said nothing in this look, and did in the one before."""
    known = look.former.silent if look.former else ()
    return [each for each in look.found.silent if each not in known] if look.found else []


def _settled(look: "Look") -> bool:
    """Whether the last drift that counts is gone."""
    return bool(look.found and look.former and look.former.counts and not look.found.counts)
