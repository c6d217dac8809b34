"""Checks every clip of a plan; what fails a check is rejected with the reason."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from physai.infrastructure.contracts import (
    Clip,
    ClipVerdict,
    Contract,
    Digest,
    Generation,
    GenerationPlan,
    JudgeVote,
    Threshold,
    VerificationReport,
    digest_file,
)
from physai.infrastructure.datasets import DatasetError
from physai.infrastructure.datasets.video import TOLERANCE_S, decode, frame_rows

from ..backend import Frames, Request
from ..generate import CLIP, TRUTH, Progress, control_path, planned_dataset, unwatched, video_path
from ..replay import LINKS_M
from ..scene import DISTRACTOR, EMPTY, Masks
from .judge import Judge
from .motion import Motion, motion
from .picture import Picture, difference, picture, thumbnail, tint

THRESHOLDS: dict[str, Threshold] = {
    "fit": Threshold(limit=0.965, side="at least"),
    "tool_fit": Threshold(limit=0.956, side="at least"),
    "lag_rows": Threshold(limit=0.75, side="at most"),
    "still_rows": Threshold(limit=0.0, side="at most"),
    "black_frames": Threshold(limit=0.0, side="at most"),
    "flicker_levels": Threshold(limit=2.0, side="at most"),
    "sharpness": Threshold(limit=0.03, side="at least"),
    "drift_levels": Threshold(limit=4.0, side="at most"),
    "views_lag_rows": Threshold(limit=1.0, side="at most"),
    "views_tint": Threshold(limit=0.03, side="at most"),
    "nearest_levels": Threshold(limit=1.0, side="at least"),
}
"""Calibrated on clean clips of `local` and on injected faults; `benchmarks/report.md` has both distributions."""

LEAST_MOTION_PX = 3.0
"""Pixels that must change per row for the lag to mean anything; below it a shift of time is not seen, nor harmful."""


class Seen(NamedTuple):
    """One camera of one clip, measured."""

    motion: Motion
    picture: Picture


def verify(
    plan: GenerationPlan,
    root: Path,
    folder: Path,
    *,
    judge: Judge | None = None,
    progress: Progress = unwatched,
) -> VerificationReport:
    """Check the clips of a plan.

    Args:
        plan: Which clips there must be.
        root: The dataset it was planned from.
        folder: Where the clips are.
        judge: Votes on clips that pass all other checks.
        progress: Told (clips checked, clips in all).

    Raises:
        OtherDatasetError: If `root` is not the dataset of the plan.
        JudgeError: If the judge cannot be asked.
    """
    dataset = planned_dataset(plan, root)
    thresholds = thresholds_of(plan)
    verdicts: list[ClipVerdict] = []
    videos: dict[str, dict[str, Digest]] = {}
    seen: defaultdict[int, list[NDArray[np.float32]]] = defaultdict(list)
    for number, generation in enumerate(plan.generations, start=1):
        request = Request(generation, plan, dataset)
        clip, frames, faults = _opened(plan, folder, request)
        if clip:
            videos[generation.id] = clip.videos
        if faults or clip is None:
            verdict = ClipVerdict(id=generation.id, accepted=False, scores={}, reasons=tuple(faults))
        else:
            small = _thumbnails(frames)
            others = [_thumbnails(request.frames()), *seen[generation.episode]]
            nearest = min(difference(small, other) for other in others)
            verdict = judged(generation.id, measure(request, clip, frames) | {"nearest_levels": nearest}, thresholds)
            if verdict.accepted:
                seen[generation.episode].append(small)
                if judge:
                    verdict = _with_vote(verdict, judge(generation, frames, plan.fps))
        verdicts.append(verdict)
        progress(number, len(plan.generations))
    return VerificationReport(
        plan=plan.digest,
        dataset=plan.dataset,
        made_at=datetime.now(UTC).replace(microsecond=0),
        thresholds=thresholds,
        judge=judge.model if judge else "",
        clips=tuple(verdicts),
        videos=videos,
    )


def _thumbnails(frames: Mapping[str, Frames]) -> NDArray[np.float32]:
    """All cameras of a clip, small."""
    return np.concatenate([thumbnail(pictures) for pictures in frames.values()])


def measure(request: Request, clip: Clip, frames: dict[str, Frames]) -> dict[str, float]:
    """All scores of a clip but that of its likeness to others."""
    sources = request.frames()
    views, tints = [], []
    for camera, pictures in frames.items():
        parts = request.parts(camera, clip.views[camera], varied=True)
        parts = np.where(parts == DISTRACTOR, np.int8(EMPTY), parts)  # it stands still, as all around it
        views.append(look(pictures, sources[camera], parts, request.model.tool()))
        if len(frames) > 1:
            before = tint(sources[camera], request.parts(camera) >= 0)
            tints.append(tint(pictures, parts >= 0) - before)
    apart = {"views_tint": float(np.ptp(tints, axis=0).max())} if tints else {}
    return clip.measured | scores(views) | apart  # what is seen here has the last word


def thresholds_of(plan: GenerationPlan) -> dict[str, Threshold]:
    """What the scores of a plan's clips must hold."""
    if not plan.variations.simulated:
        return THRESHOLDS
    of_plan = Threshold(limit=plan.variations.tolerance_rad, side="at most")
    return THRESHOLDS | {"replay_rad": of_plan, "links_m": Threshold(limit=LINKS_M, side="at most")}


def look(frames: Frames, source: Frames, parts: Masks, tool: tuple[int, ...]) -> Seen:
    """Measure one camera."""
    return Seen(motion(frames, parts, tool), picture(frames, source, parts != EMPTY))


def scores(views: Sequence[Seen]) -> dict[str, float]:
    """The worst of all cameras, and how well they agree."""
    lags = [view.motion.lag_rows for view in views if view.motion.moved_px >= LEAST_MOTION_PX]
    return {
        "fit": min(view.motion.fit for view in views),
        "tool_fit": min(view.motion.tool_fit for view in views),
        "lag_rows": max((abs(lag) for lag in lags), default=0.0),
        "still_rows": max(view.motion.still_rows for view in views),
        "black_frames": max(view.picture.black_frames for view in views),
        "flicker_levels": max(view.picture.flicker_levels for view in views),
        "sharpness": min(view.picture.sharpness for view in views),
        "drift_levels": max(view.picture.drift_levels for view in views),
        "views_lag_rows": max(lags, default=0.0) - min(lags, default=0.0),
    }


def judged(name: str, scores: dict[str, float], thresholds: Mapping[str, Threshold] = THRESHOLDS) -> ClipVerdict:
    """Hold the scores against the thresholds."""
    reasons = [
        f"{score}: {value:.3g}, must be {limit.side} {limit.limit:g}"
        for score, limit in thresholds.items()
        if score in scores and not limit.holds(value := scores[score])
    ]
    rounded = {score: round(value, 4) for score, value in scores.items() if math.isfinite(value)}
    return ClipVerdict(id=name, accepted=not reasons, scores=rounded, reasons=tuple(reasons))


def _opened(plan: GenerationPlan, folder: Path, request: Request) -> tuple[Clip | None, dict[str, Frames], list[str]]:
    """A clip and its frames, or what is wrong with its files."""
    generation = request.generation
    try:
        clip = Clip.model_validate_json((folder / generation.id / CLIP).read_bytes())
    except OSError:
        return None, {}, ["absent: no clip was generated"]
    except ValidationError as error:
        return None, {}, [f"record: {CLIP} is not a record of a clip ({error.error_count()} errors)"]
    if fault := _record_fault(plan, generation, clip):
        return clip, {}, [fault]
    frames: dict[str, Frames] = {}
    for camera in plan.cameras:
        path = video_path(folder, generation.id, camera)
        fault = _file_fault(path, clip.videos.get(camera), generation.rows, plan.fps)
        if fault:
            return clip, {}, [f"{fault} of {camera}"]
        try:
            frames[camera] = decode(path, 0, generation.rows, plan.fps, generation.episode)
        except DatasetError as error:
            return clip, {}, [f"unreadable: {error}"]
        for control, digest in clip.controls.get(camera, {}).items():
            path = control_path(folder, generation.id, camera, control)
            of_video = control != TRUTH
            fault = _file_fault(path, digest, generation.rows, plan.fps) if of_video else _arrays_fault(path, digest)
            if fault:
                return clip, {}, [f"{fault} of {camera}, control {control}"]
    return clip, frames, []


def _record_fault(plan: GenerationPlan, generation: Generation, clip: Clip) -> str:
    if clip.request != plan.request(generation):
        return f"record: the clip is not what the plan asks for; it was made by backend '{clip.backend}'"
    if clip.failure:
        return clip.failure
    needed = ["links_m", *(["replay_rad"] if plan.variations.replay == "actions" else [])]
    absent = [name for name in needed if plan.variations.simulated and name not in clip.measured]
    return f"record: the backend did not measure {', '.join(absent)}" if absent else ""


def _arrays_fault(path: Path, digest: str) -> str:
    if not path.exists():
        return "nothing: no arrays"
    return "" if digest_file(path) == digest else "digest: the arrays are not those that were generated"


def _file_fault(path: Path, digest: str | None, rows: int, fps: int) -> str:
    if digest is None or not path.exists():
        return "nothing: no video"
    if digest_file(path) != digest:
        return "digest: the video is not the one that was generated"
    try:
        at = frame_rows(path, fps)
    except DatasetError as error:
        return f"unreadable: {error}"
    if len(at) != rows:
        return f"frames: {len(at)}, the episode has {rows} rows"
    if any(abs(place - row) > TOLERANCE_S * fps for row, place in enumerate(at)):
        return "timestamps: frames are not at the times of their rows"
    return ""


def _with_vote(verdict: ClipVerdict, vote: JudgeVote) -> ClipVerdict:
    reasons = () if vote.plausible else (f"judge: {vote.reason}",)
    return verdict.model_copy(update={"accepted": vote.plausible, "reasons": reasons, "vote": vote})


class VerifySummary(Contract):
    """How many clips passed."""

    report: str
    clips: int
    accepted: int
    rejected: dict[str, tuple[str, ...]]
    """Clip → reasons."""


def summary(report: VerificationReport, path: Path) -> VerifySummary:
    """What a person wants to know first."""
    return VerifySummary(
        report=str(path),
        clips=len(report.clips),
        accepted=report.accepted,
        rejected={clip.id: clip.reasons for clip in report.clips if not clip.accepted},
    )
