"""What exactly is started for a task: its folder with files in it, its command line, its environment."""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..settings import settings
from . import credentials
from .machine import thread_variables
from .plan import Share
from .process import MARK
from .spec import Task
from .tokens import Places


@dataclass(frozen=True)
class Launch:
    """One start of a task."""

    command: tuple[str, ...]
    cwd: Path
    env: dict[str, str]


def prepare(places: Places, share: Share, gpus: tuple[str, ...]) -> Launch:
    """Lay out a task's folder anew and say what to start in it.

    Args:
        places: Where the task finds things.
        share: What it gets of the machine.
        gpus: Ids of the GPUs that are its own.
    """
    shutil.rmtree(places.work, ignore_errors=True)
    places.work.mkdir(parents=True)
    places.output.mkdir(parents=True, exist_ok=True)
    for file in places.task.files:
        target = places.file(file.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        content = file.content() if file.base64 else places.fill(file.contents).encode()
        target.write_bytes(content)
        if content.startswith(b"#!"):
            target.chmod(0o700)
    command = tuple(places.fill(word) for word in (*places.task.command, *places.task.args))
    return Launch(command, places.work, _environment(places, share, gpus))


def _environment(places: Places, share: Share, gpus: tuple[str, ...]) -> dict[str, str]:
    own = {name: places.fill(value) for name, value in places.task.environment.items()}
    return {
        **os.environ,
        **settings().environment(),
        **thread_variables(share.cores),
        **({"CUDA_VISIBLE_DEVICES": ",".join(gpus)} if gpus else {}),
        "PATH": search_path(places.task),
        "PYTHONUNBUFFERED": "1",  # a log is read while it grows
        **credentials.variables(places.task, os.environ),
        **own,
        MARK: f"{places.uuid}/{places.task.name}",
    }


def search_path(task: Task) -> str:
    """Where a task's command is looked for: beside this Python first, so that `physai` is the one that is running."""
    own = task.environment.get("PATH")
    return own or os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))


def moved(task: Task, work: Path, environ: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    """(path in the container, path here) of mounts, credentials that are files, and checkpoints."""
    for mount in task.volume_mounts:
        here, _, there = mount.partition(":")
        if there and there != here:
            yield there, Path(here)
    yield from credentials.files(task, environ)
    yield from ((each.path, work / each.path.lstrip("/")) for each in task.checkpoint if each.path.startswith("/"))
