"""Inputs of Cosmos-Predict2.5/robot/action-cond: recorded motions, of which it predicts the pictures.

The published checkpoint was trained on the Bridge dataset. For another robot it is a beginning: its post-training reads
the same folders. Source: cosmos-predict2.5, `docs/inference_robot_action_cond.md` and
`docs/post-training_video2world_action.md`; size and guidance are those of
`assets/action_conditioned/basic/inference_params.json`.
"""

from pathlib import Path

import numpy as np

from physai.infrastructure.aside import whole_folder
from physai.infrastructure.contracts import GenerationPlan
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.video import write_video

from ..backend import Request
from ..generate import planned_dataset
from ..scene import Floats, link_poses
from .inputs import Inputs
from .schema import ActionEpisode, ActionSpec, ActionVideo

ANNOTATIONS, VIDEOS = "annotations", "videos"
RESOLUTION, GUIDANCE = "256,320", 0
OPEN = 0.0


def action_inputs(plan: GenerationPlan, root: Path, folder: Path) -> Inputs:
    """Write videos and poses of the tool of every episode of the plan, and one parameter file per camera.

    Neither prompts nor seeds count, so an episode is written once, however often the plan varies it. The gripper is
    told to be open, since the robot's model has none.
    """
    dataset = planned_dataset(plan, root)
    first = {generation.episode: generation for generation in reversed(plan.generations)}
    specs = []
    with whole_folder(folder) as part:
        for name in (ANNOTATIONS, VIDEOS):
            (part / name).mkdir()
        for episode in sorted(first):
            told = _episode(Request(first[episode], plan, dataset), part)
            (part / ANNOTATIONS / f"e{episode:04d}.json").write_text(told.text())
        for number, camera in enumerate(plan.cameras):
            name = camera.rpartition(".")[2]
            spec = ActionSpec(
                name=name,
                input_json_sub_folder=ANNOTATIONS,
                save_root=name,
                guidance=GUIDANCE,
                resolution=RESOLUTION,
                camera_id=number,
                end=len(first),
                save_fps=plan.fps,
            )
            (part / f"{name}.json").write_text(spec.text())
            specs.append(f"{name}.json")
    return Inputs(folder=str(folder), model="predict2.5 robot/action-cond", specs=tuple(specs))


def _episode(request: Request, folder: Path) -> ActionEpisode:
    episode = request.generation.episode
    poses = np.stack([link_poses(request.model.links, joints)[-1] for joints in request.joints])
    videos = [_video(request.dataset, episode, camera, folder) for camera in request.plan.cameras]
    return ActionEpisode(
        videos=tuple(videos),
        state=tuple(map(tuple, pose_numbers(poses).tolist())),
        continuous_gripper_state=(OPEN,) * len(poses),
    )


def _video(dataset: Dataset, episode: int, camera: str, folder: Path) -> ActionVideo:
    path = f"{VIDEOS}/e{episode:04d}_{camera.rpartition('.')[2]}.mp4"
    write_video(folder / path, dataset.frames(episode, camera), dataset.fps)
    return ActionVideo(video_path=path)


def pose_numbers(poses: Floats) -> Floats:
    """x, y, z in m and roll, pitch, yaw in rad, (T, 6), of poses, (T, 4, 4): R = Rz(yaw) Ry(pitch) Rx(roll)."""
    turn = poses[:, :3, :3]
    roll = np.arctan2(turn[:, 2, 1], turn[:, 2, 2])
    pitch = np.arctan2(-turn[:, 2, 0], np.hypot(turn[:, 0, 0], turn[:, 1, 0]))
    yaw = np.arctan2(turn[:, 1, 0], turn[:, 0, 0])
    return np.concatenate([poses[:, :3, 3], np.stack([roll, pitch, yaw], axis=1)], axis=1)
