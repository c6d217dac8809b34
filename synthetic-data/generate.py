"""Makes the clips of a plan, each whole or not at all; a run that was stopped goes on where it was."""

import io
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from physai.infrastructure.aside import empty, whole_folder, write_whole
from physai.infrastructure.contracts import Clip, Contract, Digest, Generation, GenerationPlan, digest_file
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.datasets.video import encode

from .backend import Backend, Made, Request
from .errors import DamagedPlanError, OtherDatasetError

CLIP = "clip.json"
TRUTH = "truth"
"""Arrays of what the renderer knows, beside the videos of the controls."""
NAME = re.compile(r"[\w-]+")
"""Of a clip, and so of its folder, which is emptied before the clip is written."""

type Progress = Callable[[int, int], None]
"""Told (done, in all)."""


def unwatched(done: int, total: int) -> None:
    """Nobody is told."""


class GenerateReport(Contract):
    """What is in the folder now."""

    folder: str
    clips: int
    made: int
    """By this call; 0 if all were there."""
    failed: dict[str, str]
    """Clip → name and reason of its failure."""
    seconds: float


def generate(
    plan: GenerationPlan, root: Path, folder: Path, backend: Backend, *, progress: Progress = unwatched
) -> GenerateReport:
    """Make the clips that the folder lacks, or has from another request or model; one that failed is tried again.

    Args:
        plan: What to make.
        root: The dataset it was planned from.
        folder: Where to; one folder per clip.
        backend: What makes them.
        progress: Told (clips there, clips in all).

    Raises:
        OtherDatasetError: If `root` is not the dataset of the plan.
    """
    began = time.monotonic()
    dataset = planned_dataset(plan, root)
    missing = [asked for asked in plan.generations if not _is_there(plan, folder, asked, backend)]
    there = len(plan.generations) - len(missing)
    progress(there, len(plan.generations))
    by_id = {generation.id: generation for generation in missing}
    failed: dict[str, str] = {}
    clock = time.monotonic()
    requests = [Request(generation, plan, dataset) for generation in missing]
    for done, made in enumerate(_checked(backend.generate(requests), dataset, by_id), start=there + 1):
        now = time.monotonic()
        _write(folder / made.id, by_id[made.id], plan, backend, made, now - clock)
        clock = now
        if made.failure:
            failed[made.id] = made.failure
        progress(done, len(plan.generations))
    return GenerateReport(
        folder=str(folder),
        clips=len(plan.generations),
        made=len(missing) - len(failed),
        failed=failed,
        seconds=round(time.monotonic() - began, 3),
    )


def planned_dataset(plan: GenerationPlan, root: Path) -> Dataset:
    """The dataset of a plan.

    Raises:
        OtherDatasetError: If `root` is another one.
        DamagedPlanError: If a camera is not there, nor the episode of a clip, or a clip's name is none of a folder.
    """
    dataset = Dataset(root)
    found = dataset.verify()
    if found != plan.dataset:
        raise OtherDatasetError(root, found, plan.dataset)
    for camera in plan.cameras:
        if camera not in dataset.info.cameras:
            raise DamagedPlanError(f"camera '{camera}'", f"the dataset has {', '.join(dataset.info.cameras)}")
    for generation in plan.generations:
        clip = f"clip '{generation.id}'"
        if not NAME.fullmatch(generation.id):
            raise DamagedPlanError(clip, "its name cannot be that of a folder")
        if not 0 <= generation.episode < dataset.num_episodes:
            raise DamagedPlanError(clip, f"the dataset has no episode {generation.episode}")
    return dataset


def made_clip(plan: GenerationPlan, folder: Path, generation: Generation) -> Clip | None:
    """The clip that this plan asks for, if the folder holds it whole."""
    try:
        clip = Clip.model_validate_json((folder / generation.id / CLIP).read_bytes())
    except (OSError, ValidationError):
        return None
    if clip.failure or clip.generation != generation or clip.request != plan.request(generation):
        return None
    whole = all(path.exists() and digest_file(path) == digest for path, digest in files(clip, folder).items())
    return clip if whole else None


def _is_there(plan: GenerationPlan, folder: Path, generation: Generation, backend: Backend) -> bool:
    clip = made_clip(plan, folder, generation)
    return clip is not None and clip.model_digest == backend.digest


def files(clip: Clip, folder: Path) -> dict[Path, Digest]:
    """Everything that lies beside a clip's record."""
    found = {video_path(folder, clip.generation.id, camera): digest for camera, digest in clip.videos.items()}
    for camera, controls in clip.controls.items():
        for control, digest in controls.items():
            found[control_path(folder, clip.generation.id, camera, control)] = digest
    return found


def video_path(folder: Path, clip: str, camera: str) -> Path:
    """MP4 of a camera of a clip."""
    return folder / clip / f"{camera}.mp4"


def control_path(folder: Path, clip: str, camera: str, control: str) -> Path:
    """MP4 of a control of a camera of a clip; its arrays if it is `truth`."""
    return folder / clip / f"{camera}.{control}.{'npz' if control == TRUTH else 'mp4'}"


def _checked(delivered: Iterator[Made], dataset: Dataset, asked: dict[str, Generation]) -> Iterator[Made]:
    """What the backend delivers, and for whatever it leaves out or gets wrong, a failure by name."""
    waiting = dict(asked)
    for made in delivered:
        generation = waiting.pop(made.id, None)
        if generation is None:
            continue
        yield made if made.failure else made._replace(failure=_fault(made, dataset, generation))
    for name in waiting:
        yield Made(name, {}, {}, "nothing: the backend delivered no clip")


def _fault(made: Made, dataset: Dataset, generation: Generation) -> str:
    for camera, feature in dataset.info.cameras.items():
        frames = made.frames.get(camera)
        if frames is None:
            return f"nothing: no video of {camera}"
        if len(frames) < generation.rows:
            return f"too-few-frames: {len(frames)} of {generation.rows} of {camera}"
        if len(frames) > generation.rows:
            return f"too-many-frames: {len(frames)} instead of {generation.rows} of {camera}"
        if frames.shape[1:] != feature.shape:
            return f"wrong-size: {frames.shape[1:]} instead of {feature.shape} of {camera}"
        for control, pictures in made.controls.get(camera, {}).items():
            if len(pictures) != generation.rows:
                return f"control: {len(pictures)} frames of {control} instead of {generation.rows} of {camera}"
    return ""


def _write(
    target: Path, generation: Generation, plan: GenerationPlan, backend: Backend, made: Made, seconds: float
) -> None:
    target.mkdir(parents=True, exist_ok=True)
    empty(target)
    with whole_folder(target) as part:
        videos: dict[str, Digest] = {}
        controls: dict[str, dict[str, Digest]] = {}
        for camera, frames in made.frames.items() if not made.failure else ():
            path = write_whole(part / f"{camera}.mp4", encode(frames, plan.fps).getvalue())
            videos[camera] = digest_file(path)
            controls[camera] = _write_controls(part, camera, plan.fps, made)
        Clip(
            request=plan.request(generation),
            generation=generation,
            dataset=plan.dataset,
            backend=backend.name,
            model=backend.model,
            model_digest=backend.digest,
            videos=videos,
            views=dict(made.views),
            controls={camera: digests for camera, digests in controls.items() if digests},
            measured={name: round(value, 6) for name, value in made.measured.items()},
            failure=made.failure,
            seconds=round(seconds, 3),
        ).write(part / CLIP)


def _write_controls(part: Path, camera: str, fps: int, made: Made) -> dict[str, Digest]:
    digests = {}
    for control, frames in made.controls.get(camera, {}).items():
        path = write_whole(part / f"{camera}.{control}.mp4", encode(frames, fps).getvalue())
        digests[control] = digest_file(path)
    if camera in made.truth:
        arrays = io.BytesIO()
        np.savez_compressed(arrays, allow_pickle=False, **made.truth[camera])
        digests[TRUTH] = digest_file(write_whole(part / f"{camera}.{TRUTH}.npz", arrays.getvalue()))
    return digests
