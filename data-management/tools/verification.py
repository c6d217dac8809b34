"""Verdicts on generated episodes, carried into datasets that are made of the one that has them."""

from collections.abc import Sequence

from physai.infrastructure.contracts import DatasetVerification
from physai.infrastructure.datasets import Dataset

from .pieces import Piece


def verification_of(pieces: Sequence[Piece]) -> DatasetVerification | None:
    """The verdicts on these pieces, by their new numbers; clips that were rejected stay in it.

    None if no dataset among them has any, or if they are of several plans: there is one plan in the file.
    """
    datasets = dict.fromkeys(piece.dataset for piece in pieces)
    found: dict[Dataset, DatasetVerification] = {
        dataset: dataset.verification for dataset in datasets if dataset.verification is not None
    }
    if len({verification.plan for verification in found.values()}) != 1:
        return None
    first = next(iter(found.values()))
    clips = {clip.id: clip for verification in found.values() for clip in verification.clips if not clip.accepted}
    verdicts = {
        (dataset, clip.episode): clip
        for dataset, verification in found.items()
        for clip in verification.clips
        if clip.episode is not None
    }
    kept = [
        verdicts[piece.dataset, piece.episode].model_copy(update={"episode": number})
        for number, piece in enumerate(pieces)
        if (piece.dataset, piece.episode) in verdicts
    ]
    order = {clip.id: number for number, clip in enumerate(first.clips)}
    ordered = sorted([*clips.values(), *kept], key=lambda clip: order.get(clip.id, len(order)))
    return first.model_copy(update={"clips": tuple(ordered)})
