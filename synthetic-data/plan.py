"""Turns a dataset and a variation file into a list of generations, with its coverage and its cost."""

from pathlib import Path

from physai.infrastructure.contracts import Generation, GenerationPlan, Scene, Variations, VerificationReport
from physai.infrastructure.datasets import Dataset

from .cosmos.multiview import view_cameras
from .cost import estimate
from .coverage import coverage
from .distractors import Reach, place
from .draw import draw
from .errors import DepthCameraError, NoCameraError, NoEpisodeError, OtherPlanError
from .scene import robot_model, simulated_scene, view_of

HELDOUT = "heldout"
UNTIMED = "no time of robot multi-view is published: as if each camera were made alone"


def make_plan(root: Path, variations: Variations) -> GenerationPlan:
    """Plan the generations of every recorded training episode; held-out and generated ones are never varied.

    Raises:
        NoCameraError: If there is no picture to vary.
        NoEpisodeError: If there is no episode to vary.
        DepthCameraError: If there is depth, which cannot be varied with the pictures.
        NoModelError: If the robot's shapes are not known.
        UnknownCameraError: If it is not known where a camera stands.
        ThreeCamerasError: If all cameras are to be generated together, and there are not three.
        DatasetError: If the dataset cannot be read, or is not what its provenance says.
    """
    if variations.backend == "cosmos":  # light is its prompts' business
        variations = variations.model_copy(update={"photometric": None})
    dataset = Dataset(root)
    cameras = _cameras(dataset)
    content = dataset.verify()
    robot_model(dataset.info.robot_type or "unknown")
    scene = variations.scene or simulated_scene()
    for camera in cameras:
        view_of(scene, camera)
    generations = _generations(dataset, variations, scene)
    cost = estimate(variations.backend, [generation.rows for generation in generations], len(cameras))
    if variations.views == "together":
        view_cameras(cameras)
        cost = cost.model_copy(update={"source": f"{cost.source}; {UNTIMED}"})
    return GenerationPlan(
        dataset=content,
        robot=dataset.required_provenance.robot,
        fps=dataset.fps,
        cameras=cameras,
        scene=scene,
        variations=variations,
        generations=generations,
        coverage=coverage(dataset, variations, [generation.variation for generation in generations]),
        cost=cost,
    )


def _cameras(dataset: Dataset) -> tuple[str, ...]:
    for camera in dataset.info.depth_cameras:
        raise DepthCameraError(dataset.root, camera)
    cameras = tuple(dataset.info.colour_cameras)
    if not cameras:
        raise NoCameraError(dataset.root, list(dataset.info.recorded))
    return cameras


def _generations(dataset: Dataset, variations: Variations, scene: Scene) -> tuple[Generation, ...]:
    episodes = recorded_episodes(dataset)
    if not episodes:
        raise NoEpisodeError(dataset.root, dataset.num_episodes)
    pairs = [(episode, copy) for copy in range(variations.copies) for episode in episodes]
    found = []
    for number, ((episode, copy), variation) in enumerate(zip(pairs, draw(variations, len(pairs)), strict=True)):
        seed = variations.seed * 1_000_003 + number
        if variations.objects:
            things = place(variations.objects, Reach.of(dataset, episode, scene), seed)
            variation = variation.model_copy(update={"objects": things})
        found.append(
            Generation(
                id=f"e{episode:04d}-v{copy:02d}",
                episode=episode,
                copy_number=copy,
                rows=dataset.lengths[episode],
                seed=seed,
                variation=variation,
            )
        )
    return tuple(found)


def training_episodes(dataset: Dataset) -> list[int]:
    """Episodes that are not held out."""
    held = dataset.splits.get(HELDOUT, range(0))
    return [index for index in range(dataset.num_episodes) if index not in held]


def recorded_episodes(dataset: Dataset) -> list[int]:
    """Training episodes that were recorded; where the camera of a generated one stands, the scene does not say."""
    sources = dataset.required_provenance.episodes
    return [index for index in training_episodes(dataset) if sources[index].generated is None]


def check_report(plan: GenerationPlan, report: VerificationReport) -> None:
    """Whether a report is of a plan.

    Raises:
        OtherPlanError: If it is of another one, or does not speak of every clip.
    """
    clips = [generation.id for generation in plan.generations]
    if report.plan != plan.digest or [clip.id for clip in report.clips] != clips:
        raise OtherPlanError(report.plan, plan.digest)
