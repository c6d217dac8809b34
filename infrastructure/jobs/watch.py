"""What a running task takes of the machine: its memory, and the room of its log."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

import psutil

PERIOD_S = 1.0
LOG_BYTES = 256 * 2**20
KEPT_BYTES = 2**20
"""Of a log that grew too large, its end."""


@dataclass(frozen=True)
class Limits:
    """What is done about tasks that take too much."""

    memory: bool = False
    """Whether a task is ended that takes more memory than it asks for, as a cluster does. Else it is only told."""
    log_bytes: int = LOG_BYTES


@dataclass
class Usage:
    """What one task takes."""

    pid: int
    memory_bytes: int
    """What it asks for; 0 if it does not say."""
    log: Path
    limits: Limits
    peak_bytes: int = 0
    ended: bool = False
    """Whether it has taken too much and is to be ended."""

    @property
    def too_much(self) -> bool:
        """Whether it has taken more memory than it asks for."""
        return 0 < self.memory_bytes < self.peak_bytes

    def sentence(self) -> str:
        """`used 2.3 Gi of memory and asks for 2.0 Gi`."""
        used, asked = (f"{size / 2**30:.2f} Gi" for size in (self.peak_bytes, self.memory_bytes))
        return f"used {used} of memory and asks for {asked}"

    async def watch(self) -> None:
        """Look until the task has ended, or has taken too much."""
        while not self.ended:
            await asyncio.sleep(PERIOD_S)
            self.look()

    def look(self) -> None:
        """Measure once."""
        self.peak_bytes = max(self.peak_bytes, memory_of(self.pid))
        self.ended = self.limits.memory and self.too_much
        shorten(self.log, self.limits.log_bytes)


def memory_of(pid: int) -> int:
    """Bytes of memory of a process and all it started; pages that several share are counted once, where Linux tells."""
    try:
        leader = psutil.Process(pid)
        processes = [leader, *leader.children(recursive=True)]
    except psutil.Error:
        return 0
    total = 0
    for process in processes:
        try:
            info = process.memory_full_info()
            total += getattr(info, "pss", info.rss)
        except psutil.Error:  # it ended between two looks, or is another user's
            continue
    return total


def shorten(log: Path, most_bytes: int) -> None:
    """Keep the end of a log that has grown too large. Its writer appends, so that it goes on behind that."""
    try:
        size = log.stat().st_size
        if size <= most_bytes:
            return
        with log.open("r+b") as file:
            file.seek(-min(KEPT_BYTES, size), os.SEEK_END)
            end = file.read()
            file.truncate(0)
            file.seek(0)
            file.write(
                f"=== {size - len(end)} bytes left out: a log is at most {most_bytes} bytes ===\n".encode() + end
            )
    except FileNotFoundError:
        return
