"""Turns a dataset and a variation file into a list of generations, with its coverage and its cost."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import (
    CameraTurn,
    Coverage,
    Generation,
    GenerationPlan,
    Pattern,
    PatternRanges,
    Photometric,
    Variation,
    Variations,
)
from physai.infrastructure.contracts.synthetic import Look, PhotometricRanges, Range, TurnRanges
from physai.infrastructure.datasets import Dataset

from .cost import estimate
from .errors import DepthCameraError, NoCameraError
from .scene import robot_model, simulated_scene, view_of

HELDOUT = "heldout"
TENTHS = 10


class Latin:
    """Draws so that each dimension's range is covered evenly, however many are drawn.

    Source: McKay, Beckman, Conover 1979, doi 10.2307/1268522: n values of a dimension fall into n equal strata, one
    each, in an order of its own.
    """

    def __init__(self, n: int, seed: int) -> None:
        self._n = n
        self._rng = np.random.default_rng(seed)

    def unit(self) -> NDArray[np.float64]:
        """A value within 0..1 for each of the n."""
        return (self._rng.permutation(self._n) + self._rng.random(self._n)) / self._n

    def number(self, low_high: Range) -> list[float]:
        """A value within the range for each of the n."""
        low, high = low_high
        return [round(low + (high - low) * float(value), 6) for value in self.unit()]

    def choice[T](self, options: Sequence[T]) -> list[T]:
        """One of the options for each of the n, all equally often."""
        return [options[int(value * len(options))] for value in self.unit()]

    def chosen(self, share: float) -> list[bool]:
        """Whether each of the n is among the share."""
        return [bool(value < share) for value in self.unit()]

    def color(self, spread: float = 0.45) -> list[tuple[float, float, float]]:
        """A colour around middle grey for each of the n."""
        channels = [self.number((0.5 - spread, 0.5 + spread)) for _ in range(3)]
        return list(zip(*channels, strict=True))


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
    drawn = draw(variations, len(pairs))
    generations = tuple(
        Generation(
            id=f"e{episode:04d}-v{copy:02d}",
            episode=episode,
            copy_number=copy,
            rows=dataset.lengths[episode],
            seed=variations.seed * 1_000_003 + number,
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


def draw(variations: Variations, n: int) -> list[Variation]:
    """Draw n variations; the same file gives the same ones."""
    latin = Latin(n, variations.seed)
    light = _photometric(latin, variations.photometric, n)
    texture = _pattern(latin, variations.texture, n)
    background = _pattern(latin, variations.background, n, strong=True)
    camera = _turn(latin, variations.camera, n)
    prompts = latin.choice(variations.prompts) if variations.prompts else [""] * n
    controls = variations.controls if variations.backend == "cosmos" else {}
    return [
        Variation(
            photometric=light[i],
            texture=texture[i],
            background=background[i],
            camera=camera[i],
            prompt=prompts[i],
            controls=controls,
        )
        for i in range(n)
    ]


def _photometric(latin: Latin, ranges: PhotometricRanges | None, n: int) -> list[Photometric]:
    if ranges is None:
        return [Photometric()] * n
    names = list(PhotometricRanges.model_fields)
    columns = [latin.number(getattr(ranges, name)) for name in names]
    return [Photometric(**dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)]


def _pattern(latin: Latin, ranges: PatternRanges | None, n: int, *, strong: bool = False) -> list[Pattern | None]:
    if ranges is None:
        return [None] * n
    looks: list[Look] = latin.choice(ranges.looks)
    scales, strengths = latin.number(ranges.scale_px), latin.number(ranges.strength)
    first, second, chosen = latin.color(), latin.color(), latin.chosen(ranges.share)
    return [
        Pattern(
            look=looks[i],
            scale_px=scales[i],
            strength=1.0 if strong else strengths[i],
            first=first[i],
            second=second[i],
        )
        if chosen[i]
        else None
        for i in range(n)
    ]


def _turn(latin: Latin, ranges: TurnRanges | None, n: int) -> list[CameraTurn | None]:
    if ranges is None:
        return [None] * n
    names = list(CameraTurn.model_fields)
    columns = [latin.number(getattr(ranges, name)) for name in names]
    turns = [CameraTurn(**dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)]
    return [turn if chosen else None for turn, chosen in zip(turns, latin.chosen(ranges.share), strict=True)]


def coverage(dataset: Dataset, variations: Variations, planned: Sequence[Variation]) -> tuple[Coverage, ...]:
    """How much of each drawn range the real set sees, and how much it will with the plan.

    The real set's brightness and contrast are those of each episode's middle frame against their mean; all else stands
    at its neutral value.
    """
    rows: list[Coverage] = []
    light = variations.photometric
    if light:
        brightness, contrast = _real_light(dataset)
        real: Mapping[str, Sequence[float]] = {"brightness": brightness, "contrast": contrast}
        rows += [
            _tenths(name, getattr(light, name), real.get(name, [0.0]), [getattr(v.photometric, name) for v in planned])
            for name in PhotometricRanges.model_fields
        ]
    if variations.camera:
        for name in CameraTurn.model_fields:
            neutral = 1.0 if name == "zoom" else 0.0
            values = [getattr(v.camera, name) for v in planned if v.camera]
            rows.append(_tenths(name, getattr(variations.camera, name), [neutral], values))
    choices: dict[str, tuple[Sequence[str], Callable[[Variation], str | None]]] = {}
    if variations.texture:
        choices["texture"] = (variations.texture.looks, lambda v: v.texture.look if v.texture else None)
    if variations.background:
        choices["background"] = (variations.background.looks, lambda v: v.background.look if v.background else None)
    if variations.prompts:
        choices["prompts"] = (variations.prompts, lambda v: v.prompt)
    for name, (options, get) in choices.items():
        seen = {get(variation) for variation in planned} & set(options)
        rows.append(Coverage(dimension=name, real=0.0, planned=len(seen) / len(set(options))))
    return tuple(rows)


def _tenths(name: str, low_high: Range, real: Sequence[float], planned: Sequence[float]) -> Coverage:
    def filled(values: Sequence[float]) -> set[int]:
        low, high = low_high
        width = (high - low) or 1.0
        return {min(int((value - low) / width * TENTHS), TENTHS - 1) for value in values if low <= value <= high}

    return Coverage(
        dimension=name, real=len(filled(real)) / TENTHS, planned=len(filled(real) | filled(planned)) / TENTHS
    )


def _real_light(dataset: Dataset) -> tuple[list[float], list[float]]:
    """Of each episode: brightness against the mean as a fraction of white, and contrast as a factor of the mean."""
    camera = next(iter(dataset.info.cameras))
    middles = [dataset.frames(i, camera)[dataset.lengths[i] // 2].mean(axis=-1) for i in range(dataset.num_episodes)]
    means, spreads = np.array([m.mean() for m in middles]), np.array([m.std() for m in middles])
    return list((means - means.mean()) / 255), list(spreads / max(float(spreads.mean()), 1e-6))
