"""New episodes from recorded ones with Isaac Lab Mimic: what the tool did relative to its target, towards new targets.

Source: Mandlekar et al. 2023, MimicGen, arXiv:2310.17596. Selection, transformation and interpolation are Isaac Lab
Mimic's; the path of tool poses is turned into joint targets on the robot's model, and played by the simulator.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import Condition, Scene
from physai.infrastructure.control import Observation
from physai.infrastructure.datasets import Dataset

from .plan import recorded_episodes
from .scene import Floats, Model, joint_angles, link_poses, robot_model

if TYPE_CHECKING:
    from physai.infrastructure.simulation import TaskEnv

TARGET = "observation.environment_state"
NEAREST = 3  # source episodes of which one is drawn. Source: Isaac Lab Mimic, `nearest_neighbor_object`
JOIN_STEPS = 12  # from where the tool is to where the transformed path begins
ITERATIONS, SOLVED, DAMPING = 30, 1e-4, 1e-3  # of the search for joint angles: damped least squares
STEP_RAD, PROBE_RAD = 0.2, 1e-6


class Source(NamedTuple):
    """One recorded episode, as Mimic sees it."""

    episode: int
    tool: Floats
    """Poses of the tool in the base frame, (T, 4, 4)."""
    target: Floats
    """Pose of the target, (4, 4)."""


class Path(NamedTuple):
    """How a new episode is to go."""

    source: int
    """Episode it was made from."""
    joints_rad: NDArray[np.float32]
    """Joint angles at which the tool is on its path, (T, J)."""


def sources(dataset: Dataset, scene: Scene) -> list[Source]:
    """What the recorded training episodes show."""
    model = robot_model(dataset.info.robot_type or "unknown")
    found = []
    for episode in recorded_episodes(dataset):
        joints = joint_angles(dataset, episode, scene)
        tool = np.stack([link_poses(model.links, pose)[-1] for pose in joints])
        found.append(Source(episode, tool, pose_matrix(dataset.episode(episode)[TARGET][0])))
    return found


def pose_matrix(pose: NDArray[np.floating]) -> Floats:
    """Of x, y, z in m and a quaternion x, y, z, w; (4, 4)."""
    x, y, z, w = np.asarray(pose[3:7], float) / np.linalg.norm(pose[3:7])
    made = np.eye(4)
    made[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    made[:3, 3] = pose[:3]
    return made


def make_paths(
    known: Sequence[Source], conditions: Sequence[Condition], model: Model, *, step_rad: Floats, seed: int
) -> list[Path]:
    """A path for each condition; needs a running simulator, for Isaac Lab Mimic is part of it.

    Args:
        known: What there is to learn from.
        conditions: Starts and targets of the new episodes.
        model: Of the robot.
        step_rad: Farthest that each joint may go in a row, (J,).
        seed: Draws among the nearest sources.
    """
    import torch
    from isaaclab_mimic.datagen.datagen_info import DatagenInfo
    from isaaclab_mimic.datagen.selection_strategy import make_selection_strategy

    strategy = make_selection_strategy("nearest_neighbor_object")
    infos = [DatagenInfo(object_poses={"target": torch.tensor(source.target)[None]}) for source in known]
    paths = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for condition in conditions:
            start = np.array(condition.joint_pos_rad)
            tool = link_poses(model.links, start)[-1]
            target = pose_matrix(np.array(condition.command))
            chosen = strategy.select_source_demo(torch.tensor(tool), torch.tensor(target), infos, nn_k=NEAREST)
            source = known[int(chosen)]
            joints = follow(model, start, transformed(source, tool, target))
            paths.append(Path(source.episode, paced(joints, step_rad)))
    return paths


def transformed(source: Source, tool: Floats, target: Floats) -> Floats:
    """Tool poses of a source relative to its target, moved to a new target, and joined to where the tool is."""
    import torch
    from isaaclab_mimic.datagen.data_generator import transform_source_data_segment_using_object_pose
    from isaaclab_mimic.datagen.waypoint import WaypointSequence, WaypointTrajectory

    moved = transform_source_data_segment_using_object_pose(
        torch.tensor(target), torch.tensor(source.tool), torch.tensor(source.target)
    )
    whole, rest = WaypointTrajectory(), WaypointTrajectory()
    for trajectory, poses in ((whole, torch.tensor(tool)[None]), (rest, moved)):
        none = torch.zeros((len(poses), 1), dtype=poses.dtype)  # no gripper
        trajectory.add_waypoint_sequence(WaypointSequence.from_poses(poses, none, 0.0))
    whole.merge(rest, num_steps_interp=JOIN_STEPS)
    found: Floats = torch.stack([point.pose for point in whole.get_full_sequence().sequence]).numpy()
    return found


def follow(model: Model, start_rad: Floats, poses: Floats) -> NDArray[np.float32]:
    """Joint angles at which the tool is at each pose, each found from the one before, (T, J)."""
    joints, found = start_rad.astype(float), []
    for pose in poses:
        for _ in range(ITERATIONS):
            off = _off(link_poses(model.links, joints)[-1], pose)
            if np.abs(off).max() < SOLVED:
                break
            probes = [
                _off(link_poses(model.links, joints + PROBE_RAD * axis)[-1], pose) for axis in np.eye(len(joints))
            ]
            slope = (np.stack(probes, axis=1) - off[:, None]) / PROBE_RAD
            step = np.linalg.solve(slope.T @ slope + DAMPING**2 * np.eye(len(joints)), -slope.T @ off)
            joints = joints + np.clip(step, -STEP_RAD, STEP_RAD)
        found.append(joints)
    return np.stack(found).astype(np.float32)


def paced(joints_rad: NDArray[np.float32], step_rad: Floats) -> NDArray[np.float32]:
    """The same path with rows put between those that a joint could not reach in time, (T', J)."""
    rows = [joints_rad[:1]]
    for before, after in pairwise(joints_rad):
        parts = max(1, int(np.ceil(np.max(np.abs(after - before) / step_rad))))
        rows.append(before + (after - before) * (np.arange(1, parts + 1) / parts)[:, None].astype(np.float32))
    return np.concatenate(rows)


def _off(tool: Floats, wanted: Floats) -> Floats:
    """Metres and radians from one pose to another, (6,)."""
    turn = tool[:3, :3] @ wanted[:3, :3].T
    axis = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]) / 2
    return np.concatenate([tool[:3, 3] - wanted[:3, 3], axis])


@dataclass
class MimicPolicy:
    """Follows the paths: joint targets lead by the sag that gravity causes in the drives."""

    env: "TaskEnv"
    paths: Sequence[Path]
    _running: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Environment → its path and row."""

    def reset(self, envs: NDArray[np.intp]) -> None:
        """Nothing: `begun` says more."""

    def begun(self, envs: NDArray[np.intp], conditions: NDArray[np.intp]) -> None:
        """Follow the path of each condition."""
        self._running |= {int(env): (int(path), 0) for env, path in zip(envs, conditions, strict=True)}

    def act(self, observation: Observation) -> NDArray[np.float32]:
        """The next row of each path; at its end, the last."""
        data = self.env.articulation.data
        sag = (data.gravity_compensation_forces.torch / data.joint_stiffness.torch).cpu().numpy()
        wanted = observation["observation.state"].copy()
        for env, (path, row) in self._running.items():
            joints = self.paths[path].joints_rad
            wanted[env] = joints[min(row + 1, len(joints) - 1)]
            self._running[env] = (path, row + 1)
        return np.asarray(wanted + sag, np.float32)
