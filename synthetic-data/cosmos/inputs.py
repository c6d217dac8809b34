"""What is handed to a Cosmos program as a folder, and that of Transfer2.5."""

from pathlib import Path

from physai.infrastructure.aside import whole_folder
from physai.infrastructure.contracts import Contract, GenerationPlan

from ..backend import Request
from ..generate import planned_dataset
from .controls import write_inputs
from .start import required


class Inputs(Contract):
    """Files that were written."""

    folder: str
    model: str
    specs: tuple[str, ...]
    """Parameter files, for the `-i` of the project's program."""


def transfer_inputs(plan: GenerationPlan, root: Path, folder: Path) -> Inputs:
    """Write input, controls, masks and `spec.json` of Transfer2.5 for every generation and camera of the plan.

    Raises:
        NoStartError: If the simulator cannot make the clip that one starts from.
    """
    dataset = planned_dataset(plan, root)
    specs = []
    with whole_folder(folder) as part:
        requests = [Request(generation, plan, dataset) for generation in plan.generations]
        for request, start in required(requests):
            for camera in plan.cameras:
                place = Path(request.generation.id) / camera
                (part / place).mkdir(parents=True)
                write_inputs(request, camera, part / place, start)
                specs.append(str(place / "spec.json"))
    return Inputs(folder=str(folder), model="transfer2.5", specs=tuple(specs))
