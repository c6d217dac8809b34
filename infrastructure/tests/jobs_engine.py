"""Starts `physai jobs run` as a process that tests can kill."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from physai.infrastructure.jobs.process import MARK


class EngineProcess:
    """One `physai jobs run` in a process of its own."""

    def __init__(self, file: Path, run_dir: Path, *options: str) -> None:
        self.run_dir = run_dir
        environ = {**os.environ, "PHYSAI_HOME": str(run_dir.parent / "home")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", MAIN, "jobs", "run", str(file), "--run-dir", str(run_dir), *options],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=listen,
        )

    def end(self) -> tuple[int, str, str]:
        """Wait; exit code, stdout, stderr."""
        try:
            out, err = self.process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()  # its guard ends the tasks
            self.process.wait()
            raise
        return self.process.returncode, out, err

    def kill(self) -> None:
        """Kill it as the kernel does when memory is short: nothing of its own runs any more."""
        self.process.send_signal(signal.SIGKILL)
        self.end()


def listen() -> None:
    """Hear the signals that a test run in the background was started to ignore."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


MAIN = "from physai.infrastructure.cli import main; main()"


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that must come."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, f"never happened: {what}"
        time.sleep(0.01)


def processes_of(run_dir: Path) -> list[psutil.Process]:
    """Everything that belongs to tasks of a run."""
    found = []
    for process in psutil.process_iter():
        try:
            if MARK in process.environ() and str(run_dir) in " ".join([*process.cmdline(), process.cwd()]):
                found.append(process)
        except psutil.Error:
            continue
    return found
