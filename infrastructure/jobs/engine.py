"""The engine: units in order, as many at once as the machine holds, done ones skipped."""

import asyncio
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ..contracts import write_whole
from ..errors import PhysaiError
from .book import Book
from .check import Checked
from .events import Note, OnEvent, RunFinished, RunResult, RunStarted, TaskResult
from .identity import task_key
from .inputs import Sources
from .launch import moved
from .plan import Plan, Unit
from .pool import Pool
from .process import Guard, end_orphans
from .spec import Task
from .state import RunFolder, RunState, Status, TaskRecord, new_word
from .tokens import Places
from .transfer import upload
from .unit_run import UnitRun
from .watch import Limits

DOWNLOAD_FAILED, UPLOAD_FAILED = 2010, 2012  # Source: NVIDIA/OSMO docs/user_guide/workflows/exit_codes.rst


class Engine:
    """Runs one plan in one run folder, which the caller has locked."""

    def __init__(
        self, checked: Checked, plan: Plan, folder: RunFolder, runs: Path, emit: OnEvent, limits: Limits
    ) -> None:
        self._plan = plan
        self._limits = limits
        self._folder = folder
        self._book = Book(folder, _open(checked, folder), emit)
        self._sources = Sources(plan.workflow, folder, runs)
        self._notes = (*checked.notes, *plan.notes)
        self._pool = Pool(plan.machine)
        self._guard = Guard()
        self._over = {unit.name: asyncio.Event() for unit in plan.units}
        self._status: dict[str, Status] = {}
        self._running: dict[str, UnitRun] = {}
        self._units: list[asyncio.Task[None]] = []
        self._canceled = False

    async def run(self) -> RunResult:
        """Run what is not done yet.

        Returns:
            How every task ended. A failed task is no exception here.
        """
        start = time.monotonic()
        self._announce()
        self._book.save(Status.RUNNING)
        restore = _on_signals(self.cancel)
        try:
            async with asyncio.TaskGroup() as group:
                self._units = [group.create_task(self._unit(unit)) for unit in self._plan.units]
        except BaseExceptionGroup as error:
            raise error.exceptions[0] from None
        finally:
            restore()
            self._guard.close()
        result = self._finish(time.monotonic() - start)
        self._book.tell(RunFinished(result))
        return result

    def cancel(self) -> None:
        """Stop: the first time every process is asked to end, the second time it is ended."""
        if self._canceled:
            for run in self._running.values():
                run.kill()
            return
        self._canceled = True
        for unit in self._units:
            unit.cancel()

    def _announce(self) -> None:
        tasks = self._plan.workflow.all_tasks()
        self._book.tell(
            RunStarted(
                self._plan.workflow.name,
                self._folder.root,
                tuple(task.name for task in tasks),
                {task.name: self._folder.log(task.name) for task in tasks},
            )
        )
        for note in self._notes:
            self._book.tell(Note(note))

    async def _unit(self, unit: Unit) -> None:
        try:
            self._status[unit.name] = await self._in_order(unit)
        finally:
            self._over[unit.name].set()

    async def _in_order(self, unit: Unit) -> Status:
        for name in sorted(unit.upstream):
            await self._over[name].wait()
        failed = [name for name in sorted(unit.upstream) if self._status.get(name) is not Status.COMPLETED]
        if failed:
            return self._fail(unit, Status.FAILED_UPSTREAM, f"'{failed[0]}' failed")
        try:
            places = {task.name: await self._places(task) for task in unit.tasks}
        except (PhysaiError, OSError) as error:
            return self._fail(unit, Status.FAILED, f"input not there: {error}", DOWNLOAD_FAILED)
        keys = {name: task_key(place.task, place.identities) for name, place in places.items()}
        if self._is_done(keys):
            for name in keys:
                self._book.keep(name)
            return Status.COMPLETED
        async with self._pool.hold(unit.total) as gpus:
            self._begin(keys)
            status = await self._play(unit, places, gpus)
            return await self._end(unit, places, status)

    async def _places(self, task: Task) -> Places:
        work = self._folder.work(task.name)
        places = Places(
            work=work,
            output=self._folder.output(task.name),
            workflow_id=self._folder.workflow_id,
            uuid=self._book.state.uuid,
            task=task,
            moved=tuple(moved(task, work, os.environ)),
        )
        inputs = await asyncio.to_thread(self._sources.bring, places, self._book.state.tasks)
        return places.with_inputs(inputs.paths, inputs.identities)

    def _is_done(self, keys: dict[str, str]) -> bool:
        for name, key in keys.items():
            record = self._book.task(name)
            if not record.result or record.key != key or not self._folder.is_whole(name):
                return False
        return True

    def _begin(self, keys: dict[str, str]) -> None:
        """Keep what an interrupted start of the same tasks left; clear away what other or completed ones left."""
        for name, key in keys.items():
            record = self._book.task(name)
            if record.key != key or record.result:
                shutil.rmtree(self._folder.output(name), ignore_errors=True)
                self._folder.log(name).unlink(missing_ok=True)
            self._folder.listing(name).unlink(missing_ok=True)
            self._book.note(name, key=key, result="")
        self._book.save()

    async def _play(self, unit: Unit, places: dict[str, Places], gpus: tuple[str, ...]) -> Status:
        timeout_s = self._plan.workflow.timeout.exec_timeout
        run = UnitRun(unit, places, gpus, timeout_s, self._book, self._folder, self._guard, self._limits)
        self._running[unit.name] = run
        try:
            return await run.play()
        finally:
            del self._running[unit.name]

    async def _end(self, unit: Unit, places: dict[str, Places], status: Status) -> Status:
        """Upload what a completed unit made and write down that it is done."""
        if status is Status.COMPLETED:
            try:
                for name, place in places.items():
                    await asyncio.to_thread(_upload_outputs, place)
                    write_whole(self._folder.listing(name), self._folder.list_output(name).encode())
                    shutil.rmtree(place.work, ignore_errors=True)
            except (PhysaiError, OSError) as error:
                return self._fail(unit, Status.FAILED, f"output not uploaded: {error}", UPLOAD_FAILED)
            for name in places:
                self._book.note(name, result=new_word())
            self._book.change(unit.lead, status=status)
        self._book.save()
        return status

    def _fail(self, unit: Unit, status: Status, reason: str, exit_code: int | None = None) -> Status:
        for task in unit.tasks:
            record = self._book.task(task.name)
            key = None if record.result else record.key  # half of an output is worth keeping; a whole one is stale
            self._book.change(task.name, status=status, reason=reason, exit_code=exit_code, key=key, result="")
        self._book.save()
        return status

    def _finish(self, seconds: float) -> RunResult:
        statuses = set(self._status.values())
        if self._canceled:
            status = Status.FAILED_CANCELED
        elif statuses == {Status.COMPLETED}:
            status = Status.COMPLETED
        else:
            status = Status.FAILED_EXEC_TIMEOUT if Status.FAILED_EXEC_TIMEOUT in statuses else Status.FAILED
        self._book.save(status)
        tasks = {
            name: TaskResult(
                status=record.status,
                up_to_date=name in self._book.up_to_date,
                seconds=record.seconds,
                exit_code=record.exit_code,
                reason=record.reason,
                output=str(self._folder.output(name)),
                log=str(self._folder.log(name)),
            )
            for name, record in self._book.state.tasks.items()
        }
        return RunResult(
            workflow=self._plan.workflow.name,
            run_dir=str(self._folder.root),
            status=status,
            up_to_date=len(self._book.up_to_date) == len(tasks),
            seconds=round(seconds, 3),
            tasks=tasks,
        )


def _open(checked: Checked, folder: RunFolder) -> RunState:
    """The state to go on from: what is done stays, the rest waits again."""
    old = folder.read()
    if old is not None and old.status is Status.RUNNING:  # its engine was killed
        end_orphans(old.uuid)
    tasks = {}
    for task in checked.workflow.all_tasks():
        record = old.tasks.get(task.name, TaskRecord()) if old else TaskRecord()
        waiting = {} if record.result else {"status": Status.WAITING, "reason": "", "exit_code": None}
        tasks[task.name] = record.model_copy(update={"attempt": 0, **waiting})
    return RunState(
        workflow=checked.workflow.name,
        file=str(checked.path),
        uuid=old.uuid if old else new_word(),
        status=Status.RUNNING,
        tasks=tasks,
    )


def _upload_outputs(places: Places) -> None:
    for output in places.task.outputs:
        upload(places.output, output.regex, places.fill_tokens(output.url))


def _on_signals(stop: Callable[[], None]) -> Callable[[], None]:
    """Call `stop` on Ctrl-C and on a request to end; returns how to undo that."""
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    loop = asyncio.get_running_loop()
    numbers = [
        number
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN  # nohup and background jobs ignore some
    ]
    for number in numbers:
        loop.add_signal_handler(number, stop)

    def restore() -> None:
        for number in numbers:
            loop.remove_signal_handler(number)

    return restore
