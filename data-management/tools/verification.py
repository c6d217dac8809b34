"""Verdicts on generated episodes, carried into datasets that are made of those that have them."""

from collections.abc import Sequence

from physai.infrastructure.contracts import DatasetVerification, PlanVerdicts
from physai.infrastructure.datasets import Dataset

from .pieces import Piece


def verification_of(pieces: Sequence[Piece]) -> DatasetVerification | None:
    """The verdicts on these pieces, plan by plan, by their new numbers; clips that were rejected stay in it.

    None if no dataset among them has any.
    """
    places: dict[Dataset, dict[int, list[int]]] = {}
    for number, piece in enumerate(pieces):
        places.setdefault(piece.dataset, {}).setdefault(piece.episode, []).append(number)
    found: dict[str, PlanVerdicts] = {}
    for dataset, numbers in places.items():
        for verdicts in dataset.verification.plans if dataset.verification else ():
            alike = verdicts.model_copy(update={"clips": ()}).model_dump_json()
            carried = verdicts.renumbered(numbers)
            found[alike] = _joined(found[alike], carried) if alike in found else carried
    return DatasetVerification(plans=tuple(found.values())) if found else None


def _joined(first: PlanVerdicts, second: PlanVerdicts) -> PlanVerdicts:
    """Verdicts of the same plan by the same thresholds, in the order of its clips; each rejected clip once."""
    clips = {(clip.id, clip.episode): clip for clip in (*first.clips, *second.clips)}
    order: dict[str, int] = {}
    for name, _ in clips:
        order.setdefault(name, len(order))
    return first.model_copy(update={"clips": tuple(sorted(clips.values(), key=lambda clip: order[clip.id]))})
