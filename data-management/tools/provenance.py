"""Where the episodes of a dataset come from, also of one that was made elsewhere and does not say."""

from datetime import UTC, datetime

from physai.infrastructure.contracts import DatasetProvenance, EpisodeSource
from physai.infrastructure.datasets import Dataset

ELSEWHERE = "unknown"


def provenance_of(dataset: Dataset) -> DatasetProvenance:
    """The verified provenance of a dataset; of a foreign one, that its episodes begin here.

    Raises:
        ContentError: If the files are not those that the provenance speaks of.
    """
    if dataset.provenance is not None:
        dataset.verify()
        return dataset.provenance
    return DatasetProvenance(
        content=dataset.content_digest(),
        task=dataset.tasks[0],
        robot=dataset.info.robot_type or ELSEWHERE,
        created_at=datetime.fromtimestamp((dataset.root / "meta/info.json").stat().st_mtime, UTC),
        episodes=tuple(
            EpisodeSource(episode=number, source=key, generator=ELSEWHERE, world=ELSEWHERE, seed=0, outcome="unknown")
            for number, key in enumerate(dataset.keys)
        ),
    )
