"""Read a workflow file and find everything that is wrong with it, before anything runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from ..errors import suggest
from . import references
from .document import Document, Key, dotted, parse
from .errors import Problem, WorkflowError
from .localfiles import inline
from .render import Rendered, Value, read_text, render
from .spec import Checkpoint, File, Group, Input, Kpi, Output, Resource, Task, Timeout, Topology, Workflow, WorkflowFile

MOST_TASKS = 20  # OSMO's default limit: docs/deployment_guide/references/configs_definitions/workflow.rst
GONE = "was removed in OSMO 6.3. Use `url:` with the storage location, or `task:` with the task that makes the data."
MENDS = {
    "env": "Write 'environment'.",
    "cmd": "Write 'command'.",
    "entrypoint": "Write 'command'.",
    "resources": "Name one profile with 'resource'; the profiles stand under 'workflow.resources'.",
    "depends_on": "Name the task under 'inputs': `- task: NAME`.",
    "dependsOn": "Name the task under 'inputs': `- task: NAME`.",
    "timeout": "It stands under 'workflow', as 'timeout.exec_timeout'.",
    "retries": "Write exit codes under 'exitActions': `RESCHEDULE: 1-255`.",
}


@dataclass(frozen=True)
class Checked:
    """A workflow in which nothing is wrong, and where it stands in its file."""

    path: Path
    workflow: Workflow
    rendered: Rendered
    document: Document
    notes: tuple[str, ...]

    def problem(self, message: str, task: str = "", field: str = "") -> Problem:
        """A problem that points to the line of a task's field."""
        return locate(self.document, message, task, field)


def read_workflow(
    path: Path, values: Mapping[str, Value] | None = None, environment: Mapping[str, str] | None = None
) -> Checked:
    """Render, parse and check a workflow file.

    Args:
        path: An OSMO workflow file.
        values: Template variables; they win over `default-values`.
        environment: Variables that every task gets, over its own.

    Raises:
        WorkflowError: If anything is wrong; it holds all the problems that were found.
    """
    rendered = render(path, read_text(path), values or {})
    document = parse(path, rendered)
    if removed := [*_removed(document), *inline(path, document, _tasks(document.data))]:
        raise WorkflowError(path, removed)
    try:
        workflow = WorkflowFile.model_validate(document.data).workflow
    except ValidationError as error:
        # A field that is missing may be the unknown one, so those come first.
        details = sorted(error.errors(), key=lambda detail: detail["type"] != "extra_forbidden")
        raise WorkflowError(path, [_problem(document, detail) for detail in details]) from error
    found = [locate(document, *problem) for problem in references.problems(workflow)]
    if found:
        raise WorkflowError(path, sorted(found, key=lambda problem: problem.line))
    return Checked(path, _with_environment(workflow, environment or {}), rendered, document, _notes(workflow, rendered))


def _with_environment(workflow: Workflow, environment: Mapping[str, str]) -> Workflow:
    def task(old: Task) -> Task:
        return old.model_copy(update={"environment": {**old.environment, **environment}})

    def group(old: Group) -> Group:
        return old.model_copy(update={"tasks": tuple(map(task, old.tasks))})

    return workflow.model_copy(
        update={"tasks": tuple(map(task, workflow.tasks)), "groups": tuple(map(group, workflow.groups))}
    )


def _notes(workflow: Workflow, rendered: Rendered) -> tuple[str, ...]:
    notes = [f"default value '{name}' is never used: {{{{{name}}}}} is OSMO's own" for name in rendered.unused]
    if (tasks := len(workflow.all_tasks())) > MOST_TASKS:
        notes.append(f"{tasks} tasks; OSMO accepts {MOST_TASKS} unless its administrator allows more")
    return tuple(notes)


def _tasks(data: Any) -> Iterator[tuple[Key, Any]]:
    """(key, task) of every task in raw data, whatever its shape."""
    workflow = data.get("workflow") if isinstance(data, dict) else None
    if not isinstance(workflow, dict):
        return
    groups = workflow.get("groups")
    parts: list[tuple[Key, Any]] = [(("workflow",), workflow)]
    parts += [(("workflow", "groups", i), group) for i, group in enumerate(groups if isinstance(groups, list) else [])]
    for key, part in parts:
        tasks = part.get("tasks") if isinstance(part, dict) else None
        yield from (
            ((*key, "tasks", index), task)
            for index, task in enumerate(tasks if isinstance(tasks, list) else [])
            if isinstance(task, dict)
        )


def _removed(document: Document) -> Iterator[Problem]:
    """What older or other tools accept, each with its mend."""
    for key, task in _tasks(document.data):
        name = str(task.get("name", ""))
        for part, words, why in (
            ("inputs", ("dataset", "update_dataset"), GONE),
            ("outputs", ("dataset", "update_dataset"), GONE),
        ):
            entries = task.get(part)
            for index, entry in enumerate(entries if isinstance(entries, list) else []):
                for word in words:
                    if isinstance(entry, dict) and word in entry:
                        line = document.line((*key, part, index, word))
                        yield Problem(f"'{word}' {why}", f"{part}[{index}].{word}", name, line)


MODELS: dict[str, type[BaseModel]] = {
    "workflow": Workflow,
    "tasks": Task,
    "groups": Group,
    "resources": Resource,
    "timeout": Timeout,
    "inputs": Input,
    "outputs": Output,
    "files": File,
    "checkpoint": Checkpoint,
    "kpis": Kpi,
    "topology": Topology,
}
"""Field → model of its value, or of the values in it."""


def _known(key: Key) -> list[str]:
    words = [part for part in key[:-1] if part in MODELS]
    model = MODELS[str(words[-1])] if words else WorkflowFile
    return [field.alias or name for name, field in model.model_fields.items()]


def _existing(data: Any, key: Key, missing: bool) -> Key:
    """The part of pydantic's path that stands in the file: it adds the names of union members."""
    for depth, part in enumerate(key):
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return key if missing and depth == len(key) - 1 else key[:depth]
    return key


def _problem(document: Document, detail: Any) -> Problem:
    """One of pydantic's errors in our words."""
    key = _existing(document.data, tuple(detail["loc"]), missing=detail["type"] == "missing")
    if detail["type"] == "extra_forbidden":
        name = str(key[-1])
        mend = MENDS.get(name, "") if "tasks" in key else ""
        message = f"unknown field. {mend or suggest(name, _known(key))}"
    elif detail["type"] == "missing":
        message = "is missing."
    else:
        got = detail.get("input")
        quoted = f" (got {got!r:.60})" if detail["type"] != "value_error" and got is not None else ""
        message = f"{detail['msg'].removeprefix('Value error, ')}{quoted}."
    task, field = _split(document.data, key)
    return Problem(message, field, task, document.line(key))


def _split(data: Any, key: Key) -> tuple[str, str]:
    """(task name, field inside the task) of a key, or ("", whole path)."""
    for root, task in _tasks(data):
        if key[: len(root)] == root:
            name = str(task.get("name") or f"#{root[-1]}")
            return name, dotted(key[len(root) :])
    return "", dotted(key)


def locate(document: Document, message: str, task: str = "", field: str = "") -> Problem:
    """A problem with the line of a task's field, or of a field of the workflow."""
    root: Key = ("workflow",)
    if task:
        root = next((key for key, raw in _tasks(document.data) if raw["name"] == task), root)
    key: list[str | int] = []
    for part in field.replace("]", "").split("."):
        name, *index = part.split("[")
        key += [name] if name else []
        key += [int(number) for number in index]
    return Problem(message, field, task, document.line((*root, *key)))
