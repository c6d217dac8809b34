"""Playing one unit: its tasks start together, are restarted where that is asked for, and end with their lead."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .book import Book
from .events import Note
from .member import Member
from .plan import Unit
from .process import Guard
from .spec import ExitAction, Task
from .state import RunFolder, Status
from .tokens import Places
from .watch import Limits

RESCHEDULES = 5  # of one task in one run; OSMO leaves the number to its administrator


@dataclass(eq=False)
class UnitRun:
    """One run of one unit."""

    unit: Unit
    places: dict[str, Places]
    gpus: tuple[str, ...]
    timeout_s: float | None
    book: Book
    folder: RunFolder
    guard: Guard
    limits: Limits
    running: dict[str, Member] = field(default_factory=dict)

    async def play(self) -> Status:
        """Run to the end; nothing is left running then, however it ends.

        Returns:
            COMPLETED, or why it failed. The records of its tasks say the same.
        """
        try:
            async with asyncio.timeout(self.timeout_s):
                status = await self._start(self.unit.tasks) or await self._until_over()
        except TimeoutError:
            status = Status.FAILED_EXEC_TIMEOUT
            self._mark_running(status, f"ran longer than exec_timeout, {self.timeout_s:g} s")
        except asyncio.CancelledError:
            self._mark_running(Status.FAILED_CANCELED, "stopped by hand")
            raise
        finally:
            await self._stop_all()
        return status

    def kill(self) -> None:
        """End every process now."""
        for member in self.running.values():
            member.child.kill()

    async def _start(self, tasks: Iterable[Task]) -> Status | None:
        """Start tasks; a status if one could not be."""
        for task in tasks:
            share, gpus = self.unit.shares[task.name], self._gpus(task)
            attempt = self.book.task(task.name).attempt + 1
            log = self.folder.log(task.name)
            try:
                self.running[task.name] = await Member.start(
                    self.places[task.name], share, gpus, log, self.guard, attempt, self.limits
                )
            except OSError as error:
                reason = f"could not be started: {error.strerror}: {error.filename or ''}"
                self.book.change(task.name, status=Status.FAILED_START_ERROR, attempt=attempt, reason=reason)
                return Status.FAILED
            self.book.change(
                task.name,
                status=Status.RUNNING,
                attempt=attempt,
                started_at=datetime.now(UTC),
                seconds=None,
                exit_code=None,
                reason="",
            )
        self.book.save()
        return None

    def _gpus(self, task: Task) -> tuple[str, ...]:
        """Those of the unit's GPUs that are this task's own, the same at every start."""
        shares = self.unit.shares
        first = sum(shares[other.name].gpus for other in self.unit.tasks[: self.unit.tasks.index(task)])
        return self.gpus[first : first + shares[task.name].gpus]

    async def _until_over(self) -> Status:
        """Wait for the lead, or for a failure that ends the unit."""
        while True:
            overs = [member.over for member in self.running.values()]
            await asyncio.wait(overs, return_when=asyncio.FIRST_COMPLETED)
            ended = [name for name, member in self.running.items() if member.over.done()]
            for name in sorted(ended, key=lambda name: name != self.unit.lead):
                if name in self.running and (status := await self._ended(name)) is not None:
                    return status

    async def _ended(self, name: str) -> Status | None:
        """One process has ended. What that means for the unit; None if it goes on."""
        member = self.running.pop(name)
        task, code = member.places.task, member.over.result()
        unsaved = await member.close()
        action = task.exit_action(code)
        self.book.change(
            name, exit_code=code, seconds=member.seconds, peak_memory_bytes=member.usage.peak_bytes or None
        )
        if member.usage.too_much and not member.usage.ended:
            mend = "On a cluster it would be ended: ask for more under 'memory'"
            self.book.tell(Note(f"'{name}' {member.usage.sentence()}. {mend}"))
        if action is ExitAction.RESCHEDULE and self.book.task(name).attempt <= RESCHEDULES:
            return await self._reschedule(task)
        failed = action is not ExitAction.COMPLETE or bool(unsaved)
        exit_reason = member.usage.sentence() if member.usage.ended else f"exit code {code}"
        reason = exit_reason if action is not ExitAction.COMPLETE else unsaved and f"checkpoint: {unsaved}"
        if action is ExitAction.RESCHEDULE:
            reason = f"exit code {code} asks for a reschedule once more after {RESCHEDULES}"
        status = Status.FAILED if failed else Status.COMPLETED
        lead = name == self.unit.lead
        self.book.change(name, status=status if failed or not lead else Status.RUNNING, reason=reason)
        if lead:
            for other in self.running:
                self.book.change(other, status=status, reason="its lead ended", seconds=self.running[other].seconds)
            return status
        if failed and not self.unit.ignore_nonlead:
            self._mark_running(Status.FAILED, f"'{name}' of its group failed")
            return Status.FAILED
        return None

    async def _reschedule(self, task: Task) -> Status | None:
        """Start a task again; with it all others if it is the lead, or if they count as much as the lead."""
        self.book.change(task.name, status=Status.RESCHEDULED)
        whole = task.name == self.unit.lead or not self.unit.ignore_nonlead
        if whole:
            for other in self.running:
                self.book.change(other, status=Status.RESCHEDULED, reason=f"with '{task.name}'")
            await self._stop_all()
        return await self._start(self.unit.tasks if whole else [task])

    def _mark_running(self, status: Status, reason: str) -> None:
        for name, member in self.running.items():
            self.book.change(name, status=status, reason=reason, seconds=member.seconds)

    async def _stop_all(self) -> None:
        """End every process, whoever asks for something else meanwhile."""
        stopping = asyncio.gather(*(member.stop() for member in self.running.values()))
        canceled = False
        while not stopping.done():
            try:
                await asyncio.shield(stopping)
            except asyncio.CancelledError:
                canceled = True
        self.running.clear()
        if canceled:
            raise asyncio.CancelledError
