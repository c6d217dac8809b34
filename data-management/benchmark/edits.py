"""Edits, against `lerobot.datasets.dataset_tools` on the same dataset."""

import gc
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from physai.infrastructure.benchmark import Result
from physai.infrastructure.datasets import Dataset

from ..tools import edit
from .peer import PEER, opened
from .samples import CAMERAS, filmed, plain

ROWS = 100


def delete_filmed(folder: Path) -> Result:
    """Delete 2 of 10 episodes, and compare every kept frame."""
    from lerobot.datasets.dataset_tools import delete_episodes

    root = filmed(folder / "filmed", 10, 60, 1)
    ours = _seconds(lambda: edit.delete(root, [2, 6], output=folder / "ours"))
    peer = _seconds(lambda: delete_episodes(opened(root), [2, 6], output_dir=folder / "peer", repo_id="local/peer"))
    kept = [i for i in range(10) if i not in (2, 6)]
    before, after = Dataset(root), Dataset(folder / "ours")
    same = all((before.frames(old, CAMERAS[0]) == after.frames(new, CAMERAS[0])).all() for new, old in enumerate(kept))
    return _faster(
        "delete 2 of 10 episodes, 600 frames 640x480",
        ours,
        peer,
        20,
        f"kept frames are {'bit for bit as they were' if same else 'CHANGED'}; LeRobot encodes them again",
    )


def many(folder: Path, episodes: int) -> list[Result]:
    """Delete and split a dataset of many episodes."""
    from lerobot.datasets.dataset_tools import delete_episodes, split_dataset

    root = plain(folder / "many", episodes, ROWS)
    gone = list(range(0, episodes, episodes // 10))[:10]
    ours = _middle(lambda number: edit.delete(root, gone, output=folder / f"many-ours-{number}"))
    peer = _seconds(lambda: delete_episodes(opened(root), gone, output_dir=folder / "many-peer", repo_id="local/many"))
    split = _middle(lambda number: edit.split(root, ["train=0.9", "val=0.1"], folder / f"split-ours-{number}"))
    split_peer = _seconds(
        lambda: split_dataset(opened(root), {"train": 0.9, "val": 0.1}, output_dir=folder / "split-peer")
    )
    note = (
        "ours is the middle of 3, LeRobot ran once; it reads all metadata again for each episode, so its time grows "
        "with the square of their number"
    )
    return [
        _faster(f"delete 10 of {episodes} episodes of {ROWS} rows", ours, peer, 100, note),
        _faster(f"split {episodes} episodes 0.9/0.1", split, split_peer, 100, note),
    ]


def merge(folder: Path) -> Result:
    """Merge two datasets with a camera."""
    from lerobot.datasets.dataset_tools import merge_datasets

    roots = [filmed(folder / name, 10, 60, 1) for name in ("one", "two")]
    ours = _seconds(lambda: edit.merge(roots, folder / "merged-ours"))
    peer = _seconds(
        lambda: merge_datasets([opened(root) for root in roots], "local/merged", output_dir=folder / "merged-peer")
    )
    return _faster("merge two datasets of 10 episodes, 600 frames 640x480", ours, peer, 3, "")


def _middle(work: Callable[[int], Any]) -> float:
    """The median time of three runs, each of which is told its number."""
    return statistics.median(_seconds(partial(work, number)) for number in range(3))


def _seconds(work: Callable[[], Any]) -> float:
    """How long it takes, without collecting the garbage of what was before."""
    gc.collect()
    gc.freeze()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _faster(what: str, ours: float, peer: float, goal: float, note: str) -> Result:
    times = f"{ours:.3g} s against {peer:.3g} s"
    return Result(
        what=what,
        ours=peer / ours,
        unit="x",
        goal=goal,
        peer=1,
        peer_name=PEER,
        note=f"{times}{'; ' if note else ''}{note}",
    )
