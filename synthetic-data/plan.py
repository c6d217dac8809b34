"""Turns a dataset and a variation file into a list of generations, with its coverage and its cost."""

from pathlib import Path

from physai.infrastructure.contracts import Generation, GenerationPlan, Variations
from physai.infrastructure.datasets import Dataset

from .cost import estimate
from .coverage import coverage
from .distractors import Reach, place
from .draw import draw
from .errors import DepthCameraError, NoCameraError
from .scene import robot_model, simulated_scene, view_of

HELDOUT = "heldout"


def make_plan(root: Path, variations: Variations) -> GenerationPlan:
    """Plan the generations of every training episode; held-out episodes are never varied.

    Raises:
        NoCameraError: If there is no picture to vary.
        DepthCameraError: If there is depth, which cannot be varied with the pictures.
        NoModelError: If the robot's shapes are not known.
        UnknownCameraError: If it is not known where a camera stands.
        DatasetError: If the dataset cannot be read, or is not what its provenance says.
    """
    if variations.backend == "cosmos":  # light is its prompts' business
        variations = variations.model_copy(update={"photometric": None})
    dataset = Dataset(root)
    cameras = tuple(dataset.info.colour_cameras)
    for camera in dataset.info.depth_cameras:
        raise DepthCameraError(root, camera)
    if not cameras:
        raise NoCameraError(root, list(dataset.info.recorded))
    content = dataset.verify()
    robot_model(dataset.info.robot_type or "unknown")
    scene = variations.scene or simulated_scene()
    for camera in cameras:
        view_of(scene, camera)
    pairs = [(episode, copy) for copy in range(variations.copies) for episode in training_episodes(dataset)]
    seeds = [variations.seed * 1_000_003 + number for number in range(len(pairs))]
    drawn = draw(variations, len(pairs))
    if variations.objects:
        drawn = [
            variation.model_copy(update={"objects": place(variations.objects, Reach.of(dataset, episode, scene), seed)})
            for (episode, _), variation, seed in zip(pairs, drawn, seeds, strict=True)
        ]
    generations = tuple(
        Generation(
            id=f"e{episode:04d}-v{copy:02d}",
            episode=episode,
            copy_number=copy,
            rows=dataset.lengths[episode],
            seed=seeds[number],
            variation=variation,
        )
        for number, ((episode, copy), variation) in enumerate(zip(pairs, drawn, strict=True))
    )
    return GenerationPlan(
        dataset=content,
        robot=dataset.required_provenance.robot,
        fps=dataset.fps,
        cameras=cameras,
        scene=scene,
        variations=variations,
        generations=generations,
        coverage=coverage(dataset, variations, [generation.variation for generation in generations]),
        cost=estimate(variations.backend, [generation.rows for generation in generations], len(cameras)),
    )


def training_episodes(dataset: Dataset) -> list[int]:
    """Episodes that are not held out."""
    held = dataset.splits.get(HELDOUT, range(0))
    return [index for index in range(dataset.num_episodes) if index not in held]
