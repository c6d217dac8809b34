"""Draws of a policy, made by noise that it is handed: in a graph, and in LeRobot while it is compared with one."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


@contextmanager
def codes_drawn_by(noise: Tensor) -> Iterator[dict[str, Tensor]]:
    """Let `torch.multinomial` choose by this noise.

    PyTorch draws a category as the one with the largest probability / E, E being exponential noise. Half the sum of two
    squared standard normals is exponential (chi-squared with two degrees of freedom), so the distribution is the same.

    Args:
        noise: Standard normal, (B, layers, codes, 2).

    Yields:
        What a policy is handed beside its batch: nothing.
    """
    exponential = noise.square().sum(-1) / 2

    def draw(probabilities: Tensor, num_samples: int) -> Tensor:
        """Rows (B * tokens * layers, codes) to one column of codes; all tokens of a robot share its noise."""
        assert num_samples == 1, "one code of each layer"
        rows = probabilities.view(noise.shape[0], -1, *exponential.shape[1:])
        return (rows / exponential[:, None]).argmax(-1).view(-1, 1)

    original, torch.multinomial = torch.multinomial, draw  # type: ignore[assignment]
    try:
        yield {}
    finally:
        torch.multinomial = original
