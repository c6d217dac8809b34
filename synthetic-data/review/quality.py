"""What came of a plan: verdicts, scores, coverage and diversity, from the files of the chain."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from physai.infrastructure.contracts import (
    ClipVerdict,
    Contract,
    Digest,
    Document,
    Generation,
    GenerationPlan,
    Threshold,
    VerificationReport,
)
from physai.infrastructure.contracts.synthetic import Share
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.datasets.video import decode

from ..coverage import coverage
from ..generate import made_clip, planned_dataset, video_path
from ..plan import check_report, recorded_episodes
from .diversity import Diversity, Picture, diversity


class ScoreSpread(Contract):
    """One score over all clips that have it."""

    name: str
    threshold: Threshold
    accepted: tuple[float, ...]
    rejected: tuple[float, ...]


class Covered(Contract):
    """How much of the range of one dimension is seen, in tenths of it."""

    dimension: str
    real: Share
    planned: Share
    accepted: Share
    """By the real set and the accepted clips."""


class QualityReport(Document):
    """`quality.json`."""

    kind: Literal["synthetic-quality"] = "synthetic-quality"
    version: Literal[1] = 1
    plan: Digest
    dataset: Digest
    backend: str
    model: str
    """What generated; empty if nothing did."""
    judge: str
    clips: tuple[ClipVerdict, ...]
    reasons: dict[str, int]
    """Check → clips it rejected."""
    scores: tuple[ScoreSpread, ...]
    coverage: tuple[Covered, ...]
    real: Diversity
    """Of the recorded episodes that may be varied."""
    accepted: Diversity
    both: Diversity


class Shown(NamedTuple):
    """One clip to look at."""

    verdict: ClipVerdict
    generation: Generation
    source: Picture
    """Middle frame of the source."""
    frames: tuple[Picture, ...]
    """First, middle and last frame of the clip; none if there is no such clip."""


def quality(
    plan: GenerationPlan, root: Path, clips: Path, report: VerificationReport
) -> tuple[QualityReport, list[Shown]]:
    """Look at all clips of a plan through its first camera.

    Raises:
        OtherPlanError: If the report is of another plan, or does not speak of every clip.
        OtherDatasetError: If `root` is not the dataset of the plan.
    """
    check_report(plan, report)
    dataset = planned_dataset(plan, root)
    shown = list(_shown(plan, dataset, clips, report))
    real = [_middle(dataset, episode, plan.cameras[0]) for episode in recorded_episodes(dataset)]
    accepted = [clip.frames[1] for clip in shown if clip.verdict.accepted and clip.frames]
    made = QualityReport(
        plan=plan.digest,
        dataset=plan.dataset,
        backend=plan.variations.backend,
        model=_model(plan, clips),
        judge=report.judge,
        clips=report.clips,
        reasons=dict(
            Counter(reason.partition(":")[0] for clip in report.clips for reason in clip.reasons).most_common()
        ),
        scores=tuple(_spreads(report)),
        coverage=tuple(_covered(plan, dataset, report)),
        real=diversity(real),
        accepted=diversity(accepted),
        both=diversity([*real, *accepted]),
    )
    return made, shown


def _shown(plan: GenerationPlan, dataset: Dataset, clips: Path, report: VerificationReport) -> Iterator[Shown]:
    camera = plan.cameras[0]
    for verdict, generation in zip(report.clips, plan.generations, strict=True):
        frames: tuple[Picture, ...] = ()
        if made_clip(plan, clips, generation):
            path = video_path(clips, generation.id, camera)
            pictures = decode(path, 0, generation.rows, plan.fps, generation.episode)
            frames = (pictures[0], pictures[len(pictures) // 2], pictures[-1])
        yield Shown(verdict, generation, _middle(dataset, generation.episode, camera), frames)


def _middle(dataset: Dataset, episode: int, camera: str) -> Picture:
    return np.asarray(dataset.frames(episode, camera)[dataset.lengths[episode] // 2], np.uint8)


def _model(plan: GenerationPlan, clips: Path) -> str:
    made = (made_clip(plan, clips, generation) for generation in plan.generations)
    return next((clip.model for clip in made if clip), "")


def _spreads(report: VerificationReport) -> Iterator[ScoreSpread]:
    for name, threshold in report.thresholds.items():
        found = {
            state: tuple(clip.scores[name] for clip in report.clips if clip.accepted == state and name in clip.scores)
            for state in (True, False)
        }
        if found[True] or found[False]:
            yield ScoreSpread(name=name, threshold=threshold, accepted=found[True], rejected=found[False])


def _covered(plan: GenerationPlan, dataset: Dataset, report: VerificationReport) -> Iterator[Covered]:
    pairs = zip(report.clips, plan.generations, strict=True)
    let_in = coverage(dataset, plan.variations, [g.variation for verdict, g in pairs if verdict.accepted])
    for planned, accepted in zip(plan.coverage, let_in, strict=True):
        yield Covered(
            dimension=planned.dimension, real=planned.real, planned=planned.planned, accepted=accepted.planned
        )
