"""What a workflow needs of this machine, found out before anything runs."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from ..errors import PhysaiError
from ..storage import open_store
from . import credentials
from .check import Checked
from .errors import WorkflowError
from .launch import search_path
from .spec import Task, Workflow
from .state import RunFolder, Status
from .tokens import used

Found = tuple[str, str]
"""(message, field)."""


def check_machine(checked: Checked, runs: Path) -> None:
    """Refuse a workflow that cannot run here.

    Args:
        checked: A workflow in which nothing else is wrong.
        runs: Folder of the runs of other workflows, whose outputs may be inputs.

    Raises:
        WorkflowError: Naming every command, credential, mount and location that is missing.
    """
    found = [
        checked.problem(message, task.name, field)
        for task in checked.workflow.all_tasks()
        for message, field in (
            *_command(task),
            *credentials.missing(task, os.environ),
            *_mounts(task),
            *_urls(task, checked.workflow),
            *_other_runs(task, runs),
        )
    ]
    if found:
        raise WorkflowError(checked.path, found)


def _command(task: Task) -> Iterator[Found]:
    word = task.command[0]
    mounted = [mount.partition(":")[2] for mount in task.volume_mounts if ":" in mount]
    if used(word) or any(word == file.path for file in task.files) or any(word.startswith(f"{m}/") for m in mounted):
        return
    if "/" in word and not word.startswith("/"):
        injected = [file.path for file in task.files if not file.path.startswith("/")]
        if Path(word) not in map(Path, injected):
            yield f"'{word}' is not among the task's files, and its folder is empty at the start.", "command[0]"
    elif shutil.which(word, path=search_path(task)) is None:
        yield f"'{word}' is not installed on this machine; in image {task.image} it may be. Install it.", "command[0]"


def _mounts(task: Task) -> Iterator[Found]:
    for index, mount in enumerate(task.volume_mounts):
        here = mount.partition(":")[0]
        if not Path(here).exists():
            yield f"'{here}' does not exist on this machine. Create it, or mount another.", f"volumeMounts[{index}]"


def _urls(task: Task, workflow: Workflow) -> Iterator[Found]:
    urls = [(source.url, f"inputs[{index}].url") for index, source in enumerate(task.inputs) if source.url]
    urls += [(output.url, f"outputs[{index}].url") for index, output in enumerate(task.outputs)]
    urls += [(checkpoint.url, f"checkpoint[{index}].url") for index, checkpoint in enumerate(task.checkpoint)]
    for url, field in urls:
        try:
            open_store(url)
        except PhysaiError as error:
            yield str(error), field
            continue
        parts = urlsplit(url)
        reads = field.startswith("inputs") and parts.scheme == "file" and not used(url)
        if not reads and (message := _unwritable(parts)):
            yield message, field
        if reads and not Path(unquote(parts.path)).exists() and not is_written(url, workflow):
            yield f"there is nothing at {url}. Check the path, or make the data first.", field


def _unwritable(parts: SplitResult) -> str:
    """Why a folder of this machine cannot be written to; empty if it can, or if it is elsewhere."""
    if parts.scheme != "file" or used(parts.path):
        return ""
    folder = Path(unquote(parts.path))
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir():
        return f"{there} is no folder. Write to another place."
    return "" if os.access(there, os.W_OK) else f"{there} cannot be written to. Write to another place."


def is_written(url: str, workflow: Workflow) -> bool:
    """Whether a task of this workflow writes to a location, so that it may be empty at first."""
    tasks = workflow.all_tasks()
    targets = [output.url for task in tasks for output in task.outputs]
    targets += [checkpoint.url for task in tasks for checkpoint in task.checkpoint]
    return any(f"{url.rstrip('/')}/".startswith(f"{target.rstrip('/')}/") for target in targets)


def _other_runs(task: Task, runs: Path) -> Iterator[Found]:
    for index, source in enumerate(task.inputs):
        workflow_id, colon, other = (source.task or "").partition(":")
        if not colon:
            continue
        state = RunFolder(runs / workflow_id).read()
        if state is None or other not in state.tasks:
            yield f"no run '{workflow_id}' with a task '{other}' in {runs}. Run it first.", f"inputs[{index}].task"
        elif state.tasks[other].status is not Status.COMPLETED:
            status = state.tasks[other].status
            yield f"task '{other}' of run '{workflow_id}' is {status}. Complete it first.", f"inputs[{index}].task"
