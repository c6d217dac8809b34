"""Where episodes come from: the sidecar of a raw episode and the provenance of a dataset."""

from typing import Literal

from pydantic import AwareDatetime

from .base import Contract, Digest, Document

Outcome = Literal["success", "failure", "interrupted"]


class RawEpisode(Document):
    """Sidecar of one recorded MCAP file, `episode-000000.json` beside `episode-000000.mcap`."""

    kind: Literal["raw-episode"] = "raw-episode"
    version: Literal[1] = 1
    file: str
    content: Digest
    """Of the MCAP file."""
    task: str
    robot: str
    world: str
    """Name of the world it was recorded in."""
    generator: str
    """Who moved the robot: `expert`, an operator, or a policy digest."""
    seed: int
    outcome: Outcome
    started_at: AwareDatetime
    duration_s: float
    rate_hz: float
    """Control rate of the robot."""
    messages: dict[str, int]
    """Topic → number of messages."""


class EpisodeSource(Contract):
    """Where one episode of a dataset comes from."""

    episode: int
    """Index in this dataset."""
    source: Digest
    """Of the raw file, of the parent dataset, or of the condition set that a policy was evaluated on."""
    source_episode: int | None = None
    """Index in the parent dataset or condition set; None if the source is a raw file."""
    generator: str
    """Who moved the robot, or what made this episode from another, e.g. `photometric-variation`."""
    parameters: dict[str, float] = {}
    """What the generator was given, if it made this episode from another."""
    world: str
    seed: int
    outcome: Outcome


class DroppedEpisode(Contract):
    """An episode that was left out, and why."""

    source: Digest
    source_episode: int | None = None
    reason: str


class DatasetProvenance(Document):
    """`meta/provenance.json` of a LeRobot v3.0 dataset."""

    kind: Literal["dataset-provenance"] = "dataset-provenance"
    version: Literal[1] = 1
    content: Digest
    """Of all files of the dataset but this one; the dataset's identity."""
    task: str
    robot: str
    created_at: AwareDatetime
    parents: tuple[Digest, ...] = ()
    """Datasets whose episodes were copied or varied; their own provenance lies in `meta/ancestors/`."""
    episodes: tuple[EpisodeSource, ...]
    dropped: tuple[DroppedEpisode, ...] = ()
