"""One start of one task: its process, its log, its checkpoints."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from ..errors import PhysaiError
from .launch import prepare
from .plan import Share
from .process import GRACE_S, Child, Guard
from .spec import Checkpoint
from .tokens import Places
from .transfer import upload
from .watch import Limits, Usage


@dataclass
class Member:
    """A running task."""

    places: Places
    child: Child
    over: "asyncio.Task[int]"
    """Becomes its exit code."""
    log: IO[bytes]
    started: float
    checkpoints: list["asyncio.Task[None]"]
    usage: Usage
    watching: "asyncio.Task[None]"

    @classmethod
    async def start(
        cls,
        places: Places,
        share: Share,
        gpus: tuple[str, ...],
        log: Path,
        guard: Guard,
        attempt: int,
        limits: Limits,
    ) -> "Member":
        """Start a task.

        Raises:
            OSError: If its command cannot be started, or its files cannot be written.
        """
        launch = prepare(places, share, gpus)
        log.parent.mkdir(parents=True, exist_ok=True)
        file = log.open("ab")
        try:
            if file.tell():
                file.write(f"\n=== attempt {attempt}, {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC ===\n".encode())
                file.flush()
            child = await Child.start(launch.command, cwd=launch.cwd, env=launch.env, log=file, guard=guard)
        except BaseException:
            file.close()
            raise
        checkpoints = [asyncio.create_task(_keep_uploading(places, each, file)) for each in places.task.checkpoint]
        usage = Usage(child.pid, share.memory_bytes, log, limits)
        watching = asyncio.create_task(_end_what_takes_too_much(usage, child))
        over = asyncio.create_task(child.wait())
        return cls(places, child, over, file, time.monotonic(), checkpoints, usage, watching)

    @property
    def seconds(self) -> float:
        """Since it started."""
        return round(time.monotonic() - self.started, 3)

    async def stop(self) -> None:
        """Ask it to end, wait a little, then end it."""
        self.child.request_end()
        done, _ = await asyncio.wait([self.over], timeout=GRACE_S)
        if not done:
            self.child.kill()
            await asyncio.wait([self.over])
        await self.close()

    async def close(self) -> str:
        """After its end: upload checkpoints once more, close the log.

        Returns:
            Why a checkpoint could not be uploaded; empty if all were.
        """
        for task in (*self.checkpoints, self.watching):
            task.cancel()
        await asyncio.gather(*self.checkpoints, self.watching, return_exceptions=True)
        error = ""
        for each in self.places.task.checkpoint:
            error = error or await _checkpoint(self.places, each)
        self.log.close()
        return error


async def _end_what_takes_too_much(usage: Usage, child: Child) -> None:
    await usage.watch()
    child.kill()


async def _keep_uploading(places: Places, checkpoint: Checkpoint, log: IO[bytes]) -> None:
    """Upload again and again, as long as nobody cancels; what fails is tried again the next time."""
    while True:
        await asyncio.sleep(checkpoint.frequency)
        if error := await _checkpoint(places, checkpoint):
            log.write(f"checkpoint not uploaded: {error}\n".encode())
            log.flush()


async def _checkpoint(places: Places, checkpoint: Checkpoint) -> str:
    folder = places.work / places.fill(checkpoint.path)
    try:
        if folder.is_dir():
            await asyncio.to_thread(upload, folder, checkpoint.regex, places.fill_tokens(checkpoint.url))
    except (PhysaiError, OSError) as error:
        return str(error)
    return ""
