"""One command's trace by OpenTelemetry's SDK: kept until it ends, then sent within two seconds, or not at all."""

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Span, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from reconciler import __version__
from reconciler.core.plan import Outcome, Result, Step

PATIENCE_S = 2.0
"""How much later a command may end because of its trace."""

_BATCH = 512


class Trace:
    """The trace of one command, as a part of the one that TRACEPARENT names, if any."""

    def __init__(self, command: str, environ: Mapping[str, str]) -> None:
        # What the SDK has to say of a collector that does not answer goes to whoever debugs.
        logging.getLogger("opentelemetry").addHandler(logging.NullHandler())
        self._kept = InMemorySpanExporter()
        provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._kept))
        self._tracer = provider.get_tracer("mlops", __version__)
        carried = {name: environ[name.upper()] for name in ("traceparent", "tracestate") if name.upper() in environ}
        outer = TraceContextTextMapPropagator().extract(carried, context=Context())
        self._command = self._tracer.start_span(command, context=outer)
        self._context = set_span_in_context(self._command, Context())

    @contextmanager
    def span(self, name: str, facts: Mapping[str, str]) -> Iterator[None]:
        """A part of the command; parts within it are its children."""
        outer, made = self._context, self._tracer.start_span(name, context=self._context, attributes=_named(facts))
        self._context = set_span_in_context(made, outer)
        try:
            yield
        except BaseException as error:
            _fail(made, type(error).__name__)
            raise
        finally:
            self._context = outer
            made.end()

    def steps(self) -> "Steps":
        """The steps of a plan, as children of what is under way."""
        return Steps(self._tracer, self._context)

    def end(self, code: int) -> bool:
        """End the command with its exit code, and send the trace; False where it was not taken in time.

        What hangs meanwhile hangs in a thread of its own, for which nobody waits.
        """
        self._command.set_attribute("mlops.exit_code", code)
        if code not in (0, 2):  # 2 says that there is something to report
            _fail(self._command, str(code))
        self._command.end()
        taken: list[bool] = []
        sender = threading.Thread(target=lambda: taken.append(_sent(self._kept.get_finished_spans())), daemon=True)
        sender.start()
        with suppress(KeyboardInterrupt):  # the command has ended as it has
            sender.join(PATIENCE_S)
        return taken == [True]


class Steps:
    """The spans of a plan's steps, made by the thread that writes."""

    def __init__(self, tracer: Tracer, context: Context) -> None:
        self._tracer, self._context = tracer, context
        self._begun: dict[int, Span] = {}

    def begin(self, step: Step) -> None:
        """A step begins."""
        facts = _named({"action": str(step.action), "address": str(step.address)})
        name = f"{step.action} {step.address.kind}"
        self._begun[step.id] = self._tracer.start_span(name, context=self._context, attributes=facts)

    def end(self, outcome: Outcome) -> None:
        """A step has ended, or was skipped."""
        if outcome.step.id not in self._begun:
            self.begin(outcome.step)
        made = self._begun.pop(outcome.step.id)
        made.set_attribute("mlops.result", str(outcome.result))
        if outcome.result in (Result.FAILED, Result.UNKNOWN):
            _fail(made, str(outcome.result))
        made.end()


def _fail(made: Span, kind: str) -> None:
    """Mark a span as failed; the message of an error may hold a value, so it is not told."""
    made.set_status(Status(StatusCode.ERROR))
    made.set_attribute("error.type", kind)


def _named(facts: Mapping[str, str]) -> dict[str, str]:
    return {f"mlops.{name}": value for name, value in facts.items()}


def _resource() -> Resource:
    """What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say; no other detector, as one tells the command line."""
    told = OTELResourceDetector().detect()
    return Resource({"service.name": "mlops", "service.version": __version__}).merge(told)


def _sent(spans: Sequence[ReadableSpan]) -> bool:
    try:
        exporter = OTLPSpanExporter(timeout=PATIENCE_S)
        batches = (spans[start : start + _BATCH] for start in range(0, len(spans), _BATCH))
        return all(exporter.export(batch) is SpanExportResult.SUCCESS for batch in batches)
    except Exception:  # whatever is wrong with OTEL_*, the command has done its work
        logging.getLogger(__name__).debug("the trace was not sent", exc_info=True)
        return False
