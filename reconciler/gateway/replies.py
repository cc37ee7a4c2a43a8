"""The answers the proxy itself gives, and the codes it turns a model's answers into, as managed endpoints do."""

import json
from typing import Any

Json = dict[str, Any]

MODEL_TIME = "ms-azureml-model-time"
REASON = "ms-azureml-model-error-reason"
STATUS = "ms-azureml-model-error-statuscode"
FULL = "too_many_pending_request"
CLIENT_ID = "x-ms-client-request-id"

LUA = "envoy.filters.http.lua"
_LUA_TYPE = "type.googleapis.com/envoy.extensions.filters.http.lua.v3"
_FILTER = f"""\
local function told(headers, status, code)
  headers:replace("{STATUS}", status)
  headers:replace("{REASON}", "model_error")
  headers:replace(":status", code)
end

local RULES

function envoy_on_response(handle)
  local headers = handle:headers()
  local id = headers:get("{CLIENT_ID}")
  if id ~= nil and (#id > 40 or string.find(id, "[^%w_-]")) then
    headers:remove("{CLIENT_ID}")
  end
  local status = headers:get(":status")
  if status ~= "200" then
    RULES(headers, status, headers:get("{MODEL_TIME}") ~= nil)
  end
end

"""

# The model's time stands only on what a backend answered. A backend that is full answers before it runs anything.
_MANAGED = f"""\
RULES = function(headers, status, by_backend)
  if by_backend and not (status == "429" and headers:get("{REASON}") == "{FULL}") then
    told(headers, status, "424")
  end
end
"""

# That there is no swagger.json is not a failure of the model.
_SWAGGER = f"""\
RULES = function(headers, status, by_backend)
  if by_backend and status ~= "404" and not (status == "429" and headers:get("{REASON}") == "{FULL}") then
    told(headers, status, "424")
  end
end
"""

_KUBERNETES = f"""\
local CODES = {{["408"] = "504", ["424"] = "502", ["429"] = "503"}}

RULES = function(headers, status, by_backend)
  if not by_backend then
    headers:replace(":status", CODES[status] or status)
  elseif status == "429" and headers:get("{REASON}") == "{FULL}" then
    headers:replace(":status", "503")
  elseif status >= "500" then
    told(headers, status, "502")
  end
end
"""

# Envoy's response flags, the code that they become, and the reason that is told.
PROXY_ERRORS = (
    (("UT",), 408, ""),  # the deployment's request timeout passed
    (("UO",), 429, FULL),  # every instance is busy and the queue is full
    (("UH", "UF", "NC"), 503, "model_not_ready"),  # no instance is healthy, or takes a connection
    (("UC",), 424, "model_error"),  # the model died over the request
)


def header(name: str, value: str) -> Json:
    """Return a header that the proxy sets, whatever was there before."""
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def reply(status: int, code: str, message: str, *headers: Json) -> Json:
    """Return the part of a route that answers at once, with an error body of Azure's shape."""
    body = json.dumps(_error(code, message))
    return {
        "direct_response": {"status": status, "body": {"inline_string": body}},
        "response_headers_to_add": [header("content-type", "application/json"), *headers],
    }


def proxy_errors() -> list[Json]:
    """Return the rules that give the proxy's own failures the codes of a managed endpoint."""
    return [_too_large(), *(_rule(flags, status, reason) for flags, status, reason in PROXY_ERRORS)]


def model_errors() -> Json:
    """Return the filter that turns a model's non-200 into 424 and says what it was; `rules` gives a route others."""
    named = {"swagger": _SWAGGER, "kubernetes": _KUBERNETES}
    sources = {name: {"inline_string": _FILTER + rules} for name, rules in named.items()}
    return {"name": LUA, "typed_config": {**lua(_FILTER + _MANAGED), "source_codes": sources}}


def lua(source: str) -> Json:
    """Return the configuration of a filter that runs a script."""
    return {"@type": f"{_LUA_TYPE}.Lua", "default_source_code": {"inline_string": source}}


def rules(name: str) -> Json:
    """Return what a route's `typed_per_filter_config` says to have its codes turned by the rules of that name."""
    return {LUA: {"@type": f"{_LUA_TYPE}.LuaPerRoute", "name": name}}


def _rule(flags: tuple[str, ...], status: int, reason: str) -> Json:
    rule: Json = {"filter": {"response_flag_filter": {"flags": list(flags)}}, "status_code": status}
    return {**rule, "headers_to_add": [header(REASON, reason)]} if reason else rule


def _too_large() -> Json:
    is_413 = {"op": "EQ", "value": {"default_value": 413, "runtime_key": "mlops.too_large"}}
    message = "the request's body is larger than the gateway takes"
    return {
        "filter": {"status_code_filter": {"comparison": is_413}},
        "body_format_override": {"json_format": _error("PayloadTooLarge", message)},
    }


def _error(code: str, message: str) -> Json:
    return {"error": {"code": code, "message": message}}
