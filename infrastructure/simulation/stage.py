"""A task's scene as a stage: recorded motions put into it row by row, seen by any camera, in any light and colour.

Every environment shows one row, so that as many rows are rendered at once as there are environments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import newton
import numpy as np
import torch
import warp as wp
from isaaclab_newton.physics.newton_manager import NewtonManager
from newton.sensors import SensorTiledCamera
from numpy.typing import NDArray

from ..contracts import Condition
from .camera import MARKER, PROP_SHAPES, move_markers, prop_path
from .env import TaskEnv, floats
from .errors import SimulationError

type Floats = NDArray[np.float32]

FAR_M = 30.0
"""How far a camera sees, as the loop's does."""
NOTHING = -1
"""In a map of parts: neither a shape nor the ground."""
AWAY = (0.0, 0.0, -1000.0, 0.0, 0.0, 0.0, 1.0)
LAMP = (-0.57735026, 0.57735026, -0.57735026)
"""Where Isaac Lab's own lamp shines. Source: Newton 1.6, `SensorTiledCamera.utils.create_default_light`."""


@dataclass(frozen=True)
class Lens:
    """A pinhole camera in the frame of the robot's base."""

    eye_m: tuple[float, float, float]
    axes: NDArray[np.float64]
    """Rows right, down, forward, (3, 3)."""
    field_of_view_deg: float
    """Across the picture's height."""
    height: int
    width: int


@dataclass(frozen=True)
class Prop:
    """A thing that stands in the scene, seen by cameras alone."""

    shape: str
    """Of `PROP_SHAPES`."""
    center_m: tuple[float, float, float]
    """In the base frame."""
    radius_m: float
    """Of a sphere; of a cylinder, which is as tall as it is wide; half the edge of a box."""
    color: tuple[float, float, float]


@dataclass(frozen=True)
class Setting:
    """How the scene looks while a motion is seen."""

    lamp: tuple[float, float, float] = LAMP
    """Direction in which the light travels, in the world, of length 1."""
    shadows: bool = False
    colors: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    """Part of a shape's path, e.g. `Table` → its RGB, 0..1, as displayed."""
    props: Sequence[Prop] = ()


@dataclass(frozen=True)
class Shot:
    """What one camera saw of a motion; first axis the row."""

    radiance: Floats
    """Linear RGB, (T, H, W, 3); 0 where nothing is."""
    depth_m: Floats
    """Along the camera's axis, (T, H, W); 0 where nothing is."""
    normal: Floats
    """Of the surfaces, in the base frame, (T, H, W, 3)."""
    part: NDArray[np.int16]
    """Index in `Stage.parts`, or `NOTHING`, (T, H, W)."""


@dataclass(frozen=True)
class Motion:
    """What is known of one recorded episode."""

    start_rad: Floats
    """True joint angles of its first row, (J,)."""
    target: Floats
    """Target pose in the base frame, (7,)."""
    actions: Floats
    """Joint targets in rad, (T, J)."""
    stiffness_scale: float = 1.0
    """Of its world."""


class Stage:
    """The scene of a running task; there may be one."""

    def __init__(self, env: TaskEnv) -> None:
        """Set it up.

        Args:
            env: Launched with a camera, and with as many props as are to be shown at once.
        """
        if env.camera is None:
            raise SimulationError(f"{env.task}: launched without a camera. Give launch() a Camera.")
        self.env = env
        """The running task."""
        self._model = NewtonManager.get_model()
        self._sensors: dict[bool, SensorTiledCamera] = {}
        self._stiffness = env.articulation.data.joint_stiffness.torch.clone()
        labels, worlds = list(self._model.shape_label), self._model.shape_world.numpy()
        self._own = [np.flatnonzero(worlds == world) for world in range(env.num_envs)]
        self._common = np.flatnonzero(worlds < 0)
        order = [*self._own[0], *self._common]
        self.parts: tuple[str, ...] = tuple(labels[index].replace("/World/envs/env_0/", "") for index in order)
        """Path of every shape."""
        self._part = np.full(len(labels), NOTHING, np.int16)
        for own in self._own:
            self._part[own] = np.arange(len(own))
        self._part[self._common] = np.arange(len(self._own[0]), len(order))
        self._colors = wp.to_torch(self._model.shape_color).clone()

    @property
    def rate_hz(self) -> float:
        """Of the control steps."""
        return self.env.rate_hz

    def play(self, motions: Sequence[Motion]) -> list[Floats]:
        """Let the robot go through recorded actions from the recorded starts, by the simulator's physics.

        Returns:
            True joint angles of each motion in rad, (T, J); row t is before action t, as in a recording.
        """
        played: list[Floats] = []
        for first in range(0, len(motions), self.env.num_envs):
            played += self._play(motions[first : first + self.env.num_envs])
        return played

    def _play(self, motions: Sequence[Motion]) -> list[Floats]:
        env, robot = self.env, self.env.articulation
        filled = [*motions, *[motions[-1]] * (env.num_envs - len(motions))]
        scale = torch.tensor([motion.stiffness_scale for motion in filled], device=self._stiffness.device)
        robot.write_joint_stiffness_to_sim_index(stiffness=self._stiffness * scale[:, None])
        env.begin(
            np.arange(env.num_envs),
            [
                Condition(joint_pos_rad=tuple(motion.start_rad.tolist()), command=tuple(motion.target.tolist()))
                for motion in filled
            ],
        )
        rows = []
        for row in range(max(len(motion.actions) for motion in filled)):
            rows.append(floats(robot.data.joint_pos.torch))
            env.step(np.stack([motion.actions[min(row, len(motion.actions) - 1)] for motion in filled]))
        robot.write_joint_stiffness_to_sim_index(stiffness=self._stiffness)
        return [np.stack([seen[i] for seen in rows[: len(m.actions)]]) for i, m in enumerate(motions)]

    def links(self, joint_pos_rad: Floats) -> dict[str, Floats]:
        """Where the simulator has the links in these poses: name → positions in the base frame, (T, 3)."""
        robot = self.env.articulation
        found = []
        for count in self._poses(joint_pos_rad, None):
            root = robot.data.root_pose_w.torch[:count, None, :3]
            found.append(floats(robot.data.body_link_pos_w.torch[:count] - root))
        return dict(zip(robot.body_names, np.concatenate(found).transpose(1, 0, 2), strict=True))

    def shoot(
        self, joint_pos_rad: Floats, target: Floats | None, lenses: Mapping[str, Lens], setting: Setting
    ) -> Iterator[dict[str, Shot]]:
        """See a motion, as many rows at a time as there are environments.

        Args:
            joint_pos_rad: True angles of each row, (T, J).
            target: Target pose of each row in the base frame, (T, 7); None leaves its marker away.
            lenses: Cameras by name.
            setting: How the scene looks; until the last rows were taken.

        Raises:
            SimulationError: If a colour is for a shape that is not there, or there are more props than were launched.
        """
        self._dress(setting)
        sensor = self._sensor(setting)
        views = {name: _View(sensor, lens, self.env) for name, lens in lenses.items()}
        for count in self._poses(joint_pos_rad, target):
            self._model.bvh_refit_shapes(NewtonManager.get_state_0())
            yield {name: view.shot(NewtonManager.get_state_0(), count, self._part) for name, view in views.items()}

    def _sensor(self, setting: Setting) -> SensorTiledCamera:
        """Newton's renderer, with the lamp of the setting; shadows are another kernel, which takes 10 s to compile."""
        if setting.shadows not in self._sensors:
            config = SensorTiledCamera.RenderConfig(enable_shadows=setting.shadows, max_distance=FAR_M)
            self._sensors[setting.shadows] = SensorTiledCamera(self._model, default_render_config=config)
        sensor = self._sensors[setting.shadows]
        utils: Any = sensor.utils
        utils.create_default_light(enable_shadows=setting.shadows, direction=_vector(setting.lamp))
        return sensor

    def _poses(self, joint_pos_rad: Floats, target: Floats | None) -> Iterator[int]:
        """Put one row into each environment; yields how many of them show a row, batch by batch."""
        env, robot = self.env, self.env.articulation
        for first in range(0, len(joint_pos_rad), env.num_envs):
            rows = np.arange(first, first + env.num_envs).clip(max=len(joint_pos_rad) - 1)
            pose = torch.as_tensor(joint_pos_rad[rows], device=env.command.device)
            robot.write_joint_state_to_sim_index(position=pose, velocity=torch.zeros_like(pose))
            if target is None:
                wp.to_torch(self._model.shape_transform)[self._shapes(MARKER)] = torch.tensor(AWAY, device=pose.device)
            else:
                move_markers(robot.data.root_pose_w.torch, torch.as_tensor(target[rows], device=pose.device))
            env.forward()
            yield min(env.num_envs, len(joint_pos_rad) - first)

    def _dress(self, setting: Setting) -> None:
        colors = wp.to_torch(self._model.shape_color)
        colors.copy_(self._colors)
        for path, color in setting.colors.items():
            shapes = self._shapes(path)
            colors[shapes] = torch.tensor(color, dtype=colors.dtype, device=colors.device)
        poses, sizes = wp.to_torch(self._model.shape_transform), wp.to_torch(self._model.shape_scale)
        roots = self.env.articulation.data.root_pose_w.torch
        free = {shape: list(self._props(shape)) for shape in PROP_SHAPES}
        for paths in free.values():
            for path in paths:
                poses[self._shapes(path)] = torch.tensor(AWAY, device=poses.device)
        for prop in setting.props:
            if not free[prop.shape]:
                raise SimulationError(f"more props of shape '{prop.shape}' than the scene was launched with.")
            shapes = self._shapes(free[prop.shape].pop(0))
            at = torch.tensor((*prop.center_m, 0.0, 0.0, 0.0, 1.0), device=poses.device).repeat(len(shapes), 1)
            at[:, :3] += roots[:, :3]
            poses[shapes] = at
            sizes[shapes] = prop.radius_m * torch.tensor(PROP_SHAPES[prop.shape], device=sizes.device)
            colors[shapes] = torch.tensor(prop.color, dtype=colors.dtype, device=colors.device)

    def _props(self, shape: str) -> Iterator[str]:
        number = 0
        while any(prop_path(shape, number) in part for part in self.parts):
            yield prop_path(shape, number)
            number += 1

    def _shapes(self, path: str) -> list[int]:
        """Indices of the shapes with `path` in theirs, in order of environment."""
        own = [index for index, part in enumerate(self.parts) if path in part]
        if not own:
            raise SimulationError(
                f"no shape has '{path}' in its path. There are: {', '.join(sorted(set(self.parts)))}."
            )
        inside = len(self._own[0])
        return [
            *(int(shapes[index]) for shapes in self._own for index in own if index < inside),
            *(int(self._common[index - inside]) for index in own if index >= inside),
        ]


class _View:
    """One camera and its buffers."""

    def __init__(self, sensor: SensorTiledCamera, lens: Lens, env: TaskEnv) -> None:
        self._sensor = sensor
        size = lens.width, lens.height
        utils: Any = sensor.utils
        self._rays = utils.compute_camera_rays_pinhole(*size, camera_fovs=float(np.radians(lens.field_of_view_deg)))
        self._out = {
            "hdr_color_image": utils.create_hdr_color_image_output(*size),
            "forward_depth_image": utils.create_forward_depth_image_output(*size),
            "normal_image": utils.create_normal_image_output(*size),
            "shape_index_image": utils.create_shape_index_image_output(*size),
        }
        right, down, forward = lens.axes
        opengl: Any = wp.mat33f(*np.stack([right, -down, -forward], axis=1).ravel().tolist())  # y up, z back
        turn: Any = wp.quat_from_matrix(opengl)
        roots = env.articulation.data.root_pose_w.torch[:, :3].cpu().numpy()
        placed = [wp.transformf(_vector((root + lens.eye_m).tolist()), turn) for root in roots]
        self._placed: Any = wp.array([placed], dtype=wp.transformf, device=sensor.model.device)

    def shot(self, state: newton.State, count: int, parts: NDArray[np.int16]) -> Shot:
        """What the first `count` environments show."""
        self._sensor.update(state, self._placed, self._rays, **self._out)
        seen: dict[str, NDArray[Any]] = {name: buffer.numpy()[:count, 0] for name, buffer in self._out.items()}
        index = seen["shape_index_image"].astype(np.int64)
        there = index < len(parts)
        return Shot(
            radiance=np.where(there[..., None], seen["hdr_color_image"], 0).astype(np.float32),
            depth_m=np.where(there, seen["forward_depth_image"], 0).astype(np.float32),
            normal=np.where(there[..., None], seen["normal_image"], 0).astype(np.float32),
            part=np.where(there, parts[np.where(there, index, 0)], NOTHING).astype(np.int16),
        )


def _vector(values: Sequence[float]) -> Any:
    make: Any = wp.vec3f  # whose stubs ask for Warp's own float32
    return make(*values)
