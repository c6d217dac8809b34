"""Check AzureML job files offline: azure-ai-ml's own schemas, and what they let pass."""

import json
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..document import Document, Key, dotted, parse
from ..errors import Problem, WorkflowError
from ..render import Rendered, read_text
from . import references, words

REFERENCE = "https://aka.ms/ml-cli-v2-job-pipeline-yaml-reference"
REPORT = re.compile(r"\{.*\}", re.DOTALL)


def read_job(path: Path) -> Document:
    """The data of an AzureML file and its lines.

    Raises:
        WorkflowError: If it is not YAML or there is nothing.
    """
    text = read_text(path)
    return parse(path, Rendered(text, tuple(range(1, text.count("\n") + 2)), ()))


def check_job(path: Path) -> Document:
    """Read a job file and find everything that is wrong with it, without a network.

    Args:
        path: A pipeline, command or sweep job.

    Returns:
        Its data, in which nothing is wrong.

    Raises:
        WorkflowError: With all the problems that were found.
    """
    document = read_job(path)
    own: list[tuple[str, Key]] = []
    if document.data.get("type") != "sweep":  # it has no steps that could speak of one another
        own = [*words.problems(document.data), *references.problems(document.data, path.parent)]
    found = [_problem(document, message, key) for message, key in own]
    more = [_problem(document, message, key) for message, key in _azure_ai_ml(path)]
    found += [problem for problem in more if not _explained(problem, found)]
    if found:
        raise WorkflowError(path, sorted(found, key=lambda problem: problem.line))
    return document


def _explained(problem: Problem, found: list[Problem]) -> bool:
    """Whether azure-ai-ml says the same in other words, or `component: missing` of a step with another fault."""
    if not problem.field:
        return bool(found)
    step = problem.field.removesuffix(".component")
    near = [other.field for other in found if other.field]
    return any(f"{field}.".startswith(f"{step}.") or f"{problem.field}.".startswith(f"{field}.") for field in near)


def _azure_ai_ml(path: Path) -> list[tuple[str, Key]]:
    """(message, key) of what azure-ai-ml itself finds."""
    with quiet():
        from azure.ai.ml import load_job
        from azure.ai.ml.exceptions import MlException
        from marshmallow import ValidationError

        try:
            job = load_job(str(path))
            if job.type == "sweep":  # has its schema alone, and the request that it becomes
                getattr(job, "_to_rest_object")()  # noqa: B009 # likewise
                return []
            result = getattr(job, "_validate")(raise_error=False)  # noqa: B009 # of the class that load_job returns
        except (ValidationError, MlException) as error:
            return list(_loading(str(error)))
        except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
            # On some shapes its own code trips before its schema speaks.
            return [(f"azure-ai-ml cannot read it: {error!r:.200}. Compare it with a rendered file.", ())]
    return [(_mended(str(message)), _key(name)) for name, message in result.error_messages.items()]


def _mended(message: str) -> str:
    if message == "Compute not set":
        return "no compute is set. Write `settings: {default_compute: azureml:NAME}`."
    return f"{message.rstrip('.')}. See {REFERENCE}."


def _loading(text: str) -> Iterator[tuple[str, Key]]:
    """The errors in the report that azure-ai-ml puts into one long message."""
    match = REPORT.search(text)
    try:
        errors = json.loads(match[0])["errors"] if match else []
    except (ValueError, KeyError):
        errors = []
    if not errors:
        yield f"azure-ai-ml refuses it: {' '.join(text.split())[:300].rstrip('.')}.", ()
    component_last = sorted(errors, key=lambda error: str(error.get("path", "")).endswith(".component"))
    for number, error in enumerate(component_last):
        name = str(error.get("path", ""))
        if name.endswith(".component") and number:
            continue  # said whatever is wrong with a step, and something better has been said
        message = str(error["message"]).rpartition("; ")[2] if len(str(error["message"])) > 200 else error["message"]
        yield _mended(" ".join(str(message).split())[:300]), _key(name)


def _key(name: str) -> Key:
    return tuple(int(part) if part.isdigit() else part for part in name.split(".") if part and part != "*")


def _problem(document: Document, message: str, key: Key) -> Problem:
    return Problem(message, dotted(key), "", document.line(key) or 1)


@contextmanager
def quiet() -> Iterator[None]:
    """Without the notices about experimental classes and telemetry."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
