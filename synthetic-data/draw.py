"""Draws variations, so that each dimension is covered evenly however few there are."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import (
    CameraTurn,
    ColorRanges,
    Light,
    LightRanges,
    Pattern,
    PatternRanges,
    Photometric,
    ShiftRanges,
    TurnRanges,
    Variation,
    Variations,
)
from physai.infrastructure.contracts.synthetic import Look, PhotometricRanges, Range, Vector


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


def draw(variations: Variations, n: int) -> list[Variation]:
    """Draw n variations but for their objects, which need a free place; the same file gives the same ones."""
    latin = Latin(n, variations.seed)
    light = _photometric(latin, variations.photometric, n)
    texture = _pattern(latin, variations.texture, n)
    background = _pattern(latin, variations.background, n, strong=True)
    camera = _turn(latin, variations.camera, n)
    lamps = _lights(latin, variations.light, n)
    colors = _colors(latin, variations.colors, n)
    shifts = _shifts(latin, variations.shift, n)
    prompts = latin.choice(variations.prompts) if variations.prompts else [""] * n
    controls = variations.controls if variations.backend == "cosmos" else {}
    return [
        Variation(
            photometric=light[i],
            texture=texture[i],
            background=background[i],
            camera=camera[i],
            light=lamps[i],
            colors=colors[i],
            shift_m=shifts[i],
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


def _lights(latin: Latin, ranges: LightRanges | None, n: int) -> list[Light | None]:
    if ranges is None:
        return [None] * n
    names = ["azimuth_deg", "elevation_deg", "intensity", "temperature_k"]
    columns = [latin.number(getattr(ranges, name)) for name in names]
    shadows = latin.chosen(ranges.shadows)
    rows = zip(*columns, strict=True)
    return [Light(**dict(zip(names, row, strict=True)), shadows=shadows[i]) for i, row in enumerate(rows)]


def _colors(latin: Latin, ranges: ColorRanges | None, n: int) -> list[dict[str, Vector]]:
    if ranges is None:
        return [{}] * n
    drawn = {part: latin.color(ranges.spread) for part in ranges.parts}
    chosen = latin.chosen(ranges.share)
    return [{part: colors[i] for part, colors in drawn.items()} if chosen[i] else {} for i in range(n)]


def _shifts(latin: Latin, ranges: ShiftRanges | None, n: int) -> list[Vector | None]:
    if ranges is None:
        return [None] * n
    return list(zip(*(latin.number(getattr(ranges, axis)) for axis in ("x_m", "y_m", "z_m")), strict=True))


def _turn(latin: Latin, ranges: TurnRanges | None, n: int) -> list[CameraTurn | None]:
    if ranges is None:
        return [None] * n
    names = list(CameraTurn.model_fields)
    columns = [latin.number(getattr(ranges, name)) for name in names]
    turns = [CameraTurn(**dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)]
    return [turn if chosen else None for turn, chosen in zip(turns, latin.chosen(ranges.share), strict=True)]
