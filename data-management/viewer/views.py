"""What the pages and the API show: datasets and episodes in few facts, searched and paged."""

from collections import Counter
from typing import Literal

from physai.infrastructure.contracts import Contract, DatasetProvenance
from physai.infrastructure.datasets.errors import TornFileError
from physai.infrastructure.datasets.metadata import read_stats
from physai.infrastructure.errors import PhysaiError

from ..annotations import Marks, Review
from ..tools.catalogue import Severity
from ..tools.quality import EpisodeQuality
from ..tools.validate import ValidationReport
from .episodes import Clip, Index, Indexes, Mark, Series
from .facts import FactBook, Facts
from .places import Catalog, Entry
from .relatives import Family, Rival, policy_of
from .verified import Verified, verified_of

Kind = Literal["recorded", "curated", "synthetic", "rollouts", "other"]
"""Rollouts were moved by a policy; `other` has no provenance."""
MOST_FINDINGS = 200
STATISTICS = ("min", "mean", "std", "max")


class Card(Contract):
    """A dataset in a list."""

    id: str
    name: str
    place: str
    kind: Kind = "other"
    robot: str = ""
    tasks: tuple[str, ...] = ()
    """The first few."""
    episodes: int = 0
    rows: int = 0
    seconds: float = 0.0
    rate_hz: int = 0
    cameras: tuple[str, ...] = ()
    outcomes: dict[str, int] = {}
    problem: str = ""
    """Why it cannot be opened; empty if it can."""


class Statistic(Contract):
    """One number per row, over the whole dataset, as stored."""

    feature: str
    name: str
    min: float
    mean: float
    std: float
    max: float


class DatasetView(Contract):
    """A dataset's own page."""

    card: Card
    content: str | None
    parents: tuple[str, ...]
    created_at: str | None
    worlds: dict[str, int]
    generators: dict[str, int]
    splits: dict[str, str]
    features: dict[str, str]
    statistics: tuple[Statistic, ...]
    replaces: bool
    """Whether an edit may take its place, to be brought back by undo; else each edit makes a new dataset."""


class EpisodeLine(Contract):
    """An episode in a list."""

    episode: int
    task: str
    rows: int
    seconds: float
    split: str
    outcome: str | None
    generator: str
    world: str
    rating: int | None = None
    review: Review | None = None
    category: str | None = None
    labels: tuple[str, ...] = ()
    score: float | None = None
    """Of quality, 0 to 1; None if it was not judged."""


class EpisodeView(Contract):
    """An episode's own page."""

    dataset: str
    """Its id."""
    name: str
    """Of the dataset."""
    episode: int
    of: int
    task: str
    rows: int
    seconds: float
    rate_hz: int
    split: str
    outcome: str | None
    generator: str
    world: str
    source: str
    source_episode: int | None
    original: str
    """Address part `dataset/episode` of the episode this one was made from, if it is at hand; else empty."""
    rivals: tuple[Rival, ...]
    """What other policies did under the same condition, as far as it is at hand."""
    policy: str
    """Digest of the policy that moved the robot; empty if it was none."""
    verified: Verified | None
    """What the checks found, if it was generated."""
    parameters: dict[str, float]
    clips: tuple[Clip, ...]
    step: int
    """Every how many rows one is in `series`."""
    series: tuple[Series, ...]
    marks: tuple[Mark, ...]
    said: Marks
    """By people."""
    quality: EpisodeQuality | None
    """None if it was not judged."""


class Page[Item](Contract):
    """A part of a list."""

    items: tuple[Item, ...]
    total: int
    page: int
    size: int


class Defect(Contract):
    """A defect that validation found, and how to mend it."""

    defect: str
    severity: Severity
    episode: int | None
    detail: str
    mend: str


class Validation(Contract):
    """What a validation found."""

    episodes: int
    kinds: int
    """Of defects that were looked for."""
    findings: tuple[Defect, ...]
    """The first of them, failures first."""
    total: int


def validation_view(report: ValidationReport) -> Validation:
    """A report as a page shows it."""
    shown = report.findings[:MOST_FINDINGS]
    return Validation(
        episodes=report.episodes,
        kinds=report.kinds,
        findings=tuple(Defect(**finding.model_dump(), mend=finding.mend) for finding in shown),
        total=len(report.findings),
    )


def kind_of(provenance: DatasetProvenance | None) -> Kind:
    """What sort of dataset it is, by where its episodes come from."""
    if provenance is None or not provenance.episodes:
        return "other"
    if any(source.generated or source.parameters for source in provenance.episodes):
        return "synthetic"
    if provenance.parents:
        return "curated"
    return "rollouts" if policy_of(provenance.episodes[0]) else "recorded"


def card_of(entry: Entry, indexes: Indexes) -> Card:
    """A dataset in few facts; one that is damaged says so."""
    plain = Card(id=entry.id, name=entry.name, place=entry.place.uri)
    try:
        index = indexes.of(entry)
        provenance = index.provenance
    except PhysaiError as error:
        return plain.model_copy(update={"problem": str(error)})
    info = index.info
    return plain.model_copy(
        update={
            "kind": kind_of(provenance),
            "robot": info.robot_type or "",
            "tasks": tuple(dict.fromkeys(index.tasks))[:3],
            "episodes": index.count,
            "rows": info.total_frames,
            "seconds": info.total_frames / info.fps,
            "rate_hz": info.fps,
            "cameras": tuple(info.cameras),
            "outcomes": dict(Counter(source.outcome for source in provenance.episodes)) if provenance else {},
        }
    )


def cards(catalog: Catalog, indexes: Indexes, *, search: str, kind: str, page: int, size: int) -> Page[Card]:
    """Datasets whose name, robot and tasks hold every word; a page of all of them opens no more than it shows."""
    words = search.lower().split()
    entries = catalog.entries()
    shown = slice((page - 1) * size, page * size)
    if not words and not kind:
        items = tuple(card_of(entry, indexes) for entry in entries[shown])
        return Page(items=items, total=len(entries), page=page, size=size)
    found = [card for card in (card_of(entry, indexes) for entry in entries) if _matches(card, words, kind)]
    return Page(items=tuple(found[shown]), total=len(found), page=page, size=size)


def _matches(card: Card, words: list[str], kind: str) -> bool:
    text = " ".join((card.name, card.robot, *card.tasks)).lower()
    return all(word in text for word in words) and kind in ("", card.kind)


def dataset_view(entry: Entry, indexes: Indexes) -> DatasetView:
    """Everything a dataset's page shows of its metadata.

    Raises:
        DatasetError: If it is damaged.
    """
    index = indexes.of(entry)
    provenance = index.provenance
    sources = provenance.episodes if provenance else ()
    return DatasetView(
        card=card_of(entry, indexes),
        content=provenance.content if provenance else None,
        parents=provenance.parents if provenance else (),
        created_at=provenance.created_at.isoformat(timespec="minutes") if provenance else None,
        worlds=dict(Counter(source.world for source in sources)),
        generators=dict(Counter(source.generator for source in sources)),
        splits=dict(index.info.splits),
        features={
            name: f"{feature.dtype} {' x '.join(str(size) for size in feature.shape)}"
            for name, feature in index.info.recorded.items()
        },
        statistics=tuple(_statistics(index)),
        replaces=entry.place.replaces,
    )


def _statistics(index: Index) -> list[Statistic]:
    """Stored statistics of the recorded numbers; empty where there are none."""
    try:
        stored = read_stats(index.root)
    except TornFileError:
        return []
    found = []
    for feature, description in index.info.recorded.items():
        values = stored.get(feature, {})
        if description.is_video or any(name not in values for name in STATISTICS):
            continue
        names = description.element_names or [str(number) for number in range(values["mean"].size)]
        found += [
            Statistic(feature=feature, name=name, **dict(zip(STATISTICS, numbers, strict=True)))
            for name, *numbers in zip(names, *(values[name].ravel().tolist() for name in STATISTICS), strict=False)
        ]
    return found


def split_of(index: Index, episode: int) -> str:
    """Name of the split an episode is in; empty if in none."""
    for name, text in index.info.splits.items():
        first, _, last = text.partition(":")
        if first.isdecimal() and last.isdecimal() and int(first) <= episode < int(last):
            return name
    return ""


def line_of(index: Index, episode: int, facts: Facts | None = None) -> EpisodeLine:
    """An episode in few facts; with what is known of all episodes, also what people say of it."""
    source = index.source(episode)
    known = facts[episode] if facts else {}
    said = {name: known[name] for name in ("rating", "review", "category", "labels") if known}
    score = known["quality"].score if known.get("quality") else None
    return EpisodeLine(
        episode=episode,
        task=index.tasks[episode],
        rows=index.lengths[episode],
        seconds=index.lengths[episode] / index.info.fps,
        split=split_of(index, episode),
        outcome=known.get("outcome", source.outcome if source else None),
        generator=source.generator if source else "",
        world=source.world if source else "",
        score=score,
        **said,
    )


def episode_view(index: Index, episode: int, book: FactBook, family: Family | None = None) -> EpisodeView:
    """An episode with its plots.

    Raises:
        UnknownError: If there is no such episode.
        TornFileError: If its rows cannot be read.
    """
    columns, judged = index.columns(episode), book.judged(index)
    source = index.source(episode)
    line = line_of(index, episode).model_dump(include=set(EpisodeView.model_fields))
    if line["outcome"] in (None, "unknown") and columns.succeeded is not None:
        line["outcome"] = "success" if columns.succeeded else "failure"
    return EpisodeView(
        **line,
        dataset=index.entry.id,
        name=index.entry.name,
        of=index.count,
        rate_hz=index.info.fps,
        source=source.source if source else "",
        source_episode=source.source_episode if source else None,
        original=family.original if family else "",
        rivals=family.rivals if family else (),
        policy=policy_of(source),
        verified=verified_of(index, source),
        parameters=source.parameters if source else {},
        clips=tuple(index.clips(episode)),
        step=columns.step,
        series=columns.series,
        marks=columns.marks,
        said=index.annotations.marks(episode),
        quality=judged.episodes[episode] if judged else None,
    )
