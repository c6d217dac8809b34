"""Where episodes come from: the sidecar of a raw episode and the provenance of a dataset."""

from typing import Literal

from pydantic import AwareDatetime, Field

from .base import Contract, Digest, Document

Outcome = Literal["success", "failure", "interrupted"]


class Finding(Contract):
    """A fault of a recording."""

    level: Literal["warning", "error"]
    topic: str = ""
    """Where; empty: the recording as a whole."""
    what: Literal[
        "gaps", "silent", "died", "dropped", "lost", "clock-jump", "clock-back", "no-publisher", "torn", "disk"
    ]
    detail: str
    """One line with numbers."""


class TopicRecord(Contract):
    """What is known of a topic of one recording."""

    type: str
    messages: int = Field(ge=0)
    first_ns: int | None = None
    """Header time of the first message, by the source's clock; log time if the type has no header."""
    last_ns: int | None = None
    gaps: int = Field(default=0, ge=0)
    """Silences longer than the config allows."""
    worst_gap_s: float = Field(default=0.0, ge=0)
    dropped: int = Field(default=0, ge=0)
    """Messages that arrived and were not written, because the disk did not keep up."""
    lost: int | None = Field(default=None, ge=0)
    """Messages that were said and had not arrived at the end, by the numbers that DDS gives them; None if the source
    cannot tell."""
    clock_offset_s: float | None = None
    """Median of log time minus header time: the recorder's clock ahead of the source's, and the way between them."""


class RawEpisode(Document):
    """Sidecar of one recorded MCAP file, `episode-000000.json` beside `episode-000000.mcap`."""

    kind: Literal["raw-episode"] = "raw-episode"
    version: Literal[1] = 1
    file: str = Field(pattern=r"^[^/]*[^/.][^/]*$")
    """Name of the MCAP file beside it."""
    content: Digest
    """Of the MCAP file."""
    task: str
    robot: str
    world: str
    """Name of the simulated world it was recorded in; `real` for a robot."""
    generator: str
    """Who moved the robot: `expert`, an operator, or a policy digest."""
    seed: int
    """Of the simulated condition; 0 for a robot."""
    outcome: Outcome
    """`interrupted`: the recorder was killed, or the disk was full, and this is what could be saved."""
    started_at: AwareDatetime
    duration_s: float
    rate_hz: float
    """Control rate of the robot."""
    messages: dict[str, int]
    """Topic → number of messages."""
    topics: dict[str, TopicRecord] = {}
    """Topic → more about it; empty for a simulated robot, which has neither gaps nor drops."""
    config: Digest | None = None
    """Of the recording config; None for a simulated robot."""
    note: str = ""
    """What the operator has to say."""
    started_by: str = ""
    """The trigger that began it, e.g. `key r`."""
    stopped_by: str = ""
    findings: tuple[Finding, ...] = ()
    """Faults, errors first."""


class Generated(Contract):
    """How an episode was made from another one, and what the checks found."""

    plan: Digest
    request: Digest | None = None
    """Of what was asked for this clip; None in datasets written before clips told it."""
    backend: str
    model: str
    model_digest: Digest
    """Of the weights, or of the code where there are none."""
    seed: int
    prompt: str = ""
    controls: dict[str, float] = {}
    """Control of the model → weight."""
    scores: dict[str, float]
    """Check → what it measured."""


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
    generated: Generated | None = None
    """None for an episode that a robot, real or simulated, went through."""
    world: str
    seed: int
    outcome: Outcome | Literal["unknown"]
    """`unknown`: the dataset was made elsewhere and does not say."""
    rows: tuple[int, int] | None = None
    """If only a part of the source episode was kept: its first row there, and the row after its last."""


class DatasetEdit(Contract):
    """What was done to make a dataset from its parents."""

    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    operation: str
    """The command, e.g. `delete`."""
    arguments: dict[str, str] = {}
    """What it was given."""
    author: str
    encoded_frames: int = Field(default=0, ge=0)
    """Frames that were encoded again, because a cut fell inside a group of pictures."""


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
    edit: DatasetEdit | None = None
    """None if it was recorded or converted."""
