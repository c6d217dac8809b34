"""Inputs of Cosmos-Predict2.5: what happens next, from the first frame of recorded episodes.

What it predicts has no recorded actions, so it is for people and for world-model evaluation, and never becomes data.
"""

from pathlib import Path

import av

from physai.infrastructure.aside import whole_folder
from physai.infrastructure.contracts import Contract, GenerationPlan

from ..backend import Request
from ..errors import NoStartError
from ..generate import planned_dataset
from .controls import write_inputs
from .schema import PredictSample, PredictSpec
from .start import starts


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
    """Write input, controls, masks and `spec.json` of Transfer2.5 for every generation and camera of the plan.

    Raises:
        NoStartError: If the simulator cannot make the clip that one starts from.
    """
    dataset = planned_dataset(plan, root)
    specs = []
    with whole_folder(folder) as part:
        requests = [Request(generation, plan, dataset) for generation in plan.generations]
        for request, start in starts(requests):
            if start and start.failure:
                raise NoStartError(start.id, start.failure)
            for camera in plan.cameras:
                place = Path(request.generation.id) / camera
                (part / place).mkdir(parents=True)
                write_inputs(request, camera, part / place, start)
                specs.append(str(place / "spec.json"))
    return Inputs(folder=str(folder), model="transfer2.5", specs=tuple(specs))
