"""How much of what is drawn from is seen by the real set, and by the planned one."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from physai.infrastructure.contracts import CameraTurn, Coverage, Variation, Variations
from physai.infrastructure.contracts.synthetic import PhotometricRanges, Range
from physai.infrastructure.datasets import Dataset

TENTHS = 10
LAMP = {"azimuth_deg": -45.0, "elevation_deg": 35.26, "intensity": 1.0, "temperature_k": 6500.0}
"""Of the scene as the task has it. Source: Newton 1.6, `SensorTiledCamera.utils.create_default_light`."""
AXES = {"x_m": 0.0, "y_m": 0.0, "z_m": 0.0}


def coverage(dataset: Dataset, variations: Variations, planned: Sequence[Variation]) -> tuple[Coverage, ...]:
    """How much of each drawn range the real set sees, and how much it will with the plan.

    The real set's brightness and contrast are those of each recorded episode's middle frame against their mean; all
    else stands at its neutral value.
    """
    return (
        *_relit(dataset, variations, planned),
        *_moved(variations, planned),
        *_chosen(variations, planned),
        *_colored(variations, planned),
        *_placed(variations, planned),
    )


def _relit(dataset: Dataset, variations: Variations, planned: Sequence[Variation]) -> Iterator[Coverage]:
    light = variations.photometric
    if light is None:
        return
    brightness, contrast = _real_light(dataset)
    real: Mapping[str, Sequence[float]] = {"brightness": brightness, "contrast": contrast}
    for name in PhotometricRanges.model_fields:
        values = [getattr(variation.photometric, name) for variation in planned]
        yield _tenths(name, getattr(light, name), real.get(name, [0.0]), values)


def _moved(variations: Variations, planned: Sequence[Variation]) -> Iterator[Coverage]:
    """Of the camera's turn, the lamp, and the camera's place."""
    if variations.camera:
        for name in CameraTurn.model_fields:
            values = [getattr(variation.camera, name) for variation in planned if variation.camera]
            yield _tenths(name, getattr(variations.camera, name), [1.0 if name == "zoom" else 0.0], values)
    for what, ranges, axes in (("light", variations.light, LAMP), ("shift_m", variations.shift, AXES)):
        for index, (name, neutral) in enumerate(axes.items()) if ranges else ():
            yield _tenths(f"{what}.{name}", getattr(ranges, name), [neutral], _numbers(planned, what, index, name))


def _chosen(variations: Variations, planned: Sequence[Variation]) -> Iterator[Coverage]:
    """Of what is one of several; the real set has none of them."""
    texture, background = variations.texture, variations.background
    chosen: tuple[tuple[str, Sequence[str], Sequence[str | None]], ...] = (
        ("texture", texture.looks if texture else (), [v.texture.look if v.texture else None for v in planned]),
        (
            "background",
            background.looks if background else (),
            [v.background.look if v.background else None for v in planned],
        ),
        ("prompts", variations.prompts, [v.prompt for v in planned]),
    )
    for name, options, found in chosen:
        if options:
            seen = set(found) & set(options)
            yield Coverage(dimension=name, real=0.0, planned=len(seen) / len(set(options)))


def _colored(variations: Variations, planned: Sequence[Variation]) -> Iterator[Coverage]:
    """Of each part's cube of colours, in octants."""
    for part in variations.colors.parts if variations.colors else ():
        octants = {tuple(channel >= 0.5 for channel in v.colors[part]) for v in planned if part in v.colors}
        yield Coverage(dimension=f"colors.{part}", real=0.0, planned=len(octants) / 8)


def _placed(variations: Variations, planned: Sequence[Variation]) -> Iterator[Coverage]:
    """Of the objects: their shapes, how many there are at once, and where they stand. The real set has none."""
    ranges = variations.objects
    if ranges is None:
        return
    things = [thing for variation in planned for thing in variation.objects]
    seen = {thing.shape for thing in things} & set(ranges.shapes)
    yield Coverage(dimension="objects.shape", real=0.0, planned=len(seen) / len(set(ranges.shapes)))
    counts = range(ranges.count[0], ranges.count[1] + 1)
    found = {len(variation.objects) for variation in planned}
    yield Coverage(
        dimension="objects.count",
        real=float(0 in counts) / len(counts),
        planned=len(({0} | found) & set(counts)) / len(counts),
    )
    yield _tenths("objects.radius_m", ranges.radius_m, [], [thing.radius_m for thing in things])
    for axis, name in enumerate(("x_m", "y_m")):
        yield _tenths(f"objects.{name}", getattr(ranges, name), [], [thing.center_m[axis] for thing in things])


def _numbers(planned: Sequence[Variation], what: str, index: int, name: str) -> list[float]:
    """One number of a part of each variation that has it."""
    parts = [part for variation in planned if (part := getattr(variation, what)) is not None]
    return [part[index] if isinstance(part, tuple) else getattr(part, name) for part in parts]


def _tenths(name: str, low_high: Range, real: Sequence[float], planned: Sequence[float]) -> Coverage:
    def filled(values: Sequence[float]) -> set[int]:
        low, high = low_high
        width = (high - low) or 1.0
        return {min(int((value - low) / width * TENTHS), TENTHS - 1) for value in values if low <= value <= high}

    return Coverage(
        dimension=name, real=len(filled(real)) / TENTHS, planned=len(filled(real) | filled(planned)) / TENTHS
    )


def _real_light(dataset: Dataset) -> tuple[list[float], list[float]]:
    """Of each recorded episode: brightness against the mean, in fractions of white, and contrast over the mean."""
    camera = next(iter(dataset.info.cameras))
    sources = dataset.required_provenance.episodes
    recorded = [index for index in range(dataset.num_episodes) if sources[index].generated is None]
    middles = [dataset.frames(i, camera)[dataset.lengths[i] // 2].mean(axis=-1) for i in recorded]
    means, spreads = np.array([m.mean() for m in middles]), np.array([m.std() for m in middles])
    return list((means - means.mean()) / 255), list(spreads / max(float(spreads.mean()), 1e-6))
