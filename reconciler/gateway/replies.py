"""The answers the proxy itself gives, and the codes it turns a model's answers into, as managed endpoints do."""

import json
from typing import Any

Json = dict[str, Any]

MODEL_TIME = "ms-azureml-model-time"
REASON = "ms-azureml-model-error-reason"
STATUS = "ms-azureml-model-error-statuscode"

# The model's time stands only on what a backend answered, so the proxy's own replies pass as they are.
MODEL_ERRORS = f"""\
function envoy_on_response(handle)
  local headers = handle:headers()
  local status = headers:get(":status")
  if status ~= "200" and headers:get("{MODEL_TIME}") ~= nil then
    headers:replace("{STATUS}", status)
    headers:replace("{REASON}", "model_error")
    headers:replace(":status", "424")
  end
end
"""

# Envoy's response flags, the code that they become, and the reason that is told.
PROXY_ERRORS = (
    (("UT",), 408, ""),  # the deployment's request timeout passed
    (("UO",), 429, "too_many_pending_request"),  # every instance is busy and the queue is full
    (("UH", "UF", "NC"), 503, "model_not_ready"),  # no instance is healthy, or takes a connection
    (("UC",), 424, "model_error"),  # the model died over the request
)


def header(name: str, value: str) -> Json:
    """Return a header that the proxy sets, whatever was there before."""
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def reply(status: int, code: str, message: str, *headers: Json) -> Json:
    """Return the part of a route that answers at once, with an error body of Azure's shape."""
    body = json.dumps({"error": {"code": code, "message": message}})
    return {
        "direct_response": {"status": status, "body": {"inline_string": body}},
        "response_headers_to_add": [header("content-type", "application/json"), *headers],
    }


def proxy_errors() -> list[Json]:
    """Return the rules that give the proxy's own failures the codes of a managed endpoint."""
    return [_rule(flags, status, reason) for flags, status, reason in PROXY_ERRORS]


def _rule(flags: tuple[str, ...], status: int, reason: str) -> Json:
    rule: Json = {"filter": {"response_flag_filter": {"flags": list(flags)}}, "status_code": status}
    return {**rule, "headers_to_add": [header(REASON, reason)]} if reason else rule


def model_errors() -> Json:
    """Return the filter that turns a model's non-200 into 424 and says what it was."""
    return {
        "name": "envoy.filters.http.lua",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": MODEL_ERRORS},
        },
    }
