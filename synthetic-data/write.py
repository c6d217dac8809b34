"""Makes a dataset of the recorded episodes and the accepted clips, each with its complete lineage."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from physai.infrastructure.contracts import (
    Clip,
    Contract,
    DatasetVerification,
    Digest,
    DroppedEpisode,
    EpisodeSource,
    Generated,
    GenerationPlan,
    PlanVerdicts,
    Variation,
    VerificationReport,
    VerifiedClip,
)
from physai.infrastructure.datasets import Dataset, DatasetWriter, publish
from physai.infrastructure.datasets.stats import image_stats
from physai.infrastructure.datasets.video import decode

from .errors import NothingAcceptedError
from .generate import made_clip, planned_dataset, video_path
from .plan import HELDOUT, check_report, training_episodes

CHANGED = "changed: the clip is not the one that was checked"


class WriteReport(Contract):
    """What was written."""

    dataset: str
    content: Digest
    parent: Digest
    episodes: int
    """All, originals included."""
    generated: int
    rejected: int
    rows: int
    frames: dict[str, int]
    """Camera → frames decoded from the finished video; as many as rows."""
    published: bool


def write(
    plan: GenerationPlan,
    root: Path,
    clips: Path,
    report: VerificationReport,
    output: Path,
    *,
    originals: bool = True,
    publish_it: bool = True,
) -> WriteReport:
    """Write the dataset: training episodes, accepted clips with the actions of their source, held-out episodes.

    Args:
        plan: What was to be generated.
        root: The dataset it was planned from.
        clips: The generated clips.
        report: The verdicts on them.
        output: Where the dataset appears.
        originals: Take the recorded episodes over; if not, only accepted clips are written.
        publish_it: Put the result into the store.

    Raises:
        OtherPlanError: If the report is of another plan, or does not speak of every clip.
        NothingAcceptedError: If no clip may become data.
        OtherDatasetError: If `root` is not the dataset of the plan.
    """
    check_report(plan, report)
    if not report.accepted:
        raise NothingAcceptedError(len(report.clips), [reason for clip in report.clips for reason in clip.reasons])
    dataset = planned_dataset(plan, root)
    train = training_episodes(dataset)
    held = [index for index in range(dataset.num_episodes) if index not in train]
    if not originals:
        train, held = [], []
    with DatasetWriter(
        output,
        fps=dataset.fps,
        features=dataset.info.recorded,
        robot=plan.robot,
        task=dataset.required_provenance.task,
    ) as writer:
        writer.add_parent(dataset)
        for index in train:
            writer.copy_episode(dataset, index, source=_source(dataset, index))
        verdicts = PlanVerdicts(
            plan=plan.digest,
            dataset=plan.dataset,
            thresholds=report.thresholds,
            judge=report.judge,
            clips=_add_accepted(writer, dataset, plan, clips, report),
        )
        if all(clip.episode is None for clip in verdicts.clips):
            raise NothingAcceptedError(len(verdicts.clips), [r for clip in verdicts.clips for r in clip.reasons])
        for index in held:
            writer.copy_episode(dataset, index, source=_source(dataset, index))
        places = {index: (number,) for number, index in enumerate(train)}
        places |= {index: (writer.num_episodes - len(held) + number,) for number, index in enumerate(held)}
        before = dataset.verification.plans if dataset.verification else ()
        carried = [earlier.renumbered(places) for earlier in before]
        writer.verification = DatasetVerification(plans=(*carried, verdicts))
        generated = writer.num_episodes - len(train) - len(held)
        writer.splits = {"train": len(train) + generated, HELDOUT: len(held)}
    written = Dataset(output)
    if publish_it:
        publish(output)
    return WriteReport(
        dataset=str(output),
        content=written.required_provenance.content,
        parent=plan.dataset,
        episodes=written.num_episodes,
        generated=generated,
        rejected=len(plan.generations) - generated,
        rows=written.info.total_frames,
        frames=writer.frames,
        published=publish_it,
    )


def _add_accepted(
    writer: DatasetWriter, dataset: Dataset, plan: GenerationPlan, folder: Path, report: VerificationReport
) -> tuple[VerifiedClip, ...]:
    """Add the accepted clips, note the others as dropped; the verdicts with the episode that each became."""
    verified = []
    for found, generation in zip(report.clips, plan.generations, strict=True):
        verdict, at = found, None
        clip = made_clip(plan, folder, generation) if found.accepted else None
        if clip and clip.videos == report.videos.get(found.id):
            at = _add(writer, dataset, plan, folder, clip, found.scores)
        elif found.accepted:
            verdict = found.model_copy(update={"accepted": False, "reasons": (CHANGED,)})
        verified.append(VerifiedClip(**dict(verdict), source_episode=generation.episode, episode=at))
        if at is None:
            reason = f"{verdict.id}: {'; '.join(verdict.reasons)}"
            writer.dropped.append(DroppedEpisode(source=plan.dataset, source_episode=generation.episode, reason=reason))
    return tuple(verified)


def _add(
    writer: DatasetWriter, dataset: Dataset, plan: GenerationPlan, folder: Path, clip: Clip, scores: dict[str, float]
) -> int:
    generation = clip.generation
    paths = {camera: video_path(folder, generation.id, camera) for camera in plan.cameras}
    stats = {
        camera: image_stats(decode(path, 0, generation.rows, plan.fps, generation.episode))
        for camera, path in paths.items()
    }
    columns = {
        name: np.asarray(values)
        for name, values in dataset.episode(generation.episode).items()
        if name in dataset.info.recorded
    }
    generated = Generated(
        plan=plan.digest,
        request=clip.request,
        backend=clip.backend,
        model=clip.model,
        model_digest=clip.model_digest,
        seed=generation.seed,
        prompt=generation.variation.prompt,
        controls={str(name): weight for name, weight in generation.variation.controls.items()},
        scores=scores,
    )
    source = _source(dataset, generation.episode).model_copy(
        update={
            "generator": f"synthetic-{clip.backend}",
            "parameters": parameters(generation.variation),
            "generated": generated,
        }
    )
    return writer.add_clips(columns, paths, stats, source=source, task=dataset.tasks[generation.episode])


def parameters(variation: Variation) -> dict[str, float]:
    """The numbers of a variation by their path, e.g. `photometric.contrast`."""
    return dict(_numbers("", variation.model_dump(exclude_none=True, exclude={"prompt", "controls"})))


def _numbers(path: str, value: Any) -> list[tuple[str, float]]:
    if isinstance(value, Mapping):
        return [pair for key, inner in value.items() for pair in _numbers(f"{path}.{key}" if path else key, inner)]
    if isinstance(value, list | tuple):
        return [pair for index, inner in enumerate(value) for pair in _numbers(f"{path}.{index}", inner)]
    return [(path, float(value))] if isinstance(value, int | float) else []


def _source(dataset: Dataset, index: int) -> EpisodeSource:
    provenance = dataset.required_provenance
    return provenance.episodes[index].model_copy(update={"source": provenance.content, "source_episode": index})
