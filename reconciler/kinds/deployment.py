"""An online deployment: instances of a model's server behind an endpoint.

Defaults are the service's (contract section 1.3): request settings 5000 ms, 1 at a time, 500 ms in the queue;
probes after 10 s, every 10 s, 2 s each, 30 failures.
"""

from reconciler.core.plan import Action
from reconciler.kinds.kind import Kind

_PROBE = {"initial_delay": 10, "period": 10, "timeout": 2, "success_threshold": 1, "failure_threshold": 30}
_REQUESTS = {"request_timeout_ms": 5000, "max_concurrent_requests_per_instance": 1, "max_queue_wait_ms": 500}
_PROBES = ("liveness_probe", "readiness_probe")

_COMMON = {
    "description": "",
    "tags": {},
    "properties": {},
    "environment_variables": {},
    "app_insights_enabled": False,
    "instance_count": 1,
    "scale_settings": {"type": "default"},
    "request_settings": _REQUESTS,
    "liveness_probe": _PROBE,
    "readiness_probe": _PROBE,
}

DEPLOYMENT = Kind(
    name="deployment",
    command="online-deployment",
    schemas={"managedonlinedeployment": "managed", "kubernetesonlinedeployment": "kubernetes"},
    parent="endpoint",
    references={"model": "model", "environment": "environment"},
    paths=("code_configuration.code",),
    scripts={"code_configuration.scoring_script": "code_configuration.code"},
    defaults={"managed": {"type": "managed", **_COMMON}, "kubernetes": {"type": "kubernetes", **_COMMON}},
    integers=frozenset(
        {
            "instance_count",
            "scale_settings.min_instances",
            "scale_settings.max_instances",
            "scale_settings.polling_interval",
            "scale_settings.target_utilization_percentage",
            *(f"request_settings.{name}" for name in _REQUESTS),
            *(f"{probe}.{name}" for probe in _PROBES for name in _PROBE),
        }
    ),
    booleans=frozenset({"app_insights_enabled", "private_network_connection"}),
    lowered=frozenset({"type", "scale_settings.type", "egress_public_network_access"}),
    secrets=frozenset({"environment_variables"}),
    credentials=("environment.conda_file",),
    reserved=frozenset({"AML_APP_ROOT", "AZUREML_ENTRY_SCRIPT", "AZUREML_MODEL_DIR"}),
    scale=frozenset({"instance_count", "scale_settings", "autoscale", "lost_instances", "stray_instances"}),
    replace=frozenset({"instance_type", "type"}),
    ignored=frozenset({"id", "provisioning_state", "creation_context"}),
    symptoms={
        "lost_instances": "an instance was lost",
        "stray_instances": "instances run that are not in service",
        "mixed_instances": "its instances run different versions",
        "altered_instances": "what instances serve is not what was laid down",
    },
    update=Action.ROLL_OUT,
    known_by=(
        frozenset({"endpoint_name", "name"}),
        frozenset({"endpoint_name", "model"}),
        frozenset({"instance_type", "instance_count"}),
        frozenset({"name", "code_configuration"}),
        frozenset({"name", "instance_type", "model"}),
        frozenset({"name", "instance_type", "environment"}),
        frozenset({"name", "request_settings"}),
        frozenset({"name", "scale_settings"}),
        frozenset({"name", "data_collector"}),
    ),
    decided_by="endpoint_name",
    kubernetes_by=("type", "kubernetes"),
)
