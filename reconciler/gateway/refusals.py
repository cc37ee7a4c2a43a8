"""The answers of the proxy itself where no route answers: to a request that is none, or when a model does not."""

from reconciler.gateway.replies import FULL, REASON, Error, Json, header
from reconciler.gateway.values import PREFIX

NO_ENDPOINT = Error(404, "EndpointNotFound", f"no such endpoint; the path is {PREFIX}NAME/score")
TOO_LONG = Error(
    431, "RequestHeaderFieldsTooLarge", "an id is longer than 100 characters, or all headers than 60 KiB, or over 100"
)

# Envoy's response flags, what they become, and the reason that is told.
_BY_FLAG = (
    (("UT",), Error(408, "RequestTimeout", "no answer within the deployment's request_timeout_ms"), ""),
    # No instance is healthy, or takes a connection.
    (("UH", "UF", "NC"), Error(503, "ModelNotReady", "no instance of the deployment is ready"), "model_not_ready"),
    # The model died over the request, or what it answered is not HTTP.
    (("UC", "UPE"), Error(424, "ModelError", "the model broke off its answer, or it is not HTTP"), "model_error"),
    # CONNECT has no path, by which a route could be found.
    (("NR",), NO_ENDPOINT, ""),
)
_BY_STATUS = (
    Error(400, "BadRequest", "the request is not HTTP, or its path has an escaped slash"),
    Error(403, "Forbidden", "the protocol cannot be changed"),
    Error(408, "RequestTimeout", "the request did not come to its end in time"),
    Error(413, "PayloadTooLarge", "the request's body is larger than the gateway takes"),
    TOO_LONG,
    Error(501, "NotImplemented", "the transfer encoding of the body is not `chunked` alone"),
)
# `OPTIONS *`, which the proxy answers before it looks for a route.
_NO_PATH = {"name": ":path", "string_match": {"prefix": "/"}, "invert_match": True}
_WITHOUT_SLASH: Json = {"filter": {"header_filter": {"header": _NO_PATH}}}


def proxy_errors() -> list[Json]:
    """Return the rules that give the proxy's own failures the codes and bodies of a managed endpoint.

    The first that fits is taken; what a route answers by itself fits none.
    """
    return [
        _full(),
        *({**_by_flag(flags), **_told(error, reason)} for flags, error, reason in _BY_FLAG),
        {**_WITHOUT_SLASH, **_told(NO_ENDPOINT)},
        *({**_by_status(error.status), **_told(error)} for error in _BY_STATUS),
    ]


def _full() -> Json:
    """Every instance is busy and the queue is full, which managed endpoints say without a body."""
    empty = {"text_format_source": {"inline_string": ""}}
    told = [header(REASON, FULL)]
    return {**_by_flag(("UO",)), "status_code": 429, "body_format_override": empty, "headers_to_add": told}


def _told(error: Error, reason: str = "") -> Json:
    rule: Json = {"status_code": error.status, "body_format_override": {"json_format": error.body}}
    return {**rule, "headers_to_add": [header(REASON, reason)]} if reason else rule


def _by_flag(flags: tuple[str, ...]) -> Json:
    return {"filter": {"response_flag_filter": {"flags": list(flags)}}}


def _by_status(status: int) -> Json:
    is_it = {"op": "EQ", "value": {"default_value": status, "runtime_key": f"mlops.status_{status}"}}
    return {"filter": {"status_code_filter": {"comparison": is_it}}}
