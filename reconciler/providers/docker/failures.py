"""Why an engine did not do what it was asked, in one line for people."""

import ssl
from collections.abc import Iterator, Sequence
from http.client import HTTPException

from reconciler.errors import ProviderError, TransientError
from reconciler.providers.docker.finding import Endpoint

# What the engine says itself, and what then is to be done; the rest of what it says is clear enough.
_ADVICE = {
    "HTTP request to an HTTPS server": "set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the folder of ca.pem, "
    "cert.pem and key.pem",
    "no space left on device": "the engine's disk is full; docker system df says by what",
}
_CAUSES: Sequence[tuple[type[BaseException], str]] = (
    (TimeoutError, "{engine} does not answer; see whether it is busy or hangs, and run this again"),
    (FileNotFoundError, "{engine} is not there; start Docker, or say where it is in DOCKER_HOST or docker: host"),
    (PermissionError, "you may not use {engine}; become a member of its socket's group (docker), and log in again"),
    (
        ConnectionRefusedError,
        "{engine} is not running; start Docker, or say where it is in DOCKER_HOST or docker: host",
    ),
    (ConnectionError, "{engine} ended while it was asked; see that it runs, and run this again"),
    (HTTPException, "{engine} ended while it answered; see that it runs, and run this again"),
)


# An engine that is too busy, or of whose cluster nobody leads at the moment. Much that is told with 500 never passes.
_BUSY = frozenset({429, 502, 503, 504})
# Told with 503, and true until somebody makes it one.
_NO_MANAGER = "not a swarm manager"


def failure(prefix: str, error: Exception, endpoint: Endpoint) -> ProviderError:
    """What to raise of a call that failed: one that may pass where the engine is busy, or gone for a moment."""
    from docker.errors import APIError  # noqa: PLC0415 - 300 ms

    said = f"{prefix}{reason(error, endpoint)}"
    if isinstance(error, APIError):
        response = error.response
        if response is None or response.status_code not in _BUSY or _NO_MANAGER in said:
            return ProviderError(said)
        return TransientError(said, retry_after_s=_seconds(response.headers.get("Retry-After", "")))
    return TransientError(said) if _is_gone(list(_chain(error))) else ProviderError(said)


def _seconds(retry_after: str) -> float | None:
    """How long an engine asks to wait; None where it names a date, or nothing."""
    return float(retry_after) if retry_after.strip().isdecimal() else None


def _is_gone(chain: Sequence[BaseException]) -> bool:
    """Whether the engine was away, or went: by itself, a file that is missing is one of ours."""
    if any(isinstance(error, ssl.SSLError) for error in chain):
        return False
    gone = (ConnectionError, HTTPException, *((FileNotFoundError,) if len(chain) > 1 else ()))
    return any(isinstance(error, gone) for error in chain)


def reason(error: Exception, endpoint: Endpoint) -> str:
    """Return why a call failed, and what to do where that is known."""
    from docker.errors import APIError  # noqa: PLC0415 - 300 ms

    if isinstance(error, APIError):
        return _refusal(str(error.explanation or error))
    return _unreachable(list(_chain(error)), endpoint) or one_line(str(error))


def _refusal(explanation: str) -> str:
    line = one_line(explanation).rstrip(".")
    return next((f"{line}; {advice}" for said, advice in _ADVICE.items() if said in line), line)


def _unreachable(chain: Sequence[BaseException], endpoint: Endpoint) -> str:
    """Why the connection failed, by what it came from; empty where something else did."""
    engine = f"the Docker engine at {endpoint.address} ({endpoint.told_by})"
    for error in reversed(chain):
        if isinstance(error, ssl.SSLError):
            return _insecure(error, engine, endpoint)
        # By itself, it is of a file of ours.
        if len(chain) > 1 or isinstance(error, ConnectionError):
            for kind, text in _CAUSES:
                if isinstance(error, kind):
                    return text.format(engine=engine)
    return ""


def _insecure(error: ssl.SSLError, engine: str, endpoint: Endpoint) -> str:
    files = f"DOCKER_CERT_PATH or the context, here {endpoint.tls.folder}" if endpoint.tls else "DOCKER_CERT_PATH"
    match error.reason:
        case "CERTIFICATE_VERIFY_FAILED":
            why = one_line(getattr(error, "verify_message", ""))
            return f"{engine} shows a certificate that ca.pem does not vouch for ({why}); see {files}"
        case "WRONG_VERSION_NUMBER" | "RECORD_LAYER_FAILURE" | "UNEXPECTED_MESSAGE":
            return f"{engine} speaks no TLS; unset DOCKER_TLS_VERIFY and DOCKER_CERT_PATH"
        case _:
            return f"{engine} refuses our certificate ({error.reason}); see cert.pem and key.pem of {files}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and those that it came from, the first cause last."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        # urllib3 keeps some causes as arguments alone.
        wrapped = (each for each in cause.args if isinstance(each, BaseException))
        cause = cause.__cause__ or cause.__context__ or next(wrapped, None)


def one_line(text: str) -> str:
    """A text without its line ends."""
    return " ".join(text.split())
