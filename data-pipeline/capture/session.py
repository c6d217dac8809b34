"""A folder of recordings under one plan: what is there, what is missing, who may write."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from physai.infrastructure.contracts import Contract, ContractError, RawEpisode, World, digest_file, write_whole

from .errors import DamagedPlanError, ForeignFolderError, OtherPlanError, SurplusError
from .folder import episode_path, locked

PLAN = "capture.json"


class CapturePlan(Contract):
    """How the episodes of a folder are recorded; how many is no part of it, so that more can follow."""

    task: str
    world: World
    generator: str
    seed: int
    horizon_s: float
    tail_s: float
    image_size: int | None
    """Edge of the camera's picture in pixels; None without camera."""


@contextmanager
def session(folder: Path, plan: CapturePlan, episodes: int) -> Iterator[list[int]]:
    """Take the folder, check that it fits the plan, and tell which episodes are missing.

    Raises:
        BusyError: If another process has it.
        CaptureError: If it does not fit.
    """
    with locked(folder):
        _settle(folder, plan)
        there = [index for index in _indices(folder) if _is_whole(folder, index)]
        surplus = max(there, default=-1) + 1
        if surplus > episodes:
            raise SurplusError(folder, surplus, episodes)
        yield [index for index in range(episodes) if index not in there]


def _settle(folder: Path, plan: CapturePlan) -> None:
    """Compare with the plan in the folder, or leave ours where nothing is recorded yet; sweep what a kill left."""
    path = folder / PLAN
    others = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith(".") and entry != path)
    if others and not path.exists():
        raise ForeignFolderError(folder, others[0])
    if others:
        _compare(folder, plan)
    else:
        write_whole(path, (plan.model_dump_json(indent=2) + "\n").encode())
    for left in folder.glob(".*.part"):
        left.unlink()


def _compare(folder: Path, plan: CapturePlan) -> None:
    try:
        found = CapturePlan.model_validate_json((folder / PLAN).read_bytes())
    except ValidationError as error:
        raise DamagedPlanError(folder / PLAN) from error
    for field in CapturePlan.model_fields:
        was, asked = getattr(found, field), getattr(plan, field)
        if was != asked:
            shown = (was.name, asked.name) if field == "world" and was.name != asked.name else (was, asked)
            raise OtherPlanError(folder, field.replace("_", " "), *shown)


def _indices(folder: Path) -> list[int]:
    return [int(path.stem.removeprefix("episode-")) for path in sorted(folder.glob("episode-*.json"))]


def _is_whole(folder: Path, index: int) -> bool:
    """Whether an episode's sidecar vouches for its recording; otherwise it is recorded again."""
    path = episode_path(folder, index)
    try:
        return path.exists() and RawEpisode.read(path.with_suffix(".json")).content == digest_file(path)
    except ContractError:
        return False
