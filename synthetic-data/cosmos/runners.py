"""Who makes the videos: a program of the project in its own container, or a NIM endpoint."""

import base64
import os
import shlex
import subprocess
from pathlib import Path
from typing import NamedTuple, Protocol

import httpx

from ..errors import CosmosSetupError
from .schema import CONTROLS, CosmosModel

COMMAND, MULTIVIEW, ENDPOINT, TOKEN = "COSMOS_COMMAND", "COSMOS_MULTIVIEW_COMMAND", "COSMOS_URL", "COSMOS_TOKEN"
TIMEOUT_S = 3600.0
TAIL = 300  # characters of what a program said that go into a reason


class Task(NamedTuple):
    """One run of a program."""

    spec: CosmosModel
    path: Path
    """Where the specification lies, beside the files that it names."""
    videos: tuple[str, ...]
    """Files that the program writes into its folder."""
    options: tuple[str, ...] = ()
    """What its command line has further."""


class Runner(Protocol):
    """Something that turns a specification and its files into videos."""

    def run(self, task: Task) -> list[bytes] | str:
        """The MP4s in the task's order, or name and reason of the failure."""


class CommandRunner:
    """Runs a program of the project: `COMMAND -i spec.json -o out`, e.g. `python examples/inference.py`."""

    def __init__(self, variable: str, command: str) -> None:
        self._variable = variable
        try:
            self._command = shlex.split(command)
        except ValueError as error:
            raise CosmosSetupError(f"{variable}: {command!r} is no command line ({error})") from error

    def run(self, task: Task) -> list[bytes] | str:
        """Run it on one specification."""
        out = task.path.parent / "out"
        arguments = [*self._command, "-i", str(task.path), "-o", str(out), *task.options]
        try:
            done = subprocess.run(arguments, capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S)
        except FileNotFoundError as error:
            raise CosmosSetupError(f"{self._variable}: {error}") from error
        except subprocess.TimeoutExpired:
            return f"timeout: no video after {TIMEOUT_S:.0f} s"
        said = " ".join((done.stderr or done.stdout).split())[-TAIL:]
        if done.returncode != 0:
            return f"exit: the program ended with {done.returncode}: {said}"
        for name in task.videos:
            if not (out / name).exists():
                return f"nothing: the program wrote no {name}: {said}"
        return [(out / name).read_bytes() for name in task.videos]


class NimRunner:
    """Asks a NIM for one video: `POST /v1/infer`, files in the specification as base64, answered by `b64_video`.

    Source of the path: https://docs.nvidia.com/nim/cosmos/latest/api-reference.html. The fields are those of the
    project's own specification; no NIM of Transfer2.5 was at hand to compare them with.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def run(self, task: Task) -> list[bytes] | str:
        """Ask for one specification."""
        body = self._with_files(task.spec.model_dump(exclude_none=True), task.path.parent)
        token = os.environ.get(TOKEN)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            answer = httpx.post(f"{self._url}/v1/infer", json=body, headers=headers, timeout=TIMEOUT_S)
            answer.raise_for_status()
            return [base64.b64decode(answer.json()["b64_video"], validate=True)]
        except httpx.ConnectError as error:
            raise CosmosSetupError(f"{ENDPOINT}: {self._url} cannot be reached ({error})") from error
        except httpx.HTTPError as error:
            return f"endpoint: {type(error).__name__}: {error}"
        except (ValueError, KeyError, TypeError) as error:
            return f"endpoint: answered without a video ({type(error).__name__})"

    @staticmethod
    def _with_files(body: dict[str, object], folder: Path) -> dict[str, object]:
        def read(name: object) -> str:
            return base64.b64encode((folder / str(name)).read_bytes()).decode()

        filled: dict[str, object] = {}
        for key, value in body.items():
            if key in CONTROLS and isinstance(value, dict):
                filled[key] = {k: read(v) if k in ("control_path", "mask_path") else v for k, v in value.items()}
            else:
                filled[key] = read(value) if key in ("video_path", "guided_generation_mask") else value
        return filled
