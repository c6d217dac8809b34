"""What two datasets share, and what only one of them has."""

from pathlib import Path

from physai.infrastructure.contracts import Contract
from physai.infrastructure.datasets import Dataset

from .lineage import origins


class Difference(Contract):
    """Something that both datasets say, each in its way."""

    what: str
    here: str
    there: str


class DiffReport(Contract):
    """Two datasets side by side."""

    here: str
    there: str
    same: tuple[tuple[int, int], ...]
    """Episodes with the same content: index here, index there."""
    changed: tuple[tuple[int, int], ...]
    """Episodes of one recording whose content differs, e.g. cut or varied."""
    only_here: tuple[int, ...]
    only_there: tuple[int, ...]
    info: tuple[Difference, ...]


def diff(here: Path, there: Path) -> DiffReport:
    """Compare two datasets episode by episode, by content and by recording.

    Raises:
        DatasetError: If one cannot be read.
    """
    one, other = Dataset(here), Dataset(there)
    same = _matched(one.keys, other.keys, set(), set())
    used = {a for a, _ in same}, {b for _, b in same}
    changed = _matched(origins(one), origins(other), *used)
    left = used[0] | {a for a, _ in changed}, used[1] | {b for _, b in changed}
    return DiffReport(
        here=str(here),
        there=str(there),
        same=tuple(same),
        changed=tuple(changed),
        only_here=tuple(i for i in range(one.num_episodes) if i not in left[0]),
        only_there=tuple(i for i in range(other.num_episodes) if i not in left[1]),
        info=tuple(_info(one, other)),
    )


def _matched(here: list[str], there: list[str], used: set[int], taken: set[int]) -> list[tuple[int, int]]:
    """Pairs of equal keys, each episode once, those that are used or taken left out."""
    free: dict[str, list[int]] = {}
    for index, key in enumerate(there):
        if index not in taken:
            free.setdefault(key, []).append(index)
    return [(i, free[key].pop(0)) for i, key in enumerate(here) if i not in used and free.get(key)]


def _info(one: Dataset, other: Dataset) -> list[Difference]:
    facts: dict[str, tuple[object, object]] = {
        "fps": (one.fps, other.fps),
        "robot": (one.info.robot_type, other.info.robot_type),
        "splits": (one.info.splits, other.info.splits),
        "tasks": (one.task_names, other.task_names),
    }
    for name in sorted(one.info.features.keys() | other.info.features.keys()):
        found = [ds.info.features[name].merge_key if name in ds.info.features else "absent" for ds in (one, other)]
        facts[f"feature {name}"] = (found[0], found[1])
    return [Difference(what=what, here=str(a), there=str(b)) for what, (a, b) in facts.items() if a != b]
