"""How far the judge's votes agree with the task's own term, beyond what chance would give."""

from collections.abc import Sequence

from physai.infrastructure.contracts import Contract


class Agreement(Contract):
    """Votes against the task's own term."""

    both: int
    """Both say success."""
    only_task: int
    only_judge: int
    neither: int
    kappa: float | None
    """Cohen's kappa: 1 is full agreement, 0 that of chance; None where chance alone would always agree."""

    @property
    def episodes(self) -> int:
        """All that were judged."""
        return self.both + self.only_task + self.only_judge + self.neither


def agreement(task: Sequence[bool], judge: Sequence[bool]) -> Agreement:
    """Count, and compute Cohen's kappa.

    Source: Cohen 1960, doi:10.1177/001316446002000104.

    Args:
        task: Success by the task's own term, episode by episode; at least one.
        judge: By the judge, in the same order.
    """
    pairs = list(zip(task, judge, strict=True))
    both, only_task, only_judge, neither = (
        pairs.count(kind) for kind in ((True, True), (True, False), (False, True), (False, False))
    )
    n = len(pairs)
    observed = (both + neither) / n
    chance = (sum(task) * sum(judge) + (n - sum(task)) * (n - sum(judge))) / n**2
    kappa = None if chance == 1 else (observed - chance) / (1 - chance)
    return Agreement(both=both, only_task=only_task, only_judge=only_judge, neither=neither, kappa=kappa)
