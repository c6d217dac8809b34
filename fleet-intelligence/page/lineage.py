"""From a dataset back to the recordings its episodes come from."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from physai.infrastructure.contracts import DatasetProvenance, Digest, EpisodeSource, RawEpisode

from .lap import Lap


@dataclass(frozen=True)
class Recording:
    """A raw episode, and the lap that recorded it."""

    lap: int
    episode: RawEpisode


@dataclass(frozen=True)
class Lineage:
    """Where the episodes of one dataset come from."""

    recordings: tuple[Recording, ...]
    """Found on disk, one for each episode of the dataset, in its order."""
    unknown: tuple[Digest, ...]
    """Sources of which no recording was found."""

    @property
    def batches(self) -> list[tuple[tuple[int, str, str], int]]:
        """((lap, world, who moved the robot), episodes) in order of laps."""
        counted = Counter((item.lap, item.episode.world, item.episode.generator) for item in self.recordings)
        return sorted(counted.items())


def trace(lap: Lap, laps: Sequence[Lap]) -> Lineage | None:
    """Follow every episode of a lap's dataset to its recording; None if the dataset's provenance is not there."""
    if lap.dataset is None:
        return None
    known = {episode.content: Recording(each.number, episode) for each in laps for episode in each.recorded}
    sources = [root_source(source, lap.ancestors) for source in lap.dataset.episodes]
    return Lineage(
        recordings=tuple(known[source] for source in sources if source in known),
        unknown=tuple(source for source in sources if source not in known),
    )


def root_source(source: EpisodeSource, ancestors: Mapping[Digest, DatasetProvenance]) -> Digest:
    """Digest of the raw file behind an episode, or of the first dataset whose provenance is not there."""
    while source.source_episode is not None:
        parent = ancestors.get(source.source)
        wanted = source.source_episode
        found = next((each for each in parent.episodes if each.episode == wanted), None) if parent else None
        if found is None:
            break
        source = found
    return source.source
