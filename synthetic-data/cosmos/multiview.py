"""Inputs of Transfer2.5's robot multi-view: all cameras of an episode in one generation, so that they agree."""

from pathlib import Path

from physai.infrastructure.aside import whole_folder
from physai.infrastructure.contracts import GenerationPlan
from physai.infrastructure.contracts.synthetic import Modality
from physai.infrastructure.video import write_video

from ..backend import Request
from ..cost import CHUNK, chunks
from ..errors import ThreeCamerasError
from ..generate import planned_dataset
from .controls import draw_control
from .inputs import Inputs
from .schema import ROBOT_VIEWS, RobotMultiviewSpec, RobotView

DRAWN: tuple[Modality, ...] = ("depth", "seg")
"""Controls that are read from disk; the others are computed from the input videos."""


def robot_multiview_inputs(plan: GenerationPlan, root: Path, folder: Path) -> Inputs:
    """Write videos, controls and one parameter file per generation and control; `folder` is the `--input-root`.

    The program takes one control at a time, `--control-type`: the files of each lie in a folder of its name.

    Raises:
        ThreeCamerasError: If the plan has not the three cameras that the model knows.
    """
    if len(plan.cameras) != len(ROBOT_VIEWS):
        raise ThreeCamerasError(plan.cameras, ROBOT_VIEWS)
    dataset = planned_dataset(plan, root)
    specs = []
    with whole_folder(folder) as part:
        for name in ("videos", *plan.variations.controls):
            (part / name).mkdir()
        for generation in plan.generations:
            request = Request(generation, plan, dataset)
            videos = {
                view: _videos(request, camera, view, part)
                for view, camera in zip(ROBOT_VIEWS, plan.cameras, strict=True)
            }
            for control, weight in generation.variation.controls.items():
                spec = _spec(request, control, weight, videos)
                path = Path(control) / f"{generation.id}.json"
                (part / path).write_text(spec.text())
                specs.append(str(path))
    return Inputs(folder=str(folder), model="transfer2.5 robot multi-view", specs=tuple(specs))


def _videos(request: Request, camera: str, view: str, folder: Path) -> dict[str, str]:
    """Write input and controls of one camera; `input`, or the control → path."""
    generation, rate = request.generation, request.plan.fps
    frames, parts = request.dataset.frames(generation.episode, camera), request.parts(camera)
    paths = {"input": f"videos/{generation.id}_{view}_rgb.mp4"}
    write_video(folder / paths["input"], frames, rate)
    for control in DRAWN:
        if control in generation.variation.controls:
            paths[control] = f"{control}/{generation.id}_{view}_{control}.mp4"
            write_video(folder / paths[control], draw_control(control, request, camera, frames, parts), rate)
    return paths


def _spec(request: Request, control: Modality, weight: float, videos: dict[str, dict[str, str]]) -> RobotMultiviewSpec:
    generation = request.generation
    views = {
        view: RobotView(input_path=paths["input"], control_path=paths.get(control)) for view, paths in videos.items()
    }
    longer = {"enable_autoregressive": True, "num_chunks": chunks(generation.rows)} if generation.rows > CHUNK else {}
    return RobotMultiviewSpec.model_validate(
        {
            "name": f"{generation.id}_{control}",
            "prompt": generation.variation.prompt,
            "seed": generation.seed,
            "fps": request.plan.fps,
            "control_weight": weight,
            "save_combined_views": False,
            **views,
            **longer,
        }
    )
