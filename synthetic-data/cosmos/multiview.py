"""Inputs of Transfer2.5's robot multi-view: all cameras of an episode in one generation, so that they agree."""

from collections.abc import Sequence
from pathlib import Path

from physai.infrastructure.aside import whole_folder
from physai.infrastructure.contracts import GenerationPlan
from physai.infrastructure.contracts.synthetic import Modality
from physai.infrastructure.video import write_video

from ..backend import Made, Request
from ..cost import CHUNK, chunks
from ..errors import ThreeCamerasError
from ..generate import planned_dataset
from .controls import draw_control
from .inputs import Inputs
from .schema import ROBOT_VIEWS, RobotMultiviewSpec, RobotView
from .start import required

DRAWN: tuple[Modality, ...] = ("depth", "seg")
"""Controls that are read from disk; the others are computed from the input videos."""


def view_cameras(cameras: Sequence[str]) -> dict[str, str]:
    """Each view that the model knows → the camera that is taken for it, in the dataset's order.

    Raises:
        ThreeCamerasError: If there are not three.
    """
    if len(cameras) != len(ROBOT_VIEWS):
        raise ThreeCamerasError(tuple(cameras), ROBOT_VIEWS)
    return dict(zip(ROBOT_VIEWS, cameras, strict=True))


def robot_multiview_inputs(plan: GenerationPlan, root: Path, folder: Path) -> Inputs:
    """Write videos, controls and one parameter file per generation and control; `folder` is the `--input-root`.

    The program takes one control at a time, `--control-type`; each parameter file ends with its name.

    Raises:
        ThreeCamerasError: If the plan has not the three cameras that the model knows.
        NoStartError: If the simulator cannot make the clip that one starts from.
    """
    view_cameras(plan.cameras)
    dataset = planned_dataset(plan, root)
    specs: list[str] = []
    with whole_folder(folder) as part:
        requests = [Request(generation, plan, dataset) for generation in plan.generations]
        for request, start in required(requests):
            specs.extend(path.name for path, _ in write_views(request, part, start))
    return Inputs(folder=str(folder), model="transfer2.5 robot multi-view", specs=tuple(specs))


def write_views(request: Request, folder: Path, start: Made | None) -> list[tuple[Path, RobotMultiviewSpec]]:
    """Write all cameras of a generation, and a parameter file per control in `folder` itself, from where paths count.

    Args:
        request: What to make.
        folder: Where to.
        start: The simulated clip to start from; None: the recorded videos.
    """
    videos = {
        view: _videos(request, camera, view, folder, start)
        for view, camera in view_cameras(request.plan.cameras).items()
    }
    written = []
    for control, weight in request.generation.variation.controls.items():
        spec = _spec(request, control, weight, videos)
        path = folder / f"{spec.name}.json"
        path.write_text(spec.text())
        written.append((path, spec))
    return written


def _videos(request: Request, camera: str, view: str, folder: Path, start: Made | None) -> dict[str, str]:
    """Write input and controls of one camera; `input`, or the control → path."""
    generation, rate = request.generation, request.plan.fps
    frames = start.frames[camera] if start else request.dataset.frames(generation.episode, camera)
    paths = {"input": f"videos/{generation.id}_{view}_rgb.mp4"}
    pictures = {"input": frames}
    for control in DRAWN:
        if control in generation.variation.controls:
            paths[control] = f"{control}/{generation.id}_{view}_{control}.mp4"
            pictures[control] = (
                start.controls[camera][control]
                if start
                else draw_control(control, request, camera, frames, request.parts(camera))
            )
    for name, path in paths.items():
        (folder / path).parent.mkdir(exist_ok=True)
        write_video(folder / path, pictures[name], rate)
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
