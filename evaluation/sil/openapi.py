"""The host's interface as OpenAPI 3.1, from the models that read its requests."""

from typing import Any

from pydantic.json_schema import models_json_schema

from .device import DeviceReading
from .protocol import InferenceRequest, ModelMetadata

ANSWER = {
    "type": "object",
    "required": ["model_name", "model_version", "outputs"],
    "properties": {
        "id": {"type": "string"},
        "model_name": {"type": "string"},
        "model_version": {"type": "string"},
        "parameters": {"type": "object"},
        "outputs": {"type": "array", "items": {"type": "object", "required": ["name", "datatype", "shape"]}},
    },
}
ERROR = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}


def openapi(models: tuple[str, ...]) -> dict[str, Any]:
    """The description.

    Args:
        models: Names of the served policies; they are the values that a path takes.
    """
    kinds, schemas = models_json_schema(
        [(InferenceRequest, "validation"), (ModelMetadata, "serialization"), (DeviceReading, "serialization")],
        ref_template="#/components/schemas/{model}",
    )
    reading = kinds[DeviceReading, "serialization"]
    request, metadata = kinds[InferenceRequest, "validation"], kinds[ModelMetadata, "serialization"]
    paths: dict[str, Any] = {
        "/v2": _get("What this host is", _json({"type": "object"})),
        "/v2/health/live": _get("Whether it answers", {"description": "live"}),
        "/v2/health/ready": _get("Whether all models are ready", {"description": "ready"}),
        "/clock": _get("This machine's clock, ns since 1970", _json({"type": "object", "required": ["time_ns"]})),
        "/device": _get("Load, temperature and power of this machine", _json(reading)),
        "/metrics": _get("For Prometheus", {"description": "metrics", "content": {"text/plain": {}}}),
    }
    for prefix, parameters in (
        ("/v2/models/{model}", [_path("model", models)]),
        ("/v2/models/{model}/versions/{version}", [_path("model", models), _path("version", ("1",))]),
    ):
        paths |= {
            prefix: _get("Inputs, outputs and package digest", _json(metadata), parameters),
            f"{prefix}/ready": _get("Whether the model is ready", {"description": "ready"}, parameters),
            f"{prefix}/infer": {"post": _infer(request, parameters)},
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "physai policy host, Open Inference Protocol v2", "version": "2"},
        "paths": paths,
        "components": {"schemas": schemas["$defs"]},
    }


def _infer(request: dict[str, Any], parameters: list[dict[str, Any]]) -> dict[str, Any]:
    refusals = {str(status): _json(ERROR, "refused") for status in (400, 404, 413, 415)}
    return {
        "summary": "Ask the policy; tensors as JSON, or as bytes after the JSON",
        "parameters": parameters,
        "requestBody": {"required": True, "content": {"application/json": {"schema": request}}},
        "responses": {"200": _json(ANSWER), **refusals},
    }


def _get(summary: str, answer: dict[str, Any], parameters: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    responses = {"200": answer} | ({"404": _json(ERROR, "unknown")} if parameters else {})
    return {"get": {"summary": summary, "parameters": parameters or [], "responses": responses}}


def _json(schema: dict[str, Any], description: str = "the answer") -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _path(name: str, values: tuple[str, ...]) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "enum": list(values)}}
