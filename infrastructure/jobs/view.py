"""Watching a run: a live table on a terminal, a line for every change elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from .events import Event, Note, OnEvent, RunFinished, RunResult, RunStarted, TaskChanged
from .logs import last_line
from .state import Status

COLOURS = {Status.WAITING: "dim", Status.RUNNING: "cyan", Status.RESCHEDULED: "yellow", Status.COMPLETED: "green"}
REFRESH_HZ = 4


@contextmanager
def watching(console: Console) -> Iterator[OnEvent]:
    """What to give `run_workflow` as `on_event`, for as long as it runs."""
    if not console.is_terminal:
        yield Lines(console)
        return
    view = LiveTable(console)
    with Live(get_renderable=view.table, console=console, refresh_per_second=REFRESH_HZ):
        yield view


def told(status: Status, up_to_date: bool) -> str:
    """A status as people read it."""
    return "up to date" if up_to_date else status.lower().replace("_", " ")


def duration(seconds: float | None) -> str:
    """`0.8 s`, `12 s`, `1:02:03`."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return str(timedelta(seconds=round(seconds)))


class Lines:
    """One line for every change."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told: dict[str, tuple[Status, int]] = {}
        self._logs: dict[str, Path] = {}

    def __call__(self, event: Event) -> None:
        """Print what is new in an event."""
        match event:
            case RunStarted():
                self._logs, self._told = event.logs, {}
                self._print(f"{event.workflow}: {len(event.tasks)} tasks in {event.run_dir}")
            case Note():
                self._print(f"note: {event.text}")
            case TaskChanged() if self._told.get(event.task) != (event.status, event.attempt):
                self._told[event.task] = (event.status, event.attempt)
                self._print(f"{event.task}: {_sentence(event)}")
                if event.status.failed and event.exit_code is not None:
                    log = self._logs[event.task]
                    self._print(f"{event.task}: log {log}, last line: {last_line(log) or '(empty)'}")
            case RunFinished():
                self._print(f"{event.result.workflow}: {summary(event.result)}")

    def _print(self, text: str) -> None:
        self._console.print(f"{time.strftime('%H:%M:%S')} {text}", markup=False, highlight=False, soft_wrap=True)


def _sentence(event: TaskChanged) -> str:
    words = told(event.status, event.up_to_date)
    if event.status is Status.RUNNING and event.attempt > 1:
        words += f", attempt {event.attempt}"
    if event.seconds is not None and not event.up_to_date and event.status is not Status.RUNNING:
        words += f" after {duration(event.seconds)}"
    return f"{words} ({event.reason})" if event.reason else words


def summary(result: RunResult) -> str:
    """How a run ended, in one line."""
    if result.up_to_date:
        return f"all {len(result.tasks)} tasks are up to date"
    new = sum(not task.up_to_date and task.status is Status.COMPLETED for task in result.tasks.values())
    old = sum(task.up_to_date for task in result.tasks.values())
    counts = f"{new} of {len(result.tasks)} tasks done" + (f", {old} were up to date" if old else "")
    return f"{told(result.status, up_to_date=False)} in {duration(result.seconds)}: {counts}"


class LiveTable:
    """The newest status of every task, and what it printed last."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._tasks: dict[str, TaskChanged] = {}
        self._began: dict[str, float] = {}
        self._logs: dict[str, Path] = {}
        self._title = ""
        self._over = False

    def __call__(self, event: Event) -> None:
        """Take an event in; the table is drawn by its own clock."""
        match event:
            case RunStarted():
                if self._over:  # one run after another, as laps are: the one before stays on the screen
                    self._console.print(self.table())
                self._over = False
                self._title = f"{event.workflow}  {event.run_dir}"
                self._logs = event.logs
                self._tasks = {task: TaskChanged(task, Status.WAITING) for task in event.tasks}
            case Note():
                self._console.print(f"note: {event.text}", markup=False, highlight=False)
            case TaskChanged():
                before = self._tasks[event.task]
                if event.status is Status.RUNNING and (before.status, before.attempt) != (event.status, event.attempt):
                    self._began[event.task] = time.monotonic()
                self._tasks[event.task] = event
            case RunFinished():
                self._over = True
                self._title = f"{event.result.workflow}: {summary(event.result)}"

    def table(self) -> Table:
        """All tasks in the order of the file."""
        table = Table(title=Text(self._title), title_justify="left", box=None, pad_edge=False, expand=True)
        table.add_column("task", no_wrap=True)
        table.add_column("status", no_wrap=True)
        table.add_column("time", justify="right", no_wrap=True)
        table.add_column("", no_wrap=True, overflow="ellipsis", ratio=1, style="dim")
        for name, task in list(self._tasks.items()):
            colour = "green dim" if task.up_to_date else COLOURS.get(task.status, "red")
            table.add_row(
                name,
                Text(told(task.status, task.up_to_date), style=colour),
                self._time(task),
                Text(self._words(task)),
            )
        return table

    def _time(self, task: TaskChanged) -> str:
        if task.status is Status.RUNNING:
            return duration(time.monotonic() - self._began[task.task])
        return "" if task.status is Status.WAITING else duration(task.seconds)

    def _words(self, task: TaskChanged) -> str:
        if task.status is Status.RUNNING and not self._over:
            return last_line(self._logs[task.task])
        return task.reason
