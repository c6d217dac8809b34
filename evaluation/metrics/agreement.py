"""How far predicted actions are from recorded ones."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def squared_errors(predicted: Floats, recorded: Floats, span: Floats) -> NDArray[np.float64]:
    """Squared error of every action in units of what was recorded: 1 is as far off as the recordings span.

    Args:
        predicted: Shape (T, A).
        recorded: Shape (T, A).
        span: Largest minus smallest recorded value of each action over the whole dataset, shape (A,); an action that
            was never moved counts in its own unit.
    """
    scale = np.where(span > 0, span, 1.0)
    errors: NDArray[np.float64] = ((predicted.astype(np.float64) - recorded) / scale) ** 2
    return errors


def dtw_distance(predicted: Floats, recorded: Floats) -> float:
    """Distance of two paths that may run at different speeds: mean step cost along the best alignment.

    Dynamic time warping with steps (1, 0), (0, 1) and (1, 1), Euclidean cost, divided by the length of the alignment.
    Source: Sakoe and Chiba 1978, doi:10.1109/TASSP.1978.1163055.

    Args:
        predicted: Shape (T, A).
        recorded: Shape (U, A).
    """
    costs = np.linalg.norm(predicted[:, None].astype(np.float64) - recorded[None], axis=2)
    total = np.full((len(predicted) + 1, len(recorded) + 1), np.inf)
    steps = np.zeros(total.shape, dtype=np.intp)
    total[0, 0] = 0.0
    for row in range(1, len(total)):
        for column in range(1, total.shape[1]):
            before = min(
                (total[row - 1, column - 1], steps[row - 1, column - 1]),
                (total[row - 1, column], steps[row - 1, column]),
                (total[row, column - 1], steps[row, column - 1]),
            )
            total[row, column] = costs[row - 1, column - 1] + before[0]
            steps[row, column] = before[1] + 1
    return float(total[-1, -1] / steps[-1, -1])
