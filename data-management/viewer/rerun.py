"""An episode in Rerun, by LeRobot's own visualiser, where it is installed: `pip install 'lerobot[viz]'`."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from .errors import ViewerError

PROGRAM = "lerobot-dataset-viz"
WEB_PORT, GRPC_PORT = 9090, 9876


class NoRerunError(ViewerError):
    """LeRobot's visualiser is not installed."""

    def __init__(self) -> None:
        super().__init__("Rerun is not installed here. Install it with `pip install 'lerobot[viz]'`.")


def is_installed() -> bool:
    """Whether LeRobot's visualiser and Rerun are on this machine."""
    return bool(_program()) and importlib.util.find_spec("rerun") is not None


class Rerun:
    """The one visualiser that runs at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def open(self, root: Path, episode: int) -> str:
        """Serve an episode on loopback, in the place of the one before.

        Returns:
            The address of Rerun's web viewer.

        Raises:
            NoRerunError: If it is not installed.
        """
        program = _program()
        if program is None or not is_installed():
            raise NoRerunError
        self.close()
        options = [f"--repo-id=local/{root.name}", f"--root={root}", f"--episode-index={episode}", "--mode=distant"]
        options += [f"--web-port={WEB_PORT}", f"--grpc-port={GRPC_PORT}", "--num-workers=0"]
        self._process = subprocess.Popen([program, *options], stdin=subprocess.DEVNULL)
        source = quote(f"rerun+http://127.0.0.1:{GRPC_PORT}/proxy", safe="")
        return f"http://127.0.0.1:{WEB_PORT}/?url={source}"

    def close(self) -> None:
        """End the visualiser, if one runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=10)


def _program() -> str | None:
    beside = Path(sys.executable).with_name(PROGRAM)
    return str(beside) if beside.exists() else shutil.which(PROGRAM)
