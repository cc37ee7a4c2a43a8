"""The access log: one line of JSON a request, named as the columns of Azure's AmlOnlineEndpointTrafficLog."""

from reconciler.gateway.replies import Json

ROUTE_METADATA = "mlops"

# A column that is one command alone and a number is written as a JSON number, and one without a value as null.
COLUMNS: Json = {
    "TimeGenerated": "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
    "Method": "%REQ(:METHOD)%",
    "Path": "%PATH(NQ:ORIG_OR_PATH)%",
    "EndpointName": f"%METADATA(ROUTE:{ROUTE_METADATA}:endpoint)%",
    "DeploymentName": f"%METADATA(ROUTE:{ROUTE_METADATA}:deployment)%",
    "Instance": "%UPSTREAM_HOST_NAME%",
    "Protocol": "%PROTOCOL%",
    "ResponseCode": "%RESPONSE_CODE%",
    "ResponseCodeReason": "%RESPONSE_FLAGS%",
    "ModelStatusCode": "%RESP(MS-AZUREML-MODEL-ERROR-STATUSCODE)%",
    "ModelStatusReason": "%RESP(MS-AZUREML-MODEL-ERROR-REASON)%",
    "RequestPayloadSize": "%BYTES_RECEIVED%",
    "ResponsePayloadSize": "%BYTES_SENT%",
    "UserAgent": "%REQ(USER-AGENT):70%",
    "XRequestId": "%REQ(X-REQUEST-ID):100%",
    "XMSClientRequestId": "%RESP(X-MS-CLIENT-REQUEST-ID)%",
    "TotalDurationMs": "%DURATION%",
    "RequestDurationMs": "%REQUEST_DURATION%",
    "ResponseDurationMs": "%RESPONSE_DURATION%",
    # The proxy never slows a request down to keep to a bandwidth, as Azure does.
    "RequestThrottlingDelayMs": 0,
    "ResponseThrottlingDelayMs": 0,
}


def access_log(path: str) -> Json:
    """Return the access log of a listener, appended to a file."""
    file = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"
    return {"name": "file", "typed_config": {"@type": file, "path": path, "log_format": {"json_format": COLUMNS}}}


def logged(endpoint: str, deployment: str | None = None) -> Json:
    """Return the part of a route by which its requests are logged under an endpoint, and a deployment if it has one."""
    names = {"endpoint": endpoint, **({"deployment": deployment} if deployment else {})}
    return {"metadata": {"filter_metadata": {ROUTE_METADATA: names}}}
