"""The record of a run: every change is told to whoever watches and written to the run folder."""

from typing import Any

from .events import Event, OnEvent, TaskChanged
from .state import Change, RunFolder, RunState, Status, TaskRecord

LEAST_LINES = 64  # of the journal, before the state is written whole again


class Book:
    """Keeps the run folder true."""

    def __init__(self, folder: RunFolder, state: RunState, emit: OnEvent) -> None:
        self._folder = folder
        self._emit = emit
        self.state = state
        self.up_to_date: set[str] = set()
        self._changed: dict[str, None] = {}
        self._lines = 0

    def task(self, name: str) -> TaskRecord:
        """What is known of a task."""
        return self.state.tasks[name]

    def change(self, name: str, **update: Any) -> None:
        """Set fields of a task's record, and tell it. `save` writes it down."""
        self.note(name, **update)
        self._tell(name)

    def note(self, name: str, **update: Any) -> None:
        """Set fields of a task's record that nobody watches."""
        self.state.tasks[name] = self.task(name).model_copy(update=update)
        self._changed[name] = None

    def keep(self, name: str) -> None:
        """A task is up to date."""
        self.up_to_date.add(name)
        self._tell(name)

    def save(self, status: Status | None = None) -> None:
        """Write down what has changed, with a new status of the run if there is one."""
        self._lines += len(self._changed)
        if status is not None or self._lines > max(LEAST_LINES, len(self.state.tasks)):
            update = {"revision": self.state.revision + 1, "status": status or self.state.status}
            self.state = self.state.model_copy(update=update)
            self._folder.write(self.state)
            self._lines = 0
        elif self._changed:
            revision = self.state.revision
            self._folder.append(Change(revision=revision, task=name, record=self.task(name)) for name in self._changed)
        self._changed.clear()

    def tell(self, event: Event) -> None:
        """Tell something that is not about one task."""
        self._emit(event)

    def _tell(self, name: str) -> None:
        record = self.task(name)
        self._emit(
            TaskChanged(
                name,
                record.status,
                name in self.up_to_date,
                record.attempt,
                record.seconds,
                record.exit_code,
                record.reason,
            )
        )
