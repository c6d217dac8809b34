"""A folder that is written aside and appears whole, or not at all."""

import fcntl
import os
import shutil
from pathlib import Path

from .errors import BusyError, ExistsError


class Aside:
    """The hidden `.<name>.part` beside a folder, locked by its writer."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root.with_name(f".{root.name}.part")
        self._lock = -1

    def open(self) -> None:
        """Make the folder, empty; what a killed writer left there is swept.

        Raises:
            ExistsError: If something is at `root` already.
            BusyError: If another process is writing it.
        """
        if self.root.exists() and (not self.root.is_dir() or any(self.root.iterdir())):
            raise ExistsError(self.root)
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise BusyError(self.root) from None
        for left in self.path.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()

    def commit(self) -> None:
        """Let the folder appear."""
        self.path.rename(self.root)

    def close(self) -> None:
        """Remove what was not committed, and let others write."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)
