"""How the proxy refuses a request, and the codes it turns a model's answers into, as managed endpoints do."""

import json
from typing import Any

from reconciler.frozen import dataclass

Json = dict[str, Any]


@dataclass(frozen=True)
class Error:
    """A refusal: its HTTP status, and the word and the sentence of its body."""

    status: int
    code: str
    message: str

    @property
    def body(self) -> Json:
        """The body, of Azure's shape."""
        return {"error": {"code": self.code, "message": self.message}}

    @property
    def text(self) -> str:
        """The body as JSON."""
        return json.dumps(self.body)


MODEL_TIME = "ms-azureml-model-time"
REASON = "ms-azureml-model-error-reason"
STATUS = "ms-azureml-model-error-statuscode"
FULL = "too_many_pending_request"
CLIENT_ID = "x-ms-client-request-id"
NO_GRPC = Error(415, "UnsupportedMediaType", "the gateway does not speak gRPC; send JSON")

LUA = "envoy.filters.http.lua"
_LUA_TYPE = "type.googleapis.com/envoy.extensions.filters.http.lua.v3"
_FILTER = f"""\
local function told(headers, status, code)
  headers:replace("{STATUS}", status)
  headers:replace("{REASON}", "model_error")
  headers:replace(":status", code)
end

-- To a client of gRPC the proxy says everything as 200, with the true code in words of gRPC.
local function in_plain_http(handle, headers)
  headers:remove("grpc-status")
  headers:remove("grpc-message")
  headers:replace(":status", "{NO_GRPC.status}")
  headers:replace("content-type", "application/json")
  handle:body(true):setBytes([[{NO_GRPC.text}]])
end

local RULES

function envoy_on_response(handle)
  local headers = handle:headers()
  local by_backend = headers:get("{MODEL_TIME}") ~= nil
  if headers:get("grpc-status") ~= nil and not by_backend then
    return in_plain_http(handle, headers)
  end
  local id = headers:get("{CLIENT_ID}")
  if id ~= nil and (#id > 40 or string.find(id, "[^%w_-]")) then
    headers:remove("{CLIENT_ID}")
  end
  local status = headers:get(":status")
  if status == "429" and not by_backend then
    -- Of an answer without a body the proxy takes the type away.
    headers:replace("content-type", "text/plain")
  end
  if status ~= "200" then
    RULES(headers, status, by_backend)
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


def header(name: str, value: str) -> Json:
    """Return a header that the proxy sets, whatever was there before."""
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def reply(error: Error, *headers: Json) -> Json:
    """Return the part of a route that answers at once, with an error body of Azure's shape."""
    return {
        "direct_response": {"status": error.status, "body": {"inline_string": error.text}},
        "response_headers_to_add": [header("content-type", "application/json"), *headers],
    }


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
