"""A policy that is being trained, as a robot plays it: chunk after chunk, with what it remembers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from physai.infrastructure.contracts import TensorSpec
from physai.infrastructure.control import ChunkedPolicy, Observation

from .policy import TrainablePolicy

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED = 20260102
"""Of starts and of noise; neither demonstrations nor evaluations draw from it by default."""


def player(made: TrainablePolicy, inputs: Sequence[TensorSpec], num_envs: int) -> ChunkedPolicy:
    """The policy for a batch of robots, drawing the same noise each time.

    Args:
        made: The policy.
        inputs: Observations it takes.
        num_envs: Robots.
    """
    torch.manual_seed(SEED)
    made.policy.eval()
    seen = made.window.observation
    past = 0 if seen is None else len(seen)
    specs = [spec.model_copy(update={"shape": (past, *spec.shape), "history": past} if past else {}) for spec in inputs]
    names = [spec.name for spec in inputs]

    def infer(observation: Observation) -> "NDArray[np.float32]":
        made.policy.reset()
        batch = {name: torch.from_numpy(observation[name]) for name in names}
        with torch.no_grad():
            chunks = made.post(made.policy.predict_action_chunk(made.pre(batch)))
        return np.asarray(chunks.float().cpu().numpy())

    return ChunkedPolicy(infer, made.policy.config.n_action_steps, num_envs, specs)
