"""What is made of a process's answers to liveness probes."""

from dataclasses import dataclass

from reconciler.keeper.values import Liveness


@dataclass(frozen=True)
class Health:
    """The outcomes of a running process's probes so far: how many of one sort came last in a row."""

    failures: int = 0
    successes: int = 0

    def alive(self, liveness: Liveness) -> "Health":
        """It answered; failures are forgotten once it did so often enough in a row."""
        successes = self.successes + 1
        return Health(0 if successes >= liveness.success_threshold else self.failures, successes)

    def failed(self) -> "Health":
        """It did not answer, or not well."""
        return Health(self.failures + 1, 0)

    def is_dead(self, liveness: Liveness) -> bool:
        """Whether it failed so often in a row that it has to be started again."""
        return self.failures >= liveness.failure_threshold


def request(liveness: Liveness) -> bytes:
    """Return the HTTP request of a probe."""
    return f"GET {liveness.path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()


STATUS_LINE_BYTES = len(b"HTTP/1.1 200")


def problem(answer: bytes) -> str:
    """Say what is wrong with an answer, of which the beginning is enough; nothing if it is one of the living."""
    head = answer[:STATUS_LINE_BYTES]
    version, _, status = head.partition(b" ")
    if not version.startswith(b"HTTP/1.") or len(status) != 3 or not status.isdigit():
        return "the connection was closed without an answer" if not answer else f"no answer of HTTP: {head!r}"
    return "" if 200 <= int(status) < 400 else f"HTTP status {int(status)}"
