"""Traces of what a command does, where OTEL_* asks for them; nothing is loaded for them where it does not.

A span tells what was done, to what, and how it ended. It never tells a value of a field, nor what an error says.
"""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING

from reconciler.core.offline import is_offline

if TYPE_CHECKING:
    from reconciler.apply import Watcher
    from reconciler.core.plan import Outcome, Step
    from reconciler.telemetry.traces import Trace

_CURRENT: ContextVar["Trace | None"] = ContextVar("trace", default=None)


def begin(command: str, environ: Mapping[str, str] = os.environ) -> "Trace | None":
    """Begin the trace of a command, if the environment asks for one; `Trace.end` sends it."""
    if not _asked_for(environ):
        return None
    try:
        from reconciler.telemetry.traces import Trace  # noqa: PLC0415 - 300 ms that only whoever asks pays

        trace = Trace(command, environ)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with OTEL_*, the command does its work
        import logging  # noqa: PLC0415 - the SDK has loaded it

        logging.getLogger(__name__).warning("mlops: no trace is made: %s", error)
        return None
    _CURRENT.set(trace)
    return trace


def span(name: str, **facts: str) -> AbstractContextManager[None]:
    """A part of the command that is under way."""
    trace = _CURRENT.get()
    return trace.span(name, facts) if trace else nullcontext()


def told(watcher: "Watcher") -> "Watcher":
    """A watcher that also makes a span of every step."""
    trace = _CURRENT.get()
    if trace is None:
        return watcher
    from dataclasses import replace  # noqa: PLC0415 - only whoever asks for traces needs it

    steps = trace.steps()

    def on_start(step: "Step") -> None:
        steps.begin(step)
        watcher.on_start(step)

    def on_outcome(outcome: "Outcome") -> None:
        steps.end(outcome)
        watcher.on_outcome(outcome)

    return replace(watcher, on_start=on_start, on_outcome=on_outcome)


def _asked_for(environ: Mapping[str, str]) -> bool:
    """Whether there is somewhere to send traces to, and nobody forbids it."""
    if is_offline(environ):
        return False
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporter = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if exporter:
        return exporter == "otlp"
    return any(environ.get(f"OTEL_EXPORTER_OTLP_{name}ENDPOINT", "").strip() for name in ("", "TRACES_"))
