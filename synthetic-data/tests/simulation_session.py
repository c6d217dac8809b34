"""Run by `test_synthetic_simulation.py` in a process of its own: one start of Isaac Lab, many clips, told as JSON."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from physai.infrastructure.contracts import (
    Condition,
    Scene,
    Sphere,
    Variation,
    Variations,
    View,
    digest_bytes,
)
from physai.infrastructure.datasets import Dataset, DatasetWriter, camera, vector
from physai.infrastructure.datasets.video import count_frames
from physai.infrastructure.simulation import expert, play
from physai.infrastructure.tests.datasets_samples import source
from physai.synthetic_data.backend import Request
from physai.synthetic_data.cosmos.runners import Task
from physai.synthetic_data.cosmos.schema import TransferSpec
from physai.synthetic_data.cosmos.transfer import CosmosBackend
from physai.synthetic_data.generate import generate
from physai.synthetic_data.mimic_dataset import make
from physai.synthetic_data.plan import make_plan
from physai.synthetic_data.scene import axes, link_poses, robot_model, simulated_scene
from physai.synthetic_data.simulation import SimulationBackend, open_stage, seen_from
from physai.synthetic_data.verify.run import verify
from physai.synthetic_data.write import write

FRONT, SIDE = "observation.images.front", "observation.images.side"
SIZE = 96
SCENE = Scene(
    views=simulated_scene().views | {SIDE: View(eye_m=(1.3, -1.3, 0.9), look_at_m=(0.3, 0, 0.3), field_of_view_deg=45)},
    objects=(Sphere(),),
)
PHOTO = {"brightness": (0.0, 0.0), "contrast": (1.0, 1.0), "hue_deg": (0.0, 0.0), "noise": (0.0, 2.0)}
VARIED = {
    "kind": "variations",
    "version": 1,
    "backend": "simulation",
    "photometric": PHOTO,
    "light": {},
    "colors": {},
    "shift": {},
    "camera": {"share": 0.5},
    "texture": {"share": 0.5},
    "background": {"share": 0.3},
    "objects": {"count": (1, 3)},
    "scene": SCENE.model_dump(),
}


def main(folder: Path) -> None:
    """Do everything once, and print one JSON object."""
    root = record(folder / "recorded")
    facts: dict[str, Any] = {"rows": Dataset(root).lengths}
    variations = Variations.model_validate_json(json.dumps(VARIED))
    plan = make_plan(root, variations)
    backend = SimulationBackend()
    made = generate(plan, root, folder / "clips", backend)
    report = verify(plan, root, folder / "clips")
    written = write(plan, root, folder / "clips", report, folder / "varied", publish_it=False)
    facts["failed"], facts["reasons"] = made.failed, {clip.id: clip.reasons for clip in report.clips}
    facts["scores"] = [clip.scores for clip in report.clips]
    facts["coverage"] = {row.dimension: row.planned for row in plan.coverage}
    facts["objects"] = [len(generation.variation.objects) for generation in plan.generations]
    facts["clips"] = [str(path) for path in sorted((folder / "clips").glob("e*"))]
    facts |= (
        again(folder, root, plan, backend, written.content) | neutral(root, plan) | refused(folder, root, variations)
    )
    facts |= photorealistic(folder, root) | mimicked(folder, root)
    json.dump(facts, sys.stdout)


def record(root: Path) -> Path:
    """Three episodes of the expert seen by two cameras, and a fourth whose elbow is not where it was."""
    stage = open_stage("ur10")
    from physai.infrastructure.simulation.stage import Setting

    env = stage.env
    rollouts = list(play(env, expert(env), env.sample_conditions(4, 0), horizon_s=4.0, tail_steps=4))
    features = {
        "observation.state": vector(env.joint_names),
        "observation.environment_state": vector(["x", "y", "z", "qx", "qy", "qz", "qw"]),
        "action": vector(env.joint_names),
        FRONT: camera(SIZE, SIZE),
        SIDE: camera(SIZE, SIZE),
    }
    with DatasetWriter(root, fps=30, features=features, robot="ur10", task="Reach") as writer:
        for number, rollout in enumerate(sorted(rollouts, key=lambda rollout: rollout.condition)):
            joints = rollout.observations["observation.state"]
            target = rollout.observations["observation.environment_state"]
            seen = seen_as_recorded(stage, joints, target, Setting())
            if number == 3:
                joints = joints + np.float32([0, 0, 0.05, 0, 0, 0])
            columns = {"observation.state": joints, "observation.environment_state": target, "action": rollout.actions}
            told = source(number).model_copy(update={"world": "nominal"})
            writer.add_episode(columns, seen, source=told)
        writer.splits = {"train": 4, "heldout": 0}
    return root


def seen_as_recorded(stage: Any, joints: Any, target: Any, setting: Any) -> dict[str, Any]:
    """Both cameras' pictures of the scene as it is."""
    from physai.infrastructure.simulation.stage import Lens
    from physai.synthetic_data.lamp import displayed

    lenses = {
        name: Lens(view.eye_m, axes(view), view.field_of_view_deg, SIZE, SIZE) for name, view in SCENE.views.items()
    }
    batches = list(stage.shoot(joints, target, lenses, setting))
    return {
        name: np.concatenate(
            [
                (255 * displayed(np.where((b[name].part < 0)[..., None], 0.855, b[name].radiance))).astype(np.uint8)
                for b in batches
            ]
        )
        for name in lenses
    }


def again(folder: Path, root: Path, plan: Any, backend: Any, content: str) -> dict[str, Any]:
    """The same plan, stopped after its first clip, and taken up again."""

    class StoppedError(Exception):
        """By hand."""

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise StoppedError

    try:
        generate(plan, root, folder / "again", backend, progress=stop)
    except StoppedError:
        there = {path.name: path.stat().st_mtime_ns for path in (folder / "again").glob("e*/clip.json")}
    made = generate(plan, root, folder / "again", backend).made
    kept = {path.name: path.stat().st_mtime_ns for path in (folder / "again").glob("e*/clip.json")}
    report = verify(plan, root, folder / "again")
    written = write(plan, root, folder / "again", report, folder / "varied-again", publish_it=False)
    same = {
        path.name: path.read_bytes() == (folder / "again" / path.parent.name / path.name).read_bytes()
        for path in (folder / "clips").glob("e0000*/*.*")
        if path.name != "clip.json"
    }
    return {
        "made_after_stop": made,
        "kept": all(kept[name] >= stamp for name, stamp in there.items()),
        "content": [content, written.content],
        "same_files": same,
    }


def neutral(root: Path, plan: Any) -> dict[str, Any]:
    """The stage's picture of the scene as it is, against the simulator's own camera."""
    from physai.infrastructure.simulation.stage import Setting

    stage = open_stage("ur10")
    env, columns = stage.env, Dataset(root).episode(0)
    joints, target = columns["observation.state"][:16], columns["observation.environment_state"][:16]
    ours = seen_as_recorded(stage, joints, target, Setting())[FRONT].astype(int)
    conditions = [
        Condition(joint_pos_rad=tuple(map(float, pose)), command=tuple(map(float, aim)))
        for pose, aim in zip(joints, target, strict=True)
    ]
    env.begin(np.arange(16), conditions)
    off = np.abs(ours - env.images().astype(int))
    request = Request(plan.generations[0].model_copy(update={"variation": Variation()}), plan, Dataset(root))
    parts = request.parts(FRONT)
    shots = list(stage.shoot(joints, target, _lens(request), Setting()))
    shown = shots[0][FRONT].part
    robot = np.isin(shown, [i for i, part in enumerate(stage.parts) if part.startswith("Robot")])
    return {
        "differing_levels": float((off > 1).mean()),
        "silhouette_differs": float((robot != (parts[:16] >= 0)).mean()),
        "depth_m": [float(shots[0][FRONT].depth_m[robot].min()), float(shots[0][FRONT].depth_m[robot].max())],
        "unit_normals": float(np.abs(np.linalg.norm(shots[0][FRONT].normal[robot], axis=-1) - 1).max()),
        "worn": worn(stage, columns),
    }


def photorealistic(folder: Path, root: Path) -> dict[str, Any]:
    """The chain to Cosmos with a runner that gives its input back: inputs, views, replay and verdict."""
    specs = []

    class Returning:
        """Keeps what it is given and returns the input video."""

        def run(self, task: Task) -> list[bytes]:
            assert isinstance(task.spec, TransferSpec)
            counts = {path.stem: count_frames(path) for path in sorted(task.path.parent.glob("*.mp4"))}
            specs.append({"spec": json.loads(task.spec.text()), "frames": counts})
            return [(task.path.parent / task.spec.video_path).read_bytes()]

    prompted = VARIED | {"backend": "cosmos", "start_from": "simulation", "prompts": ["a kitchen"], "photometric": None}
    prompted |= {"controls": {"depth": 1.0, "seg": 0.5}, "texture": None}
    whole = make_plan(root, Variations.model_validate_json(json.dumps(prompted)))
    plan = whole.model_copy(update={"generations": whole.generations[2:]})
    made = generate(plan, root, folder / "cosmos", CosmosBackend(Returning(), digest_bytes(b"none")))
    report = verify(plan, root, folder / "cosmos")
    return {
        "cosmos_failed": made.failed,
        "cosmos_specs": specs,
        "cosmos_reasons": [clip.reasons for clip in report.clips],
        "cosmos_replay_rad": report.clips[0].scores["replay_rad"],
    }


def mimicked(folder: Path, root: Path) -> dict[str, Any]:
    """New episodes, made twice; and their tools against their targets."""
    made = [
        make(root, folder / name, episodes=6, seed=5, scene=SCENE, publish_it=False)
        for name in ("mimic", "mimic-again")
    ]
    dataset = Dataset(folder / "mimic")
    links = robot_model("ur10").links
    ends = [dataset.episode(i) for i in range(dataset.num_episodes)]
    return {
        "mimic_episodes": [report.episodes for report in made],
        "mimic_content": [report.content for report in made],
        "mimic_sources": [source.source_episode for source in dataset.required_provenance.episodes],
        "mimic_end_m": [
            float(
                np.linalg.norm(
                    link_poses(links, end["observation.state"][-1].astype(float))[-1, :3, 3]
                    - end["observation.environment_state"][-1][:3]
                )
            )
            for end in ends
        ],
        "mimic_step_rad": max(float(np.abs(np.diff(end["observation.state"], axis=0)).max()) for end in ends),
        "mimic_targets": [end["observation.environment_state"][0][:3].tolist() for end in ends],
        "mimic_frames": dataset.frames(0, SIDE).shape,
        "recorded_targets": [
            Dataset(root).episode(i)["observation.environment_state"][0][:3].tolist() for i in range(4)
        ],
    }


def _lens(request: Request) -> dict[str, Any]:
    from physai.infrastructure.simulation.stage import Lens

    view = seen_from(request.scene.views[FRONT], request)
    return {FRONT: Lens(view.eye_m, axes(view), view.field_of_view_deg, SIZE, SIZE)}


def worn(stage: Any, columns: Any) -> float:
    """How far drives of a tenth of the stiffness depart from the recording, in rad."""
    from physai.infrastructure.simulation.stage import Motion

    joints = columns["observation.state"]
    motion = Motion(joints[0], columns["observation.environment_state"][0], columns["action"], 0.1)
    return float(np.abs(stage.play([motion])[0] - joints).max())


def refused(folder: Path, root: Path, variations: Variations) -> dict[str, Any]:
    """What is not shown, by name; and that setting the states shows the altered episode as it was altered."""
    states = make_plan(root, variations.model_copy(update={"replay": "states"}))
    altered = states.model_copy(update={"generations": states.generations[3:4]})
    shown = generate(altered, root, folder / "states", SimulationBackend())
    return {"states_failed": shown.failed, "joints": robot_model("ur10").joints}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
