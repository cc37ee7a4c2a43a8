"""The signature of an MLflow model as JSON schemas, for the description of the service."""

from __future__ import annotations

from typing import Any

from reconciler.scoring.schemas import ANYTHING, VERSIONS, Schemas

# An example by mlflow's name of a type; those that have none here, such as objects and lists, are left out.
EXAMPLES = {
    "boolean": True,
    "integer": 42,
    "long": 42,
    "float": 0.15,
    "double": 0.15,
    "string": "sample string",
    "datetime": "2024-01-31T12:00:00",
}
TEXT = {"type": "string"}


def schemas_of_signature(inputs: Any, params: Any) -> Schemas:
    """Describe what a model takes and gives.

    Args:
        inputs: mlflow's schema of the input, None where the model has no signature.
        params: mlflow's schema of the parameters, None where it has none.
    """
    properties = {"input_data": _input(inputs)}
    if params is not None:
        defaults = {param.name: param.default for param in params.params}
        properties["params"] = {"type": "object", "example": defaults}
    examples = {name: schema["example"] for name, schema in properties.items()}
    taken = {"type": "object", "required": ["input_data"], "properties": properties, "example": examples}
    return Schemas(taken, {"type": "array", "items": {}}, VERSIONS)


def _input(inputs: Any) -> dict[str, Any]:
    if inputs is None or not inputs.has_input_names():
        return dict(ANYTHING) if inputs is None else {"type": "array", "items": {}, "example": []}
    if inputs.is_tensor_spec():
        tensors = {name: {"type": "array", "items": {}} for name in inputs.input_names()}
        return {"type": "object", "properties": tensors, "example": {name: [] for name in tensors}}
    names = inputs.input_names()
    row = [EXAMPLES.get(getattr(spec.type, "name", ""), {}) for spec in inputs.inputs]
    return {
        "type": "object",
        "format": "pandas.DataFrame:split",
        "properties": {
            "columns": {"type": "array", "items": TEXT},
            "index": {"type": "array", "items": {"type": "integer"}},
            "data": {"type": "array", "items": {"type": "array", "items": {}}},
        },
        "example": {"columns": names, "index": [0], "data": [row]},
    }
