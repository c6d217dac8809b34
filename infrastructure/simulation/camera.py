"""The camera that looks at the robot, and how its picture is lit and coloured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .errors import SimulationError

if TYPE_CHECKING:
    import torch
    from isaaclab.sensors import CameraCfg

MARKER = "TargetMarker"
PROP_SHAPES = {"sphere": (1.0, 0.0, 0.0), "box": (1.0, 1.0, 1.0), "cylinder": (1.0, 1.0, 0.0)}
"""Shapes of props → Newton's scale of one of radius 1: a cylinder's are its radius and half its height."""


@dataclass(frozen=True)
class Camera:
    """A fixed pinhole camera in every environment; renders only when asked."""

    name: str = "front"
    width: int = 96
    height: int = 96
    eye_m: tuple[float, float, float] = (1.5, 1.05, 1.0)
    """Position in the environment's frame."""
    look_at_m: tuple[float, float, float] = (0.25, 0.06, 0.36)
    field_of_view_deg: float = 42.0
    """Across the picture's height."""
    shadows: bool = False
    """They cost a fifth of the rendering."""


def look_at(eye_m: tuple[float, float, float], target_m: tuple[float, float, float]) -> NDArray[np.float64]:
    """Quaternion x y z w of a camera whose x points at the target, its z up and y left."""
    forward = np.subtract(target_m, eye_m)
    yaw = np.arctan2(forward[1], forward[0])
    pitch = -np.arctan2(forward[2], np.hypot(forward[0], forward[1]))
    sin_y, cos_y, sin_p, cos_p = np.sin(yaw / 2), np.cos(yaw / 2), np.sin(pitch / 2), np.cos(pitch / 2)
    return np.array([-sin_p * sin_y, sin_p * cos_y, cos_p * sin_y, cos_p * cos_y])


def prop_path(shape: str, number: int) -> str:
    """Path of a prop below its environment."""
    return f"Prop{shape.capitalize()}{number}"


def dress(scene: Any, camera: Camera, props: int = 0) -> None:
    """Put the camera into a task's scene, a marker for the target, a colour on the table, and props out of sight."""
    import isaaclab.sim as sim_utils
    from isaaclab.assets import AssetBaseCfg

    scene.camera = camera_cfg(camera)
    scene.marker = AssetBaseCfg(
        prim_path=f"{{ENV_REGEX_NS}}/{MARKER}",
        spawn=sim_utils.SphereCfg(
            radius=0.035, visual_material=sim_utils.PreviewSurfaceCfg(diffuse_color=(0.9, 0.25, 0.1))
        ),
    )
    for number in range(props):
        spawns = (
            sim_utils.SphereCfg(radius=0.1),
            sim_utils.CuboidCfg(size=(0.2, 0.2, 0.2)),
            sim_utils.CylinderCfg(radius=0.1, height=0.2),
        )
        for shape, spawn in zip(PROP_SHAPES, spawns, strict=True):
            path = prop_path(shape, number)
            spawn.visual_material = sim_utils.PreviewSurfaceCfg(diffuse_color=(0.5, 0.5, 0.5))
            away = AssetBaseCfg.InitialStateCfg(pos=(0.0, 0.0, -1000.0))
            setattr(
                scene, path.lower(), AssetBaseCfg(prim_path=f"{{ENV_REGEX_NS}}/{path}", spawn=spawn, init_state=away)
            )
    scene.table.spawn.visual_material = sim_utils.PreviewSurfaceCfg(diffuse_color=(0.55, 0.47, 0.38))


def move_markers(root_w: torch.Tensor, target: torch.Tensor) -> None:
    """Put each environment's marker at its target. Markers are shapes without a body, so physics never sees them.

    Args:
        root_w: Poses of the robots' bases in the world, (N, 7).
        target: Target poses in the base frame, (N, 7).
    """
    import torch
    import warp as wp
    from isaaclab.utils.math import combine_frame_transforms
    from isaaclab_newton.physics.newton_manager import NewtonManager

    model = NewtonManager.get_model()
    shapes = [index for index, label in enumerate(model.shape_label) if MARKER in label]  # in order of environment
    position, orientation = combine_frame_transforms(root_w[:, :3], root_w[:, 3:], target[:, :3], target[:, 3:])
    wp.to_torch(model.shape_transform)[shapes] = torch.cat((position, orientation), dim=-1)


def paint(colors: Mapping[str, tuple[float, float, float]]) -> None:
    """Change colours of the running scene, for the next picture on.

    Args:
        colors: Part of a shape's path → its RGB, 0..1, in every environment. Physics never sees it.

    Raises:
        SimulationError: If no shape has such a path.
    """
    import torch
    import warp as wp
    from isaaclab_newton.physics.newton_manager import NewtonManager

    model = NewtonManager.get_model()
    painted = wp.to_torch(model.shape_color)
    for part, color in colors.items():
        shapes = [index for index, label in enumerate(model.shape_label) if part in label]
        if not shapes:
            raise SimulationError(
                f"no shape has '{part}' in its path. There are: {', '.join(sorted(set(model.shape_label))[:8])}."
            )
        painted[shapes] = torch.tensor(color, dtype=painted.dtype, device=painted.device)


def camera_cfg(camera: Camera) -> CameraCfg:
    """Isaac Lab's form of the camera, rendered by Newton's Warp renderer."""
    import isaaclab.sim as sim_utils
    from isaaclab.sensors import CameraCfg
    from isaaclab_newton.renderers import NewtonWarpRendererCfg

    aperture = 20.955
    across = 2 * np.arctan(np.tan(np.radians(camera.field_of_view_deg) / 2) * camera.width / camera.height)
    x, y, z, w = look_at(camera.eye_m, camera.look_at_m)
    return CameraCfg(
        prim_path="{ENV_REGEX_NS}/Camera",
        offset=CameraCfg.OffsetCfg(pos=camera.eye_m, rot=(float(x), float(y), float(z), float(w)), convention="world"),
        data_types=["rgb"],
        spawn=sim_utils.PinholeCameraCfg(
            focal_length=float(aperture / (2 * np.tan(across / 2))),
            horizontal_aperture=aperture,
            clipping_range=(0.05, 30.0),
        ),
        width=camera.width,
        height=camera.height,
        renderer_cfg=NewtonWarpRendererCfg(enable_shadows=camera.shadows),
    )
