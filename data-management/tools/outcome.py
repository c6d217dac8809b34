"""Whether each episode succeeded, as far as the dataset says."""

from physai.infrastructure.contracts import DatasetProvenance
from physai.infrastructure.datasets import Dataset

SUCCESS_COLUMNS = ("next.success", "success")


def outcomes(dataset: Dataset) -> list[str]:
    """`success`, `failure`, `interrupted` or `unknown` of each episode: from the provenance, else from its columns."""
    told = outcomes_in(dataset.provenance, dataset.num_episodes)
    if told is not None:
        return told
    column = next((name for name in SUCCESS_COLUMNS if name in dataset.info.columns), None)
    if column is None:
        return ["unknown"] * dataset.num_episodes
    return ["success" if dataset.episode(index)[column].any() else "failure" for index in range(dataset.num_episodes)]


def outcomes_in(provenance: DatasetProvenance | None, episodes: int) -> list[str] | None:
    """What the provenance says; None if it does not know of any."""
    if provenance is None or len(provenance.episodes) != episodes:
        return None
    told = [source.outcome for source in provenance.episodes]
    return list(told) if any(outcome != "unknown" for outcome in told) else None
