"""The backend `cosmos`: Cosmos-Transfer2.5 as its own program in its own container, or behind a NIM endpoint."""

import base64
import io
import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import av
import cv2
import httpx
import numpy as np

from physai.infrastructure.contracts import Digest, digest_bytes, digest_file

from ..backend import Frames, Made, Request
from ..cost import models
from ..errors import CosmosSetupError
from .controls import write_inputs
from .schema import CONTROLS, TransferSpec
from .start import starts

COMMAND, ENDPOINT, TOKEN, WEIGHTS = (
    "COSMOS_COMMAND",
    "COSMOS_URL",
    "COSMOS_TOKEN",
    "COSMOS_CHECKPOINT",
)
TIMEOUT_S = 3600.0
TAIL = 300  # characters of what a program said that go into a reason


class Runner(Protocol):
    """Something that turns a specification and its files into a video."""

    def run(self, spec: TransferSpec, folder: Path) -> bytes | str:
        """The MP4, or name and reason of the failure."""


class CommandRunner:
    """Runs the project's program: `COMMAND -i spec.json -o out`, e.g. `python examples/inference.py`."""

    def __init__(self, command: str) -> None:
        self._command = shlex.split(command)

    def run(self, spec: TransferSpec, folder: Path) -> bytes | str:
        """Run it on one specification."""
        out = folder / "out"
        arguments = [*self._command, "-i", str(folder / "spec.json"), "-o", str(out)]
        try:
            done = subprocess.run(arguments, capture_output=True, text=True, timeout=TIMEOUT_S)
        except FileNotFoundError as error:
            raise CosmosSetupError(f"{COMMAND}: {error}") from error
        except subprocess.TimeoutExpired:
            return f"timeout: no video after {TIMEOUT_S:.0f} s"
        said = " ".join((done.stderr or done.stdout).split())[-TAIL:]
        if done.returncode != 0:
            return f"exit: the program ended with {done.returncode}: {said}"
        video = out / f"{spec.name}.mp4"
        return video.read_bytes() if video.exists() else f"nothing: the program wrote no {video.name}: {said}"


class NimRunner:
    """Asks a NIM: `POST /v1/infer` with a specification in which files are base64, answered by `b64_video`.

    Source of the path: https://docs.nvidia.com/nim/cosmos/latest/api-reference.html. The fields are those of the
    project's own specification; no NIM of Transfer2.5 was at hand to compare them with.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def run(self, spec: TransferSpec, folder: Path) -> bytes | str:
        """Ask for one specification."""
        body = self._with_files(spec.model_dump(exclude_none=True), folder)
        token = os.environ.get(TOKEN)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            answer = httpx.post(f"{self._url}/v1/infer", json=body, headers=headers, timeout=TIMEOUT_S)
            answer.raise_for_status()
            return base64.b64decode(answer.json()["b64_video"], validate=True)
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


class CosmosBackend:
    """Cosmos-Transfer2.5, one camera at a time."""

    name = "cosmos"
    model = "nvidia/Cosmos-Transfer2.5-2B"

    def __init__(self, runner: Runner, digest: Digest) -> None:
        self._runner = runner
        self.digest = digest

    def generate(self, requests: Sequence[Request]) -> Iterator[Made]:
        """Write the inputs of each request, and let the runner make its videos."""
        for request, start in starts(requests):
            if start and start.failure:
                yield start
                continue
            with TemporaryDirectory() as scratch:
                yield self._one(request, start, Path(scratch))

    def _one(self, request: Request, start: Made | None, scratch: Path) -> Made:
        frames: dict[str, Frames] = {}
        for camera in request.plan.cameras:
            folder = scratch / camera
            folder.mkdir()
            made = self._runner.run(write_inputs(request, camera, folder, start), folder)
            pictures = made if isinstance(made, str) else read_video(made, request.size(camera))
            if isinstance(pictures, str):
                return Made(request.generation.id, {}, {}, pictures)
            frames[camera] = pictures
        if start is None:
            return Made(request.generation.id, frames, dict(request.scene.views))
        return start._replace(frames=frames)


def read_video(content: bytes, size: tuple[int, int]) -> Frames | str:
    """Frames of an MP4 in the dataset's size, or name and reason of the failure."""
    try:
        with av.open(io.BytesIO(content), "r") as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    except (av.FFmpegError, IndexError) as error:
        return f"garbage: what came is no video ({type(error).__name__})"
    if not frames:
        return "nothing: the video has no frames"
    return np.stack([cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA) for frame in frames]).astype(np.uint8)


def open_transfer(environ: Mapping[str, str] | None = None) -> CosmosBackend:
    """The backend that the environment describes.

    Raises:
        CosmosSetupError: If it names neither a program nor an endpoint.
    """
    environ = os.environ if environ is None else environ
    info = models().models["transfer2.5"]
    weights = environ.get(WEIGHTS)
    digest = digest_file(Path(weights)) if weights else digest_bytes(f"{info.repository}@{info.commit}".encode())
    if environ.get(ENDPOINT):
        return CosmosBackend(NimRunner(environ[ENDPOINT]), digest)
    if environ.get(COMMAND):
        return CosmosBackend(CommandRunner(environ[COMMAND]), digest)
    raise CosmosSetupError(f"neither {COMMAND} nor {ENDPOINT} is set")
