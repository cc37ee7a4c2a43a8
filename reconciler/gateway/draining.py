"""One process of the proxy hands over to another, which listens on the same port already."""

import time
from collections.abc import Callable

from reconciler.gateway.admin import Admin
from reconciler.gateway.routes import NAME
from reconciler.gateway.values import Place

_CONNECTIONS = f"http.{NAME}.downstream_cx_active"
_REQUESTS = f"http.{NAME}.downstream_rq_active"


def drain(
    place: Place,
    *,
    idle_s: float = 5.0,
    timeout_s: float = 200.0,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Have the process of `place` finish what it has begun, so that it can be ended.

    Before, `steer_to_second` has new connections go to the successor; without it, one that comes in the very moment in
    which the process ends is lost.

    The successor must be up before, at a place that differs in `process` alone: `Files(other, log).write(gateway)`, a
    process of `command(binary, other)`, `Files(other, log).confirm()`. Later changes are applied through its `Files`.

    Args:
        idle_s: how long to wait for the connections of clients that are asking nothing. A client that keeps one open
            for longer meets a closed connection at its next request, as it does after any idle time.
        timeout_s: how long to wait for requests, longer than the longest timeout of a deployment (180 s in Azure).

    Returns:
        Whether every request was answered: where it is not, the rest is lost when the process is ended.

    Raises:
        ProviderError: the process does not answer.
    """
    admin = Admin(place.admin)
    # From here on every answer says that its connection ends. The port stays open until the process ends: a connection
    # that was given to it and that it has not taken yet is answered as well.
    admin.post("/drain_listeners?graceful&skip_exit")
    started = now()

    def none_left(gauge: str, within_s: float) -> bool:
        while admin.stats(f"^{gauge}$").get(gauge, 0):
            if now() - started > within_s:
                return False
            sleep(0.02)
        return True

    return none_left(_CONNECTIONS, idle_s) or none_left(_REQUESTS, timeout_s)
