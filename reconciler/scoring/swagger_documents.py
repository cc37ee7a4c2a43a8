"""The Swagger and OpenAPI documents of a scoring service, word for word as Azure's server has them."""

from __future__ import annotations

from typing import Any

from reconciler.scoring.schemas import Schemas
from reconciler.scoring.settings import Service

HEALTH = "Simple health check endpoint to ensure the service is up at any given point."
HEALTHY = "If service is up and running, this response will be returned with the content 'Healthy'"
RUN = "Run web service's model and get the prediction output"
PAYLOAD = "The input payload for executing the real-time machine learning service."
SCORED = "The service processed the input correctly and provided a result prediction, if applicable."
SPEC = "Get the Swagger specification."
SPECIFIED = "The Swagger specification."
FAILED = "The service failed to execute due to an error."
SECURITY: list[dict[str, list[str]]] = [{"Bearer": []}]
BEARER = {"type": "apiKey", "name": "Authorization", "in": "header", "description": "For example: Bearer abc123"}
ERROR = {"type": "object", "properties": {"message": {"type": "string"}}}
TEXT = {"type": "string"}
VERSION = {"name": "version", "in": "query", "required": False}
VERSIONS = {"type": "integer", "enum": [2, 3]}


def swagger_2(service: Service, schemas: Schemas) -> dict[str, Any]:
    """Describe the service in Swagger 2.0."""

    def responses(description: str, schema: Any, **more: Any) -> dict[str, Any]:
        return {
            "200": {"description": description, "schema": schema, **more},
            "default": {"description": FAILED, "schema": {"$ref": "#/definitions/ErrorResponse"}},
        }

    payload = {"name": "serviceInputPayload", "in": "body", "description": PAYLOAD}
    return {
        "swagger": "2.0",
        "info": _info(service),
        "schemes": ["https"],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "securityDefinitions": {"Bearer": BEARER},
        "paths": _paths(
            service,
            health={"responses": responses(HEALTHY, TEXT, examples={"application/json": "Healthy"})},
            score={
                "parameters": [{**payload, "schema": {"$ref": "#/definitions/ServiceInput"}}],
                "responses": responses(SCORED, {"$ref": "#/definitions/ServiceOutput"}),
            },
            swagger={"parameters": [{**VERSION, **VERSIONS}], "responses": responses(SPECIFIED, TEXT)},
        ),
        "definitions": _definitions(schemas),
    }


def openapi_3_0(service: Service, schemas: Schemas) -> dict[str, Any]:
    """Describe the service in OpenAPI 3.0."""

    def content(kind: str, schema: Any) -> dict[str, Any]:
        return {"content": {kind: {"schema": schema}}}

    def responses(description: str, kind: str, schema: Any) -> dict[str, Any]:
        error = content("application/json", {"$ref": "#/components/schemas/ErrorResponse"})
        return {
            "200": {"description": description, **content(kind, schema)},
            "default": {"description": FAILED, **error},
        }

    payload = content("application/json", {"$ref": "#/components/schemas/ServiceInput"})
    return {
        "openapi": "3.0.3",
        "info": _info(service),
        "security": SECURITY,
        "paths": _paths(
            service,
            health={"responses": responses(HEALTHY, "text/plain", {**TEXT, "example": "Healthy"})},
            score={
                "requestBody": {"description": PAYLOAD, **payload},
                "responses": responses(SCORED, "application/json", {"$ref": "#/components/schemas/ServiceOutput"}),
            },
            swagger={
                "parameters": [{**VERSION, "schema": VERSIONS}],
                "responses": responses(SPECIFIED, "text/plain", TEXT),
            },
        ),
        "components": {"schemas": _definitions(schemas), "securitySchemes": {"Bearer": BEARER}},
    }


def openapi_3_1(service: Service, schemas: Schemas) -> dict[str, Any]:
    """Describe the service in OpenAPI 3.1."""
    return {**openapi_3_0(service, schemas), "openapi": "3.1.0"}


def _info(service: Service) -> dict[str, Any]:
    description = f"API specification for the Azure Machine Learning service {service.name}"
    return {"title": service.name, "description": description, "version": service.version}


def _paths(service: Service, *, health: Any, score: Any, swagger: Any) -> dict[str, Any]:
    prefix = service.path_prefix
    return {
        f"{prefix}/": {"get": {"operationId": "ServiceHealthCheck", "description": HEALTH, **health}},
        f"{prefix}/score": {"post": {"operationId": "RunMLService", "description": RUN, "security": SECURITY, **score}},
        f"{prefix}/swagger.json": {"get": {"operationId": "GetSwaggerSpec", "description": SPEC, **swagger}},
    }


def _definitions(schemas: Schemas) -> dict[str, Any]:
    return {"ServiceInput": schemas.input, "ServiceOutput": schemas.output, "ErrorResponse": ERROR}
