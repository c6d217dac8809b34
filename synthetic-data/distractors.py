"""Things that have nothing to do with the task, placed where the robot never comes."""

from typing import NamedTuple

import numpy as np

from physai.infrastructure.contracts import Distractor, DistractorRanges, Scene
from physai.infrastructure.datasets import Dataset

from .scene import Floats, joint_angles, link_poses, object_centres, robot_model

CLEAR_M = 0.03  # from robot and kept objects
TRIES = 64  # places that are looked at for each thing, before it is left out
EVERY_ROWS = 3  # at 30 Hz the robot moves by less than `CLEAR_M` between two of these
POINTS = 4  # along the axis of each shape of the robot


class Reach(NamedTuple):
    """Balls that hold the robot and the kept objects in every row of an episode."""

    centers_m: Floats
    """(N, 3), in the base frame."""
    radii_m: Floats
    """(N,)."""

    @classmethod
    def of(cls, dataset: Dataset, episode: int, scene: Scene) -> "Reach":
        """Where the robot comes in an episode."""
        model = robot_model(dataset.info.robot_type or "unknown")
        centers, radii = [], []
        for pose in joint_angles(dataset, episode, scene)[::EVERY_ROWS]:
            poses = link_poses(model.links, pose)
            for shape in model.shapes:
                turn, at = poses[shape.link][:3, :3], poses[shape.link][:3, 3]
                if shape.kind == "box":
                    centers.append((turn @ shape.start + at)[None])
                    radii.append(np.array([np.linalg.norm(shape.end)]))
                    continue
                along = np.linspace(0, 1, POINTS)[:, None] * (shape.end - shape.start) + shape.start
                gap = float(np.linalg.norm(shape.end - shape.start)) / (POINTS - 1) / 2
                centers.append(along @ turn.T + at)
                radii.append(np.full(POINTS, np.hypot(shape.radius_m, gap)))
        for number, thing in enumerate(scene.objects):
            kept = object_centres(dataset, episode, scene)[::EVERY_ROWS, number]
            centers.append(kept)
            radii.append(np.full(len(kept), thing.radius_m))
        return cls(np.concatenate(centers), np.concatenate(radii))


def place(ranges: DistractorRanges, reach: Reach, seed: int) -> tuple[Distractor, ...]:
    """Draw things and their places; one for which none of `TRIES` places is free is left out.

    Args:
        ranges: What to draw from.
        reach: Where nothing may stand.
        seed: Of the generation.
    """
    rng = np.random.default_rng([seed, 1])
    placed: list[Distractor] = []
    for _ in range(int(rng.integers(ranges.count[0], ranges.count[1] + 1))):
        shape = ranges.shapes[int(rng.integers(len(ranges.shapes)))]
        radius_m = round(float(rng.uniform(*ranges.radius_m)), 4)
        red, green, blue = (round(float(channel), 4) for channel in rng.uniform(0.05, 0.95, 3))
        bound = radius_m * {"sphere": 1.0, "cylinder": 2**0.5, "box": 3**0.5}[shape]
        for x, y in zip(rng.uniform(*ranges.x_m, TRIES), rng.uniform(*ranges.y_m, TRIES), strict=True):
            center = (round(float(x), 4), round(float(y), 4), round(ranges.top_m + radius_m, 4))
            others = [np.linalg.norm(np.subtract(center, thing.center_m)) - 2 * thing.radius_m for thing in placed]
            gaps = np.linalg.norm(reach.centers_m - center, axis=1) - reach.radii_m
            if min([float(gaps.min()), *map(float, others)]) >= bound + CLEAR_M:
                placed.append(Distractor(shape=shape, center_m=center, radius_m=radius_m, color=(red, green, blue)))
                break
    return tuple(placed)
