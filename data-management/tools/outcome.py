"""Whether each episode succeeded, as far as the dataset says."""

from physai.infrastructure.datasets import Dataset

SUCCESS_COLUMNS = ("next.success", "success")


def outcomes(dataset: Dataset) -> list[str]:
    """`success`, `failure`, `interrupted` or `unknown` of each episode: from the provenance, else from its columns."""
    if dataset.provenance is not None and len(dataset.provenance.episodes) == dataset.num_episodes:
        told = [source.outcome for source in dataset.provenance.episodes]
        if any(outcome != "unknown" for outcome in told):
            return list(told)
    column = next((name for name in SUCCESS_COLUMNS if name in dataset.info.columns), None)
    if column is None:
        return ["unknown"] * dataset.num_episodes
    return ["success" if dataset.episode(index)[column].any() else "failure" for index in range(dataset.num_episodes)]
