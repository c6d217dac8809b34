"""Inputs of Cosmos-Predict2.5: what happens next, from the first frame of recorded episodes.

What it predicts has no recorded actions, so it is for people and for world-model evaluation, and never becomes data.
"""

from pathlib import Path

import av

from physai.infrastructure.aside import whole_folder
from physai.infrastructure.contracts import Contract, GenerationPlan

from ..backend import Request
from ..generate import planned_dataset
from .controls import write_inputs
from .schema import PredictSample, PredictSpec


class Inputs(Contract):
    """Files that were written."""

    folder: str
    model: str
    specs: tuple[str, ...]
    """Parameter files, for the project's `examples/inference.py`."""


def predict_inputs(plan: GenerationPlan, root: Path, folder: Path) -> Inputs:
    """Write `image2world.json` and the first frame of every generation of the plan, with its prompt."""
    dataset = planned_dataset(plan, root)
    samples = {}
    with whole_folder(folder) as part:
        for generation in plan.generations:
            for camera in plan.cameras:
                name = f"{generation.id}_{camera.rpartition('.')[2]}"
                first = dataset.frames(generation.episode, camera)[0]
                av.VideoFrame.from_ndarray(first, format="rgb24").save(str(part / f"{name}.png"))
                samples[name] = PredictSample(prompt=generation.variation.prompt, input_path=f"{name}.png")
        spec = PredictSpec(inference_type="image2world", samples=samples, seed=plan.variations.seed)
        (part / "image2world.json").write_text(spec.text())
    return Inputs(folder=str(folder), model="predict2.5", specs=("image2world.json",))


def transfer_inputs(plan: GenerationPlan, root: Path, folder: Path) -> Inputs:
    """Write input, controls, masks and `spec.json` of Transfer2.5 for every generation and camera of the plan."""
    dataset = planned_dataset(plan, root)
    specs = []
    with whole_folder(folder) as part:
        for generation in plan.generations:
            request = Request(generation, plan, dataset)
            for camera in plan.cameras:
                place = Path(generation.id) / camera
                (part / place).mkdir(parents=True)
                write_inputs(request, camera, part / place)
                specs.append(str(place / "spec.json"))
    return Inputs(folder=str(folder), model="transfer2.5", specs=tuple(specs))
