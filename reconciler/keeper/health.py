"""What is made of a process's answers to probes."""

from reconciler.frozen import dataclass
from reconciler.keeper.values import Probe


@dataclass(frozen=True)
class Health:
    """The outcomes of a running process's probes so far: how many of one sort came last in a row."""

    failures: int = 0
    successes: int = 0

    def alive(self, probe: Probe) -> "Health":
        """It answered; failures are forgotten once it did so often enough in a row."""
        successes = self.successes + 1
        return Health(0 if successes >= probe.success_threshold else self.failures, successes)

    def failed(self) -> "Health":
        """It did not answer, or not well."""
        return Health(self.failures + 1, 0)

    def fails(self, probe: Probe) -> bool:
        """Whether it failed so often in a row that it counts as failing."""
        return self.failures >= probe.failure_threshold

    def begins_to_fail(self, probe: Probe) -> bool:
        """Whether it counts as failing since its last answer."""
        return self.failures == probe.failure_threshold


def request(probe: Probe) -> bytes:
    """Return the HTTP request of a probe."""
    return f"GET {probe.path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()


STATUS_LINE_BYTES = len(b"HTTP/1.1 200")


def problem(answer: bytes) -> str:
    """Say what is wrong with an answer, of which the beginning is enough; nothing if it is one of the living."""
    head = answer[:STATUS_LINE_BYTES]
    version, _, status = head.partition(b" ")
    if not version.startswith(b"HTTP/1.") or len(status) != 3 or not status.isdigit():
        return "the connection was closed without an answer" if not answer else f"no answer of HTTP: {head!r}"
    return "" if 200 <= int(status) < 400 else f"HTTP status {int(status)}"
