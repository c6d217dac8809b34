"""The film of an evaluation, episode by episode, before a vision language model; votes are kept by what was shown."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from physai.infrastructure.aside import write_whole
from physai.infrastructure.contracts import Contract, Digest, Document, EvaluationReport, digest_bytes
from physai.infrastructure.contracts.evaluation import FILM, REPORT
from physai.infrastructure.datasets.video import encode
from physai.infrastructure.judge import VideoModel

from ..report import check_report
from ..sil.film import read_film, split
from .agreement import Agreement, agreement

FailureMode = Literal["none", "missed", "stuck", "overshot", "collided", "dropped", "other"]
QUESTION = (
    "The video shows one attempt of a robot at this task: {task}. Did it succeed by the end, and if not, how did it "
    "fail? Answer with one JSON object and nothing else: "
    '{{"success": true or false, "failure_mode": "none", "missed", "stuck", "overshot", "collided", "dropped" or '
    '"other", "reason": "one short sentence"}}.'
)


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


def _place(cache: Path, shown: Digest) -> Path:
    return cache / f"{shown.replace(':', '-')}.json"


def _kept(cache: Path, shown: Digest) -> Vote | None:
    try:
        return Vote.model_validate_json(_place(cache, shown).read_bytes())
    except (FileNotFoundError, ValidationError):  # absent, or of another form: then the model is asked
        return None
