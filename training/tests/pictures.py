"""What a policy is given in a check, beside what it learned from."""

from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.datasets import Dataset
from physai.training.il import closed_loop, policy
from physai.training.il.demonstrations import input_names, load
from physai.training.run import TrainingRun, find_checkpoint

type Batch = dict[str, NDArray[Any]]
"""Name → observations, first axis the episode."""


def first_batches(env: Any, data: Path, run: Path) -> tuple[Batch, Batch]:
    """What the trained policy is asked first in a check, and the first row of each episode that it learned from.

    Args:
        env: Where it plays, all episodes at once.
        data: Whose episodes are from the starts of the checks.
        run: Its training.
    """
    made = policy.load(find_checkpoint(run, "last")[0] / "pretrained_model")
    dataset, asked, pre = Dataset(data), [], made.pre

    def watched(batch: dict[str, Any]) -> dict[str, Any]:
        asked.append({name: value.numpy() for name, value in batch.items()})
        return pre(batch)

    with patch.object(made, "pre", watched):
        closed_loop.successes(env, made, TrainingRun.read(run / "run.json").inputs, env.num_envs)
    names = input_names(dataset, "image")
    rows = load([dataset], "train", names)
    learned = rows.batch(np.unique(rows.first.numpy()), made.window)
    return asked[0], {name: learned[name].numpy() for name in names}


def nearest(asked: Batch, learned: Batch, name: str) -> list[int]:
    """For each of what was asked, which of what was learned is most like it; both have the same shape and type.

    A clip's compression changes pixels, so they are like each other rather than equal.
    """
    one, other = asked[name], learned[name]
    assert (one.shape, one.dtype) == (other.shape, other.dtype)
    apart = np.abs(one[:, None] - other[None]).reshape(len(one), len(other), -1).mean(axis=-1)
    return [int(index) for index in apart.argmin(axis=1)]


def largest_mean_difference(asked: Batch, learned: Batch) -> float:
    """Over the names; of each the mean over all elements."""
    return max(float(np.abs(asked[name] - learned[name]).mean()) for name in asked)
