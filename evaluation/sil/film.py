"""A short film of a policy: the first conditions side by side, each in a frame that turns green at success."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import Condition
from physai.infrastructure.control import Observation, Policy
from physai.infrastructure.simulation import Camera
from physai.infrastructure.video import BORDER, SUCCESS, UNDECIDED, framed, tiled

from ..errors import FilmError

if TYPE_CHECKING:
    from physai.infrastructure.simulation import TaskEnv

TILE = Camera(name="film", width=200, height=150, shadows=True)
STRIDE = 2  # control steps per frame
HOLD_S = 1.0  # how long the last frame stays

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
    env.begin(slots, conditions)
    policy.reset(np.arange(env.num_envs))
    done = np.zeros(len(conditions), dtype=bool)
    frames: list[Frames] = []
    for step in range(round(horizon_s * env.rate_hz)):
        if step % STRIDE == 0:
            frames.append(grid(env.images()[slots], done))
        done |= env.step(policy.act(observe(env, images)))[slots]
        if done.all():
            break
    fps = max(1, round(env.rate_hz / STRIDE))
    last = grid(env.images()[slots], done)
    return np.stack([*frames, *[last] * round(HOLD_S * fps)]), fps


def observe(env: "TaskEnv", images: bool) -> Observation:
    """What a policy is shown: what the robot measures and, if asked for, the camera's picture in 0..1."""
    observation = env.observe()
    if images:
        pictures = np.ascontiguousarray(env.images().transpose(0, 3, 1, 2), dtype=np.float32)
        observation[env.image_key] = pictures / np.float32(255)
    return observation


def grid(pictures: Frames, done: NDArray[np.bool_]) -> Frames:
    """Pictures (N, H, W, 3) as tiles in rows, each framed in the colour of its outcome."""
    colours = [SUCCESS if succeeded else UNDECIDED for succeeded in done]
    return tiled([framed(picture, colour) for picture, colour in zip(pictures, colours, strict=True)])


def read_film(path: Path) -> tuple[Frames, int]:
    """Frames (T, H, W, 3) and frames per second.

    Raises:
        FilmError: If there is none, or it cannot be read.
    """
    try:
        with av.open(str(path)) as container:
            rate = container.streams.video[0].average_rate
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    except (av.FFmpegError, OSError) as error:
        raise FilmError(path, f"no film that can be read ({error})") from error
    if not frames or rate is None:
        raise FilmError(path, "the film is empty")
    return np.stack(frames), max(1, round(rate))


def split(path: Path, frames: Frames) -> list[Frames]:
    """The film's tiles, one an episode, row by row, without the border, whose colour tells the outcome.

    Raises:
        FilmError: If the film has no such tiles.
    """
    _, height, width, _ = frames.shape
    if height % TILE.height or width % TILE.width:
        raise FilmError(path, f"{width}x{height} pixels are no tiles of {TILE.width}x{TILE.height}")
    inner = slice(BORDER + 1, -BORDER - 1)  # one more, since the codec smears the border's colour
    return [
        frames[:, top : top + TILE.height, left : left + TILE.width][:, inner, inner]
        for top in range(0, height, TILE.height)
        for left in range(0, width, TILE.width)
    ]
