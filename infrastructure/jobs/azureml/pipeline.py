"""A workflow as a pipeline job: tasks become commands, groups one node or several, locations datastores."""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

from ...contracts import Contract
from ...setup.profile import Profile
from ..check import Checked
from ..errors import Problem, WorkflowError
from ..placement import place, together, why_not
from ..spec import ExitAction, Group, Task, Workflow
from ..tokens import LOCALHOST, input_names, used
from . import script
from .groups import MASTER, RANK, as_ranks, rank_text
from .locations import Datastore, LocationError, locate

SCHEMA = "https://azuremlschemas.azureedge.net/latest/pipelineJob.schema.json"
COMPUTE = "aks"
"""Name of the attached cluster: Terraform's output `azureml_compute`."""


class Pipeline(Contract):
    """A pipeline job and what it stands on."""

    job: dict[str, Any]
    """As `az ml job create --file` reads it."""
    datastores: tuple[Datastore, ...]
    """That the workspace must have."""
    notes: tuple[str, ...]
    """What AzureML does otherwise than OSMO."""


class Unit(NamedTuple):
    """What becomes one step."""

    name: str
    tasks: tuple[Task, ...]
    ranks: bool
    """Whether the tasks are ranks of one command, each on its own node."""


def make_pipeline(checked: Checked, profile: Profile, compute: str = COMPUTE) -> Pipeline:
    """Translate a checked workflow.

    Args:
        checked: A workflow in which nothing is wrong.
        profile: Its pools decide the instance types.
        compute: Compute target of the workspace.

    Raises:
        WorkflowError: Naming everything that AzureML cannot do.
    """
    return _Translation(checked, profile).pipeline(compute)


def step_name(name: str) -> str:
    """AzureML's steps have names of letters, digits and `_`, beginning with a letter."""
    return name.lower().replace("-", "_")


class _Translation:
    """Collects steps, problems and notes of one workflow."""

    def __init__(self, checked: Checked, profile: Profile) -> None:
        self._checked = checked
        self._workflow: Workflow = checked.workflow
        self._profile = profile
        self._problems: list[Problem] = []
        self._datastores: dict[str, Datastore] = {}
        self._notes: dict[str, None] = {}
        self._units = [Unit(task.name, (task,), False) for task in self._workflow.tasks]
        self._units += [_unit(group) for group in self._workflow.groups]
        self._outputs = {
            task.name: (step_name(unit.name), _output_name(unit, task)) for unit in self._units for task in unit.tasks
        }

    def pipeline(self, compute: str) -> Pipeline:
        jobs = {step_name(unit.name): self._step(unit) for unit in self._units}
        if self._problems:
            raise WorkflowError(self._checked.path, sorted(self._problems, key=lambda problem: problem.line))
        job: dict[str, Any] = {
            "$schema": SCHEMA,
            "type": "pipeline",
            "experiment_name": self._workflow.name,
            "display_name": self._workflow.name,
            **({"tags": dict(self._workflow.labels)} if self._workflow.labels else {}),
            "settings": {"default_compute": f"azureml:{compute}"},
            "jobs": jobs,
        }
        return Pipeline(job=job, datastores=tuple(self._datastores.values()), notes=tuple(self._notes))

    def _step(self, unit: Unit) -> dict[str, Any]:
        for task in unit.tasks:
            for message, field in _unsupported(task):
                self._refuse(task, message, field)
            for note in _notes(task):
                self._notes[note] = None
        images = dict.fromkeys(task.image for task in unit.tasks)
        if len(images) > 1:
            self._refuse(unit.tasks[1], f"a step has one image; this group has {', '.join(images)}. Use one.", "image")
        tasks = unit.tasks[:1] if unit.ranks else unit.tasks
        for task, name, message in _contradictions(tasks):
            self._refuse(task, message, f"environment.{name}")
        inputs = {name: value for task in tasks for name, value in self._inputs(unit, task)}
        timeout_s = self._workflow.timeout.exec_timeout
        step: dict[str, Any] = {
            "type": "command",
            "display_name": unit.name,
            "environment": {"image": unit.tasks[0].image},
            "command": self._command(unit),
            **_variables(tasks),
            **({"inputs": inputs} if inputs else {}),
            "outputs": {name: value for task in tasks for name, value in self._step_outputs(unit, task)},
            "resources": self._resources(unit),
            **({"limits": {"timeout": int(timeout_s)}} if timeout_s else {}),
            **({"identity": {"type": "managed"}} if any(task.credentials for task in tasks) else {}),
        }
        if unit.ranks:
            step["distribution"] = {"type": "pytorch", "process_count_per_instance": 1}
        return step

    def _command(self, unit: Unit) -> str:
        if unit.ranks:
            return script.script(_ranked(unit.tasks), partial(self._reference, unit, unit.tasks[0]))
        scripts = [script.script(task, partial(self._reference, unit, task)) for task in unit.tasks]
        return scripts[0] if len(scripts) == 1 else _side_by_side(unit, scripts)

    def _reference(self, unit: Unit, task: Task, token: str) -> str:
        kind, _, which = token.partition(":")
        match kind:
            case "output":
                return f"${{{{outputs.{_output_name(unit, task)}}}}}"
            case "input":
                return f"${{{{inputs.{_prefix(unit, task)}input_{input_names(task)[which]}}}}}"
            case "host":
                if unit.ranks:
                    return RANK if which == RANK else MASTER
                return LOCALHOST
            case _:
                return script.RUN_ID

    def _inputs(self, unit: Unit, task: Task) -> Iterator[tuple[str, dict[str, Any]]]:
        for index, source in enumerate(task.inputs):
            field = f"inputs[{index}]"
            name = f"{_prefix(unit, task)}input_{index}"
            if source.task and ":" in source.task:
                self._refuse(
                    task, "AzureML knows no task of another workflow. Upload it there, and take its `url:`.", field
                )
            elif source.task:
                step, output = self._outputs[source.task]
                yield name, _folder(f"${{{{parent.jobs.{step}.outputs.{output}}}}}")
            elif path := self._path(task, source.url or "", f"{field}.url"):
                yield name, {**_folder(path), "mode": "ro_mount"}

    def _step_outputs(self, unit: Unit, task: Task) -> Iterator[tuple[str, dict[str, Any]]]:
        output: dict[str, Any] = {"type": "uri_folder", "mode": "upload"}
        if task.outputs and (path := self._path(task, task.outputs[0].url, "outputs[0].url")):
            output["path"] = path
        if len(task.outputs) > 1:
            self._refuse(
                task, "AzureML puts an output in one place. Keep one, or copy it in a task of its own.", "outputs"
            )
        yield _output_name(unit, task), output
        for index, checkpoint in enumerate(task.checkpoint):
            if path := self._path(task, checkpoint.url, f"checkpoint[{index}].url"):
                name = f"{_prefix(unit, task)}checkpoint_{index}"
                yield name, {"type": "uri_folder", "mode": "rw_mount", "path": path}

    def _path(self, task: Task, url: str, field: str) -> str:
        try:
            store, path = locate(url)
        except LocationError as error:
            self._refuse(task, str(error), field)
            return ""
        other = self._datastores.setdefault(store.name, store)
        if other != store:
            self._refuse(task, f"datastore '{store.name}' would be in {other.account} and in {store.account}.", field)
        return path

    def _resources(self, unit: Unit) -> dict[str, Any]:
        tasks = unit.tasks[:1] if unit.ranks else unit.tasks
        resource = self._workflow.resources[tasks[0].resource]
        ask = together(self._workflow, tasks)
        found = place(self._profile, resource, ask)
        if found is None:
            message, _ = why_not(self._profile, resource, ask)
            self._refuse(unit.tasks[0], message, "resource")
            return {}
        count = {"instance_count": len(unit.tasks)} if unit.ranks else {}
        return {"instance_type": found.pool.platform, **count}

    def _refuse(self, task: Task, message: str, field: str) -> None:
        self._problems.append(self._checked.problem(message, task.name, field))


def _unit(group: Group) -> Unit:
    ranks = as_ranks(group) is not None
    members = sorted(group.tasks, key=lambda task: not task.lead)
    return Unit(group.name if len(group.tasks) > 1 else group.tasks[0].name, tuple(members), ranks)


def _prefix(unit: Unit, task: Task) -> str:
    return f"{step_name(task.name)}_" if len(unit.tasks) > 1 and not unit.ranks else ""


def _output_name(unit: Unit, task: Task) -> str:
    return "output" if unit.ranks else f"{_prefix(unit, task)}output"


def _folder(path: str) -> dict[str, Any]:
    return {"type": "uri_folder", "path": path}


def _contradictions(tasks: tuple[Task, ...]) -> Iterator[tuple[Task, str, str]]:
    """(task, variable, message) where tasks on one node give a variable different values."""
    first: dict[str, tuple[str, str]] = {}
    for task in tasks:
        exported = script.exported(task)
        for name, value in task.environment.items():
            if name in exported:
                continue
            other, there = first.setdefault(name, (task.name, value))
            if there != value:
                yield task, name, f"a step has one environment; in '{other}' this is '{there}'. Use one value."


def _variables(tasks: tuple[Task, ...]) -> dict[str, Any]:
    variables = {
        name: value for task in tasks for name, value in task.environment.items() if name not in script.exported(task)
    }
    return {"environment_variables": variables} if variables else {}


def _ranked(tasks: tuple[Task, ...]) -> Task:
    """One task for all ranks; where the rank stands it has a token, so that the shell fills it in."""
    lead = tasks[0]

    def merged(column: tuple[str, ...]) -> str:
        pieces = rank_text(column)
        assert pieces is not None, "checked by as_ranks"
        return "".join(f"{{{{host:{RANK}}}}}" if piece == RANK else piece for piece in pieces)

    words = tuple(merged(column) for column in zip(*((*t.command, *t.args) for t in tasks), strict=True))
    contents = [merged(column) for column in zip(*([f.contents for f in t.files] for t in tasks), strict=True)]
    files = tuple(file.model_copy(update={"contents": text}) for file, text in zip(lead.files, contents, strict=True))
    cut = len(lead.command)
    return lead.model_copy(update={"command": words[:cut], "args": words[cut:], "files": files})


def _side_by_side(unit: Unit, scripts: list[str]) -> str:
    """All members on one node: the lead decides, the others end with it."""
    lines = []
    for index, (task, text) in enumerate(zip(unit.tasks, scripts, strict=True)):
        lines.append(f"(\n# {task.name}\n{text}\n) &\npid_{index}=$!")
    others = " ".join(f"$pid_{index}" for index in range(1, len(scripts)))
    return "\n".join([*lines, "code=0", "wait $pid_0 || code=$?", f"kill {others} 2>/dev/null || true", "exit $code"])


def _unsupported(task: Task) -> Iterator[tuple[str, str]]:
    yield from script.problems(task)
    for there, field in (
        (task.privileged, "privileged"),
        (task.host_network, "hostNetwork"),
        (bool(task.volume_mounts), "volumeMounts"),
    ):
        if there:
            yield "AzureML has nothing of the kind. Run it on OSMO, or do without.", field
    for index, checkpoint in enumerate(task.checkpoint):
        if used(checkpoint.path):
            yield (
                "a checkpoint folder on AzureML has a fixed path. Write one without tokens.",
                f"checkpoint[{index}].path",
            )


def _notes(task: Task) -> Iterator[str]:
    if any(action.upper() == ExitAction.RESCHEDULE for action in task.exit_actions):
        yield f"{task.name}: exitActions are not applied; a step that fails ends the job"
    elif task.exit_actions:
        yield f"{task.name}: exitActions are not applied; only exit code 0 is success"
    if any(source.regex for source in task.inputs) or any(output.regex for output in task.outputs):
        yield f"{task.name}: regex is not applied; the whole folder is there"
    if any("{{workflow_id}}" in output.url for output in task.outputs):
        yield f"{task.name}: in locations, workflow_id is the name of the step's own job"
    if task.kpis or task.cache_size:
        yield f"{task.name}: kpis and cacheSize are OSMO's alone"
