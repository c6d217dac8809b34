"""Plays Mimic's paths in the simulator, and writes those that succeed as a dataset of their own."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.aside import OccupiedError, is_free
from physai.infrastructure.contracts import (
    Condition,
    Contract,
    Digest,
    DroppedEpisode,
    EpisodeSource,
    Generation,
    Scene,
    Variation,
)
from physai.infrastructure.datasets import Dataset, DatasetWriter, publish
from physai.infrastructure.simulation import Rollout, play

from . import mimic
from .errors import MimicError
from .exposure import Exposure
from .scene import axes, robot_model, simulated_scene, view_of
from .simulation import open_stage

if TYPE_CHECKING:
    from physai.infrastructure.simulation.stage import Stage

STATE, ACTION = "observation.state", "action"
GENERATOR, WORLD = "isaaclab-mimic", "nominal"
SPEED = 0.9  # of each joint's rated speed
HORIZON_S, TAIL_S = 6.0, 0.5
STAYED_M = 0.05  # from its target at the end. Source: the task's own threshold of success


class MimicReport(Contract):
    """What was made."""

    dataset: str
    content: Digest
    parent: Digest
    asked: int
    episodes: int
    """Of them, those that reached their target and stayed."""
    rows: int
    published: bool


def make(
    root: Path, output: Path, *, episodes: int, seed: int, scene: Scene | None = None, publish_it: bool = True
) -> MimicReport:
    """Make new episodes, towards targets drawn from the task's own ranges.

    Args:
        root: Recorded episodes to learn from.
        output: Where the new dataset appears.
        episodes: How many are tried.
        seed: Of targets, starts and the choice among sources.
        scene: Where the cameras stand; None: as in the simulated rig.
        publish_it: Put the result into the store.

    Raises:
        MimicError: If the dataset has other columns or another rate than Mimic makes, no training episodes, or nothing
            succeeds.
        UnknownCameraError: If it is not known where a camera stands.
        OccupiedError: If something is at `output`.
    """
    if not is_free(output):
        raise OccupiedError(output)
    dataset, scene = Dataset(root), scene or simulated_scene()
    content = dataset.verify()
    _check(dataset, scene)
    known = mimic.sources(dataset, scene)
    if not known:
        raise MimicError(root, "has no training episode")
    stage = open_stage(dataset.info.robot_type or "unknown")
    env = stage.env
    if dataset.fps != env.rate_hz:
        raise MimicError(root, f"recorded at {dataset.fps} Hz, simulated at {env.rate_hz:g} Hz")
    conditions = env.sample_conditions(episodes, seed)
    limits = env.articulation.data.joint_vel_limits.torch[0].cpu().numpy()
    model = robot_model(env.robot)
    paths = mimic.make_paths(known, conditions, model, step_rad=SPEED * limits / env.rate_hz, seed=seed)
    rollouts = _played(stage, paths, conditions)
    with DatasetWriter(
        output, fps=dataset.fps, features=dataset.info.recorded, robot=env.robot, task=dataset.required_provenance.task
    ) as writer:
        writer.add_parent(dataset)
        for rollout, path in zip(rollouts, paths, strict=True):
            if rollout.success and rollout.final_error_m <= STAYED_M:
                source = EpisodeSource(
                    episode=0,
                    source=content,
                    source_episode=path.source,
                    generator=GENERATOR,
                    world=WORLD,
                    seed=seed,
                    outcome="success",
                )
                columns = rollout.observations | {ACTION: rollout.actions}
                writer.add_episode(columns, _seen(stage, dataset, scene, rollout), source=source)
            else:
                reason = f"condition {rollout.condition}: ended {rollout.final_error_m:.3f} m from its target"
                writer.dropped.append(DroppedEpisode(source=content, source_episode=path.source, reason=reason))
        if not writer.num_episodes:
            raise MimicError(root, f"none of {episodes} episodes reached its target")
    written = Dataset(output)
    if publish_it:
        publish(output)
    return MimicReport(
        dataset=str(output),
        content=written.required_provenance.content,
        parent=content,
        asked=episodes,
        episodes=written.num_episodes,
        rows=written.info.total_frames,
        published=publish_it,
    )


def _check(dataset: Dataset, scene: Scene) -> None:
    columns = [name for name in dataset.info.recorded if name not in dataset.info.cameras]
    made = [STATE, mimic.TARGET, ACTION]
    if sorted(columns) != sorted(made):
        raise MimicError(dataset.root, f"has columns {', '.join(columns)}; what is made has {', '.join(made)}")
    joints = robot_model(dataset.info.robot_type or "unknown").joints
    for name in (STATE, ACTION):
        if tuple(dataset.info.features[name].element_names) != joints:
            raise MimicError(dataset.root, f"'{name}' is not {', '.join(joints)}")
    for camera in dataset.info.depth_cameras:
        raise MimicError(dataset.root, f"'{camera}' is depth, which is not made")
    for camera in dataset.info.colour_cameras:
        view_of(scene, camera)


def _played(stage: "Stage", paths: list[mimic.Path], conditions: tuple[Condition, ...]) -> list[Rollout]:
    env = stage.env
    policy = mimic.MimicPolicy(env, paths)
    tail = round(TAIL_S * env.rate_hz)
    played = play(env, policy, conditions, horizon_s=HORIZON_S, tail_steps=tail, begun=policy.begun)
    return sorted(played, key=lambda rollout: rollout.condition)


def _seen(stage: "Stage", dataset: Dataset, scene: Scene, rollout: Rollout) -> dict[str, NDArray[np.uint8]]:
    """What the cameras saw of it, in the scene as it is."""
    from physai.infrastructure.simulation.stage import Lens, Setting

    joints, target = rollout.observations[STATE], rollout.observations[mimic.TARGET]
    unchanged = Generation(id="", episode=0, copy_number=0, rows=len(joints), seed=0, variation=Variation())
    lenses, exposures = {}, {}
    for camera in dataset.info.colour_cameras:
        (height, width, _), view = dataset.info.features[camera].shape, scene.views[camera]
        lenses[camera] = Lens(view.eye_m, axes(view), view.field_of_view_deg, height, width)
        exposures[camera] = Exposure(stage.parts, unchanged, view, (height, width), 0)
    for shots in stage.shoot(joints, target, lenses, Setting()):
        for camera, shot in shots.items():
            exposures[camera].add(shot)
    return {camera: exposure.frames() for camera, exposure in exposures.items()}
