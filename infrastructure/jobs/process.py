"""Processes of tasks: each leads a group of its own, and no group outlives its task or its engine."""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import psutil

GRACE_S = 10.0  # between the request to end and the end
MARK = "JOBS_TASK"  # environment variable `<uuid of the run>/<task>`: names the owner of any process
GUARD = Path(__file__).with_name("guard.py")


class Guard:
    """Tells the guard process which groups are alive."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._groups: dict[str, int] = {}

    def open(self) -> int:
        """File descriptor on which a process announces its group before it begins."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(GUARD)], stdin=subprocess.PIPE, start_new_session=True, bufsize=0
            )
            for word, group in self._groups.items():  # somebody has ended the one before
                self._tell(f"+{word} {group}")
        assert self._process.stdin is not None
        return self._process.stdin.fileno()

    def began(self, word: str, group: int) -> None:
        """A task started, and has announced itself."""
        self._groups[word] = group

    def ended(self, word: str) -> None:
        """A task and all it started are gone, or it never began."""
        self._groups.pop(word, None)
        self._tell(f"-{word}")

    def close(self) -> None:
        """Nothing more will start."""
        if self._process and self._process.stdin:
            self._process.stdin.close()
            self._process.wait()
            self._process = None

    def _tell(self, line: str) -> None:
        os.write(self.open(), f"{line}\n".encode())


class Child:
    """The running process of one task."""

    def __init__(self, process: asyncio.subprocess.Process, guard: Guard, word: str) -> None:
        self._process = process
        self._guard = guard
        self._word = word

    @classmethod
    async def start(
        cls, command: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: IO[bytes], guard: Guard
    ) -> "Child":
        """Start a command as the leader of a new process group.

        Raises:
            OSError: If it cannot be started.
        """
        word, guard_fd = secrets.token_hex(8), guard.open()

        def announce() -> None:
            """By the new process itself, so that there is no moment at which it runs unguarded."""
            os.write(guard_fd, f"+{word} {os.getpid()}\n".encode())

        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=announce,
            )
        except BaseException:
            guard.ended(word)
            raise
        guard.began(word, process.pid)
        return cls(process, guard, word)

    @property
    def pid(self) -> int:
        """Its process, and its group."""
        return self._process.pid

    async def wait(self) -> int:
        """Its exit code, as a container would give it: 128 + signal if a signal ended it."""
        code = await self._process.wait()
        _kill_group(self._process.pid, signal.SIGKILL)  # what it left in the background goes with it
        self._guard.ended(self._word)
        return code if code >= 0 else 128 - code

    def request_end(self) -> None:
        """Ask the whole group to end."""
        if self._process.returncode is None:
            _kill_group(self._process.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End the whole group now."""
        if self._process.returncode is None:
            _kill_group(self._process.pid, signal.SIGKILL)


def _kill_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS answers EPERM for a group of zombies
        return


def end_orphans(uuid: str) -> int:
    """Kill what an engine that was killed left running, wherever it moved.

    Args:
        uuid: Of the run; processes are known by their environment.

    Returns:
        How many there were.
    """
    orphans = [process for process in psutil.process_iter() if _owner(process).startswith(f"{uuid}/")]
    for process in orphans:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(orphans, timeout=GRACE_S)
    return len(orphans)


def _owner(process: psutil.Process) -> str:
    try:
        return str(process.environ().get(MARK, "")) if process.pid != os.getpid() else ""
    except (psutil.Error, OSError):  # another user's, or gone
        return ""
