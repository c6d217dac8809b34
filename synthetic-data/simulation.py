"""The backend `simulation`: recorded motions seen in Isaac Lab's scene under other light, colours, cameras and things.

The joints are set to their recorded angles row by row, so the picture of a row shows that row. Before that, the
recorded actions are played by the simulator's physics, which must lead to the recorded angles (`replay: actions`).
"""

from atexit import register
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from physai.infrastructure import simulation
from physai.infrastructure.contracts import View
from physai.infrastructure.contracts.synthetic import MOST_OBJECTS
from physai.infrastructure.simulation import TASKS, Camera, launch, load_world
from physai.infrastructure.simulation.assets import authoring_digest

from . import controls
from .backend import Made, Request, code_digest
from .errors import NoTaskError
from .exposure import Exposure
from .lamp import travels
from .replay import replay, targets
from .scene import axes, turned

if TYPE_CHECKING:
    from physai.infrastructure.simulation.stage import Setting, Stage

ENVS = 16  # rows rendered together; more gain nothing on few cores
CODE = ("simulation.py", "exposure.py", "lamp.py", "solid.py", "local.py", "controls.py", "replay.py", "scene.py")
STAGE = ("stage.py", "camera.py")


class SimulationBackend:
    """Isaac Lab with Newton's renderer; one start of the simulator for all clips of a process."""

    name = "simulation"

    def __init__(self) -> None:
        self.model = f"Isaac Lab {version('isaaclab')}, Newton {version('newton')}"
        stage = [(Path(simulation.__file__).parent / name).read_bytes() for name in STAGE]
        self.digest = code_digest(CODE, self.model.encode(), authoring_digest().encode(), *stage)

    def generate(self, requests: Sequence[Request]) -> Iterator[Made]:
        """Play the recorded actions, then show every row of each request.

        Raises:
            NoTaskError: If there is no task of the robot.
            SimulationError: If the simulator cannot be started.
        """
        if not requests:
            return
        stage = open_stage(requests[0].plan.robot)
        replays = replay(stage, requests)
        for request in requests:
            found = replays[request.generation.episode]
            if found.failure:
                yield Made(request.generation.id, {}, {}, found.failure, measured=found.measured)
            else:
                yield _show(stage, request, found.measured)


@cache
def open_stage(robot: str) -> "Stage":
    """The scene of the robot's task, started once per process and closed at its end.

    Raises:
        NoTaskError: If there is no task of the robot.
    """
    task = next((task for task in TASKS.values() if task.robot == robot), None)
    if task is None:
        raise NoTaskError(robot, tuple(task.robot for task in TASKS.values()))
    running = ExitStack()
    register(running.close)
    nominal = load_world("nominal")
    env = running.enter_context(launch(task.id, num_envs=ENVS, world=nominal, camera=Camera(), props=MOST_OBJECTS))
    from physai.infrastructure.simulation.stage import Stage  # after the launch, which says where the assets are

    return Stage(env)


def seen_from(view: View, request: Request) -> View:
    """Where a camera of a varied clip stands."""
    variation = request.generation.variation
    if variation.shift_m:
        eye, aim = np.add(view.eye_m, variation.shift_m), np.add(view.look_at_m, variation.shift_m)
        view = view.model_copy(update={"eye_m": tuple(eye.tolist()), "look_at_m": tuple(aim.tolist())})
    return turned(view, variation.camera) if variation.camera else view


def _show(stage: "Stage", request: Request, measured: Mapping[str, float]) -> Made:
    from physai.infrastructure.simulation.stage import Lens

    views = {camera: seen_from(request.scene.views[camera], request) for camera in request.plan.cameras}
    lenses = {}
    exposures = {}
    for number, (camera, view) in enumerate(views.items()):
        height, width = request.size(camera)
        lenses[camera] = Lens(view.eye_m, axes(view), view.field_of_view_deg, height, width)
        exposures[camera] = Exposure(stage.parts, request.generation, view, (height, width), number)
    for shots in stage.shoot(request.joints.astype(np.float32), targets(request), lenses, _setting(request)):
        for camera, shot in shots.items():
            exposures[camera].add(shot)
    frames = {camera: exposure.frames() for camera, exposure in exposures.items()}
    return Made(
        request.generation.id,
        frames,
        views,
        controls={
            camera: {
                "edge": controls.edge(frames[camera]),
                "vis": controls.vis(frames[camera]),
                "depth": controls.depth(exposure.depth_m()),
                "seg": controls.seg(exposure.instances()),
                "normals": controls.normals(exposure.normals()),
            }
            for camera, exposure in exposures.items()
        },
        truth={camera: exposure.truth() for camera, exposure in exposures.items()},
        measured=measured,
    )


def _setting(request: Request) -> "Setting":
    from physai.infrastructure.simulation.stage import Prop, Setting

    variation = request.generation.variation
    props = tuple(Prop(thing.shape, thing.center_m, thing.radius_m, thing.color) for thing in variation.objects)
    setting = Setting(colors=variation.colors, props=props)
    light = variation.light
    return replace(setting, lamp=travels(light), shadows=light.shadows) if light else setting
