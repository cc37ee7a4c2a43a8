"""What one worker counts: requests by status, the time of run(), and what it holds now; as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.scoring.messages import Answer

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counts of the requests to /score since the worker's start; for the server's loop alone."""

    def __init__(self) -> None:
        self.in_flight = 0
        self._requests: dict[int, int] = {}
        self._run_seconds = 0.0
        self._runs = 0

    @property
    def requests(self) -> int:
        """The requests that have been answered."""
        return sum(self._requests.values())

    def count(self, answer: Answer) -> None:
        """Count an answer to /score."""
        self._requests[answer.status] = self._requests.get(answer.status, 0) + 1
        if answer.run_seconds:
            self._runs += 1
            self._run_seconds += answer.run_seconds

    def text(self, held: int) -> bytes:
        """Write everything in Prometheus's text form; `held` are the requests that wait or run."""
        return ("\n".join(self._lines(held)) + "\n").encode()

    def _lines(self, held: int) -> Iterator[str]:
        yield "# TYPE mlops_scoring_requests_total counter"
        for status, count in sorted(self._requests.items()):
            yield f'mlops_scoring_requests_total{{code="{status}"}} {count}'
        yield "# TYPE mlops_scoring_run_seconds summary"
        yield f"mlops_scoring_run_seconds_sum {self._run_seconds:.6f}"
        yield f"mlops_scoring_run_seconds_count {self._runs}"
        yield "# TYPE mlops_scoring_requests_in_flight gauge"
        yield f"mlops_scoring_requests_in_flight {self.in_flight}"
        yield "# TYPE mlops_scoring_requests_held gauge"
        yield f"mlops_scoring_requests_held {held}"
