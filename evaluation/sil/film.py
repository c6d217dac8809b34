"""A short film of a policy: the first conditions side by side, each in a frame that turns green at success."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import Condition
from physai.infrastructure.control import Observation, Policy
from physai.infrastructure.simulation import Camera

if TYPE_CHECKING:
    from physai.infrastructure.simulation import TaskEnv

TILE = Camera(name="film", width=200, height=150)
COLUMNS = 2
STRIDE = 2  # control steps per frame
HOLD_S = 1.0  # how long the last frame stays
BORDER = 3
MARKER = 4  # radius of the ring around the target, in pixels
WAITING, SUCCESS, TARGET = (90, 90, 90), (40, 170, 80), (240, 120, 20)

type Frames = NDArray[np.uint8]


def film(
    env: "TaskEnv", policy: Policy, conditions: Sequence[Condition], *, horizon_s: float, images: bool
) -> tuple[Frames, int]:
    """Play conditions once more, rendered, until all have succeeded or the horizon is reached.

    Args:
        env: Launched with a camera and at least as many environments.
        policy: Fresh.
        conditions: An even number of them.
        horizon_s: As in the evaluation.
        images: Whether the policy sees the camera.

    Returns:
        RGB frames (T, H, W, 3) and frames per second.
    """
    assert env.camera is not None
    slots = np.arange(len(conditions))
    targets = [project(env.camera, np.array(condition.command[:3])) for condition in conditions]
    env.begin(slots, conditions)
    policy.reset(np.arange(env.num_envs))
    done = np.zeros(len(conditions), dtype=bool)
    frames: list[Frames] = []
    for step in range(round(horizon_s * env.rate_hz)):
        if step % STRIDE == 0:
            frames.append(grid(env.images()[slots], targets, done))
        done |= env.step(policy.act(observe(env, images)))[slots]
        if done.all():
            break
    fps = max(1, round(env.rate_hz / STRIDE))
    last = grid(env.images()[slots], targets, done)
    return np.stack([*frames, *[last] * round(HOLD_S * fps)]), fps


def observe(env: "TaskEnv", images: bool) -> Observation:
    """What a policy is shown: what the robot measures and, if asked for, the camera's picture in 0..1."""
    observation = env.observe()
    if images:
        pictures = np.ascontiguousarray(env.images().transpose(0, 3, 1, 2), dtype=np.float32)
        observation[env.image_key] = pictures / np.float32(255)
    return observation


def grid(pictures: Frames, targets: Sequence[tuple[int, int]], done: NDArray[np.bool_]) -> Frames:
    """Tiles in rows, each with its target ringed and its outcome as a frame."""
    tiles = []
    for picture, (column, row), succeeded in zip(pictures, targets, done, strict=True):
        tile = picture.copy()
        rows, columns = np.ogrid[: tile.shape[0], : tile.shape[1]]
        distance = np.hypot(rows - row, columns - column)
        tile[(distance >= MARKER - 1) & (distance <= MARKER + 0.5)] = TARGET
        colour = SUCCESS if succeeded else WAITING
        tile[:BORDER] = tile[-BORDER:] = colour
        tile[:, :BORDER] = tile[:, -BORDER:] = colour
        tiles.append(tile)
    return np.concatenate([np.concatenate(tiles[i : i + COLUMNS], axis=1) for i in range(0, len(tiles), COLUMNS)])


def project(camera: Camera, point_m: NDArray[np.float64]) -> tuple[int, int]:
    """Column and row of a point in the environment's frame, by the pinhole model."""
    eye = np.array(camera.eye_m)
    forward = np.subtract(camera.look_at_m, camera.eye_m)
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right = right / np.linalg.norm(right)
    up = np.cross(right, forward)
    ray = point_m - eye
    focal_px = camera.height / 2 / np.tan(np.radians(camera.field_of_view_deg) / 2)
    scale = focal_px / float(ray @ forward)
    return round(camera.width / 2 + scale * float(ray @ right)), round(camera.height / 2 - scale * float(ray @ up))
