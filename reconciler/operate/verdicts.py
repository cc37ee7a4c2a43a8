"""Whether a request was answered as it should be: for error budgets and for the gates of roll-outs.

A request counts as good where the client got an answer, and as bad where the serving side failed it: by any 5xx, 408
(the deployment's timeout), 424 (the model failed) or 429 (too few instances), or by an answer that was cut off in the
middle, whatever its status. What the client got wrong, such as 401, 404, 405 or 413, or a 424 by which the model itself
says 400, and requests whose client went away, count as neither. Nor does a 200 that came from no deployment, such as a
refusal by the gateway in the shape that gRPC has for it.
"""

from reconciler.operate.traffic import Request

_FAILURES = frozenset({408, 424, 429})
# How the proxy says that an answer ended early: the connection to the instance broke or spoke no HTTP, or the answer
# took too long.
_CUT_OFF = frozenset({"UC", "UPE", "UR", "LR", "UT", "SI", "UMSDR", "DT"})
_CLIENT_LEFT = frozenset({"DC", "DPE", "DR"})


def verdict(request: Request) -> bool | None:
    """Whether a request was good (True) or bad (False); None where it counts as neither."""
    told = request.model_status
    status = told if told is not None and 400 <= told < 500 else request.status
    if status >= 500 or status in _FAILURES:
        return False
    if not 100 <= status < 400:
        return None
    flags = frozenset(request.reason.split(","))
    if flags & _CLIENT_LEFT or not request.deployment:
        return None
    return not flags & _CUT_OFF
