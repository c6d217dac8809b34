"""Words of a pipeline job that come from a short list, and fields that must be there.

azure-ai-ml checks these too, but tells of a wrong one as `component: missing`, or lists the wrong alternatives.
Source: azure-ai-ml 1.35.2, `_schema/pipeline` and `constants`.
"""

from collections.abc import Iterator
from typing import Any

from ...errors import suggest
from ..document import Key

Found = tuple[str, Key]

PIPELINE_FIELDS = (
    *("$schema", "type", "name", "display_name", "description", "tags", "properties", "experiment_name", "compute"),
    *("settings", "inputs", "outputs", "jobs", "identity", "services", "queue_settings"),
)
COMMAND_FIELDS = (
    *("type", "component", "name", "display_name", "description", "tags", "comment", "compute", "inputs", "outputs"),
    *("environment", "environment_variables", "command", "code", "resources", "distribution", "limits", "identity"),
    *("queue_settings", "services", "properties", "job_tier", "priority"),
)
STEP_TYPES = ("command", "parallel", "sweep", "pipeline", "automl", "spark", "import", "data_transfer")
DATA_TYPES = ("uri_folder", "uri_file", "mltable", "mlflow_model", "custom_model", "triton_model")
LITERAL_TYPES = ("string", "number", "integer", "boolean")
INPUT_MODES = ("ro_mount", "download", "direct", "eval_mount", "eval_download")
OUTPUT_MODES = ("upload", "rw_mount", "mount", "direct")
DISTRIBUTIONS = ("pytorch", "mpi", "tensorflow", "ray")
IDENTITIES = ("managed", "managed_identity", "user_identity", "aml_token")


def problems(data: dict[str, Any]) -> Iterator[Found]:
    """Every unknown word and every missing field."""
    yield from _fields(data, PIPELINE_FIELDS, ())
    jobs = data.get("jobs")
    if not isinstance(jobs, dict) or not jobs:
        yield "a pipeline has at least one step, by name: `jobs: {train: {…}}`.", ("jobs",)
        return
    for name, step in jobs.items():
        key: Key = ("jobs", name)
        if not isinstance(step, dict):
            yield "a step is a mapping of fields.", key
            continue
        kind = step.get("type", "command")
        if kind not in STEP_TYPES:
            yield f"'{kind}' is no type of a step. {suggest(str(kind), STEP_TYPES)}", (*key, "type")
        elif kind == "command":
            yield from _fields(step, COMMAND_FIELDS, key)
            yield from _required(step, key)
            yield from _chosen(step, key)


def _fields(data: dict[str, Any], known: tuple[str, ...], key: Key) -> Iterator[Found]:
    yield from ((f"unknown field. {suggest(str(name), known)}", (*key, name)) for name in data if name not in known)


def _required(step: dict[str, Any], key: Key) -> Iterator[Found]:
    if "component" in step:
        return
    if not step.get("command"):
        yield "has neither 'command' nor 'component'. Give it one.", key
    environment = step.get("environment")
    if not environment:
        yield "has no environment. Write `environment: {image: …}` or `environment: azureml:name:version`.", key
    elif isinstance(environment, str) and not environment.startswith("azureml:"):
        message = f"'{environment}' is no environment. Write `azureml:{environment}`, or `{{image: …}}`."
        yield message, (*key, "environment")


def _chosen(step: dict[str, Any], key: Key) -> Iterator[Found]:
    for section, modes in (("inputs", INPUT_MODES), ("outputs", OUTPUT_MODES)):
        entries = step.get(section)
        for name, entry in entries.items() if isinstance(entries, dict) else ():
            if isinstance(entry, dict):
                yield from _one_of(entry, "type", (*DATA_TYPES, *LITERAL_TYPES), (*key, section, name))
                yield from _one_of(entry, "mode", modes, (*key, section, name))
    for section, known in (("distribution", DISTRIBUTIONS), ("identity", IDENTITIES)):
        if isinstance(entry := step.get(section), dict):
            yield from _one_of(entry, "type", known, (*key, section))


def _one_of(entry: dict[str, Any], field: str, known: tuple[str, ...], key: Key) -> Iterator[Found]:
    value = entry.get(field)
    if value is not None and value not in known and not str(value).startswith("${{"):
        yield f"'{value}' is no {field} here. {suggest(str(value), known)}", (*key, field)
