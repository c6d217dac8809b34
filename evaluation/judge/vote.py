"""The film of an evaluation, episode by episode, before a vision language model; votes are kept by what was shown."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import av
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from physai.infrastructure.aside import write_whole
from physai.infrastructure.contracts import Contract, Digest, Document, EvaluationReport, digest_bytes
from physai.infrastructure.contracts.evaluation import FILM, REPORT
from physai.infrastructure.datasets.video import encode
from physai.infrastructure.judge import VideoModel
from physai.infrastructure.video import BORDER

from ..errors import EvaluationError
from ..report import check_report
from ..sil.film import TILE
from .agreement import Agreement, agreement

FailureMode = Literal["none", "missed", "stuck", "overshot", "collided", "dropped", "other"]
QUESTION = (
    "The video shows one attempt of a robot at this task: {task}. Did it succeed by the end, and if not, how did it "
    "fail? Answer with one JSON object and nothing else: "
    '{{"success": true or false, "failure_mode": "none", "missed", "stuck", "overshot", "collided", "dropped" or '
    '"other", "reason": "one short sentence"}}.'
)

type Frames = NDArray[np.uint8]


class Vote(Contract):
    """What the judge says of one episode."""

    success: bool
    failure_mode: FailureMode
    reason: str = Field(min_length=1)


class JudgedEpisode(Contract):
    """One episode that was filmed."""

    condition: int
    task_success: bool
    """By the task's own term, which is what counts."""
    vote: Vote
    shown: Digest
    """Of the pictures, the question and the model: the name of the vote in the cache."""
    cached: bool


class JudgeReport(Document):
    """A second opinion on the filmed episodes of the candidate. No gate reads it."""

    kind: Literal["judge-report"] = "judge-report"
    version: Literal[1] = 1
    report: Digest
    model: str
    episodes: tuple[JudgedEpisode, ...] = Field(min_length=1)
    agreement: Agreement


class FilmError(EvaluationError):
    """There is no film to be judged."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}. Evaluate again with `physai evaluation sil run`; Gymnasium has no film.")


def judge(
    folder: Path,
    model: VideoModel,
    cache: Path,
    task: str | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> JudgeReport:
    """Let a model vote on every filmed episode; what it was shown before is not asked again.

    Args:
        folder: Of an evaluation: `report.json` and `rollout.mp4`.
        model: That is asked.
        cache: Folder of votes; they are kept one by one, so that a run that broke off goes on.
        task: In words, and what success looks like; default: the task's id.
        progress: Told (episodes done, episodes in all).

    Raises:
        ReportError: If the report contradicts itself.
        FilmError: If there is no film, or not one of these episodes.
        JudgeError: If the model gives no vote; those that it gave are kept.
    """
    path = folder / REPORT
    report = EvaluationReport.read(path)
    check_report(report, path)
    outcomes = report.policies[0].episodes
    frames, fps = read_film(folder / FILM)
    tiles = split(folder / FILM, frames)[: len(outcomes)]
    question = QUESTION.format(task=task or report.task)
    judged: list[JudgedEpisode] = []
    for outcome, tile in zip(outcomes, tiles, strict=False):
        shown = digest_bytes(tile.tobytes() + f"{tile.shape} {fps} {model.model} {question}".encode())
        kept = _kept(cache, shown)
        vote = kept or model.ask(question, [encode(tile, fps).getvalue()], Vote)
        if kept is None:
            write_whole(_place(cache, shown), vote.model_dump_json().encode())
        judged.append(
            JudgedEpisode(
                condition=outcome.condition,
                task_success=outcome.success,
                vote=vote,
                shown=shown,
                cached=kept is not None,
            )
        )
        progress(len(judged), min(len(tiles), len(outcomes)))
    compared = agreement([each.task_success for each in judged], [each.vote.success for each in judged])
    return JudgeReport(report=report.digest, model=model.model, episodes=tuple(judged), agreement=compared)


def read_film(path: Path) -> tuple[Frames, int]:
    """Frames (T, H, W, 3) and frames per second.

    Raises:
        FilmError: If there is none, or it cannot be read.
    """
    try:
        with av.open(str(path)) as container:
            rate = container.streams.video[0].average_rate
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    except (av.FFmpegError, OSError) as error:
        raise FilmError(path, f"no film that can be read ({error})") from error
    if not frames or rate is None:
        raise FilmError(path, "the film is empty")
    return np.stack(frames), max(1, round(rate))


def split(path: Path, frames: Frames) -> list[Frames]:
    """The film's tiles, one an episode, row by row, without the border, whose colour tells the outcome.

    Raises:
        FilmError: If the film has no such tiles.
    """
    _, height, width, _ = frames.shape
    if height % TILE.height or width % TILE.width:
        raise FilmError(path, f"{width}x{height} pixels are no tiles of {TILE.width}x{TILE.height}")
    inner = slice(BORDER + 1, -BORDER - 1)  # one more, since the codec smears the border's colour
    return [
        frames[:, top : top + TILE.height, left : left + TILE.width][:, inner, inner]
        for top in range(0, height, TILE.height)
        for left in range(0, width, TILE.width)
    ]


def _place(cache: Path, shown: Digest) -> Path:
    return cache / f"{shown.replace(':', '-')}.json"


def _kept(cache: Path, shown: Digest) -> Vote | None:
    try:
        return Vote.model_validate_json(_place(cache, shown).read_bytes())
    except (FileNotFoundError, ValidationError):  # absent, or of another form: then the model is asked
        return None
