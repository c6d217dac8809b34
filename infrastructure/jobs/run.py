"""`run_workflow`: one call from a file to a result."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from ..settings import settings
from .check import read_workflow
from .engine import Engine
from .events import Event, OnEvent, RunResult
from .machine import Machine, this_machine
from .plan import make_plan
from .preflight import check_machine
from .render import Value
from .state import RunFolder
from .watch import LOG_BYTES, Limits


def run_workflow(
    path: Path,
    *,
    values: Mapping[str, Value] | None = None,
    environment: Mapping[str, str] | None = None,
    run_dir: Path | None = None,
    machine: Machine | None = None,
    limit_memory: bool = False,
    log_bytes: int = LOG_BYTES,
    on_event: OnEvent | None = None,
) -> RunResult:
    """Run an OSMO workflow on this machine, or continue it where it was left.

    Args:
        path: The workflow file.
        values: Template variables; they win over `default-values`.
        environment: Variables for every task, over its own.
        run_dir: Where state, logs and outputs lie; default `<home>/runs/<workflow name>`.
        machine: What may be used; default all of this one.
        limit_memory: End a task that takes more memory than it asks for, as a cluster does; else it is only told.
        log_bytes: A log that grows beyond it keeps its end.
        on_event: Called with every event, from the thread of the caller.

    Returns:
        How it ended. A failed task is told there; `raise_for_failure` makes it an error.

    Raises:
        WorkflowError: If the file, or this machine, is not fit for it; then nothing has run.
        BusyRunError: If another engine works in the run folder.
        RunStateError: If the run folder holds something else.
    """
    checked = read_workflow(path, values, environment)
    runs = runs_folder()
    check_machine(checked, runs)
    plan = make_plan(checked.workflow, machine or this_machine())
    with RunFolder(run_dir or runs / checked.workflow.name).locked() as folder:
        engine = Engine(checked, plan, folder, runs, on_event or _silent, Limits(limit_memory, log_bytes))
        return asyncio.run(engine.run())


def runs_folder() -> Path:
    """Where the runs of workflows lie."""
    return settings().home / "runs"


def _silent(_event: Event) -> None:
    """Tell nobody."""
