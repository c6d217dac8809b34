"""Inputs of Cosmos-Predict2.5: what happens next, from how recorded episodes begin.

What it predicts has no recorded actions, so it is for people and for world-model evaluation, and never becomes data.
"""

from pathlib import Path
from typing import Literal

import av

from physai.infrastructure.aside import whole_folder
from physai.infrastructure.contracts import Generation, GenerationPlan
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.video import write_video

from ..errors import ShortEpisodeError
from ..generate import planned_dataset
from .inputs import Inputs
from .schema import PredictSample

BEGIN = 5
"""Frames that `video2world` goes on from: two latent ones. Source: cosmos-predict2.5,
`cosmos_predict2/_src/predict2/inference/video2world.py`, which takes the last 4 (n - 1) + 1 frames of its input."""

type Begun = Literal["image2world", "video2world"]


def image2world_inputs(plan: GenerationPlan, root: Path, folder: Path) -> Inputs:
    """Write `image2world.jsonl` and, for every generation and camera of the plan, the first frame."""
    return _write(plan, root, folder, "image2world")


def video2world_inputs(plan: GenerationPlan, root: Path, folder: Path) -> Inputs:
    """Write `video2world.jsonl` and, for every generation and camera of the plan, the first five frames.

    Raises:
        ShortEpisodeError: If an episode has no five frames.
    """
    return _write(plan, root, folder, "video2world")


def _write(plan: GenerationPlan, root: Path, folder: Path, begun: Begun) -> Inputs:
    dataset = planned_dataset(plan, root)
    spec = f"{begun}.jsonl"
    with whole_folder(folder) as part:
        samples = [
            _sample(dataset, generation, camera, part, begun)
            for generation in plan.generations
            for camera in plan.cameras
        ]
        (part / spec).write_text("".join(f"{sample.model_dump_json(exclude_none=True)}\n" for sample in samples))
    return Inputs(folder=str(folder), model=f"predict2.5 {begun}", specs=(spec,))


def _sample(dataset: Dataset, generation: Generation, camera: str, folder: Path, begun: Begun) -> PredictSample:
    name = f"{generation.id}_{camera.rpartition('.')[2]}"
    frames = dataset.frames(generation.episode, camera)[:BEGIN]
    if begun == "image2world":
        given = f"{name}.png"
        av.VideoFrame.from_ndarray(frames[0], format="rgb24").save(str(folder / given))
    else:
        if len(frames) < BEGIN:
            raise ShortEpisodeError(generation.id, len(frames), BEGIN)
        given = f"{name}_begin.mp4"
        write_video(folder / given, frames, dataset.fps)
    return PredictSample(
        inference_type=begun,
        name=name,
        prompt=generation.variation.prompt,
        input_path=given,
        seed=generation.seed,
    )
