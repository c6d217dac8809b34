"""The backend `cosmos`: Cosmos-Transfer2.5, camera by camera or all cameras in one generation."""

import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import cv2
import numpy as np

from physai.infrastructure.contracts import Digest, Variations, digest_bytes, digest_file

from ..backend import Frames, Made, Request
from ..cost import models
from ..errors import CosmosSetupError
from .controls import write_inputs
from .multiview import view_cameras, write_views
from .runners import COMMAND, ENDPOINT, MULTIVIEW, CommandRunner, NimRunner, Runner, Task
from .start import starts

WEIGHTS = "COSMOS_CHECKPOINT"
MODEL = "nvidia/Cosmos-Transfer2.5-2B"

type Filmed = dict[str, Frames] | str
"""Camera → frames, or name and reason of the failure."""
type Film = Callable[[Runner, Request, Made | None, Path], Filmed]
"""Has a runner make the videos of a request; the folder is empty, and for its inputs."""


class CosmosBackend:
    """Cosmos-Transfer2.5."""

    name = "cosmos"

    def __init__(self, runner: Runner, digest: Digest, *, model: str = MODEL, film: Film | None = None) -> None:
        self._runner, self._film = runner, film or camera_by_camera
        self.model, self.digest = model, digest

    def generate(self, requests: Sequence[Request]) -> Iterator[Made]:
        """Write the inputs of each request, and let the runner make its videos."""
        for request, start in starts(requests):
            if start and start.failure:
                yield start
                continue
            with TemporaryDirectory() as scratch:
                frames = self._film(self._runner, request, start, Path(scratch))
            if isinstance(frames, str):
                yield Made(request.generation.id, {}, {}, frames)
            elif start:
                yield start._replace(frames=frames)
            else:
                yield Made(request.generation.id, frames, dict(request.scene.views))


def camera_by_camera(runner: Runner, request: Request, start: Made | None, folder: Path) -> Filmed:
    """One run for each camera, with the same prompt and seed."""
    frames: dict[str, Frames] = {}
    for camera in request.plan.cameras:
        place = folder / camera
        place.mkdir()
        spec = write_inputs(request, camera, place, start)
        made = runner.run(Task(spec, place / "spec.json", (f"{spec.name}.mp4",)))
        pictures = made if isinstance(made, str) else read_video(made[0], request.size(camera))
        if isinstance(pictures, str):
            return pictures
        frames[camera] = pictures
    return frames


def all_cameras(runner: Runner, request: Request, start: Made | None, folder: Path) -> Filmed:
    """One run for all cameras, by robot multi-view.

    It repeats the last frame of a short input until a chunk is full; what is beyond the episode's last row is cut off.
    """
    ((path, spec),) = write_views(request, folder, start)
    (control,) = request.generation.variation.controls
    views = view_cameras(request.plan.cameras)
    videos = tuple(f"{spec.name}_{view}.mp4" for view in views)
    made = runner.run(Task(spec, path, videos, ("--input-root", str(folder), "--control-type", control)))
    if isinstance(made, str):
        return made
    frames: dict[str, Frames] = {}
    for camera, video in zip(views.values(), made, strict=True):
        pictures = read_video(video, request.size(camera))
        if isinstance(pictures, str):
            return pictures
        frames[camera] = pictures[: request.generation.rows]
    return frames


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


def open_transfer(variations: Variations, environ: Mapping[str, str] | None = None) -> CosmosBackend:
    """The backend that the variation file asks for and the environment describes.

    Raises:
        CosmosSetupError: If the environment names neither a program nor an endpoint for it, or weights that are none.
    """
    environ = os.environ if environ is None else environ
    digest = _digest(variations, environ.get(WEIGHTS))
    if variations.views == "together":
        if command := environ.get(MULTIVIEW):
            (control,) = variations.controls
            model = f"{MODEL}/robot/multiview-agibot-{control}"
            return CosmosBackend(CommandRunner(MULTIVIEW, command), digest, model=model, film=all_cameras)
        raise CosmosSetupError(f"{MULTIVIEW} is not set, and `views: together` needs it")
    if url := environ.get(ENDPOINT):
        return CosmosBackend(NimRunner(url), digest)
    if command := environ.get(COMMAND):
        return CosmosBackend(CommandRunner(COMMAND, command), digest)
    raise CosmosSetupError(f"neither {COMMAND} nor {ENDPOINT} is set")


def _digest(variations: Variations, weights: str | None) -> Digest:
    """Of the weights, or of the project's commit; and of the simulator, if its clips are what Cosmos starts from."""
    if weights and not Path(weights).is_file():
        raise CosmosSetupError(f"{WEIGHTS}: {weights} is no file", "Give the file of the weights, or leave it unset.")
    info = models().models["transfer2.5"]
    digest = digest_file(Path(weights)) if weights else digest_bytes(f"{info.repository}@{info.commit}".encode())
    if variations.start_from == "recorded":
        return digest
    from ..simulation import SimulationBackend

    return digest_bytes(f"{digest} {SimulationBackend().digest}".encode())
