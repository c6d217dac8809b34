"""Which episodes belong beside one: what it was made from, and what other policies did under its condition."""

import re
from collections.abc import Iterator

from physai.infrastructure.contracts import Contract, EpisodeSource
from physai.infrastructure.errors import PhysaiError

from .episodes import Index, Indexes
from .places import Catalog

POLICY = re.compile(r"sha256:[0-9a-f]{64}")
FAR = 64  # edits that an episode may have gone through


class Rival(Contract):
    """Another policy's rollout under the same condition."""

    address: str
    """As `dataset/episode`."""
    policy: str
    outcome: str


class Family(Contract):
    """Episodes to be seen beside one, as far as they are at hand."""

    original: str = ""
    """Of the episode that it was made from, as `dataset/episode`."""
    rivals: tuple[Rival, ...] = ()


def policy_of(source: EpisodeSource | None) -> str:
    """Digest of the policy that moved the robot; empty if a person or a program did."""
    return source.generator if source and POLICY.fullmatch(source.generator) else ""


def family_of(index: Index, episode: int, catalog: Catalog, indexes: Indexes) -> Family:
    """The episodes that belong beside one."""
    source = index.source(episode)
    if source is None or source.source_episode is None:
        return Family()
    others = list(_at_hand(catalog, indexes))
    return Family(original=original_of(index, source, others), rivals=tuple(_rivals(source, others)))


def ids_of(catalog: Catalog, indexes: Indexes) -> dict[str, str]:
    """Content digest of each dataset at hand → its id."""
    return {_content(each): each.entry.id for each in _at_hand(catalog, indexes)}


def original_of(index: Index, source: EpisodeSource, others: list[Index]) -> str:
    """The nearest dataset at hand that has the episode as it was; for a generated one, as it was recorded."""
    found = {_content(each): each for each in reversed(others)}
    current: EpisodeSource | None = source
    for _ in range(FAR):
        if current is None or current.source_episode is None:
            return ""
        number, parent = current.source_episode, found.get(current.source)
        documents = parent.provenance if parent else index.ancestors.get(current.source)
        before = documents.episodes[number] if documents and number < len(documents.episodes) else None
        if parent is not None and number < parent.count and not (source.generated and before and before.generated):
            return f"{parent.entry.id}/{number}"
        current = before
    return ""


def _rivals(source: EpisodeSource, others: list[Index]) -> Iterator[Rival]:
    if not policy_of(source):
        return
    for other in others:
        for theirs in other.provenance.episodes if other.provenance else ():
            same = (theirs.source, theirs.source_episode) == (source.source, source.source_episode)
            if same and theirs.generator != source.generator:
                address = f"{other.entry.id}/{theirs.episode}"
                yield Rival(address=address, policy=theirs.generator, outcome=theirs.outcome)


def _at_hand(catalog: Catalog, indexes: Indexes) -> Iterator[Index]:
    """Every dataset whose provenance can be read."""
    for entry in catalog.entries():
        try:
            index = indexes.of(entry)
            if index.provenance is not None:
                yield index
        except PhysaiError:
            continue


def _content(index: Index) -> str:
    return index.provenance.content if index.provenance else ""
