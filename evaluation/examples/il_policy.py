"""Software in the loop for a policy that imitates: record a demonstrator, clone it from its dataset, judge the clone.

    uv run python -m physai.evaluation.examples.il_policy out/il

Real: the demonstrations are a LeRobot dataset, the clone is an ONNX package behind the policy host, and both play the
same stored conditions. Small: the environment is Gymnasium's CartPole and the clone is linear, so it takes seconds; the
pipeline `training/pipelines/workflows/osmo/release-candidate.yaml` does the same with ACT and Isaac Lab.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.console import print_table, stdout
from physai.infrastructure.contracts import EvaluationReport
from physai.infrastructure.datasets import Dataset

from .classic_control import ACTION, CARTPOLE, STATE, balancing, linear
from .played import draw, play, table


def clone(dataset: Dataset) -> NDArray[np.float64]:
    """Weights (4, 2) that push to where the demonstrator did: least squares of its choices, by state."""
    episodes = [dataset.episode(index) for index in range(dataset.num_episodes)]
    states = np.concatenate([episode[STATE] for episode in episodes]).astype(np.float64)
    scores = np.concatenate([episode[ACTION] for episode in episodes])
    chosen = np.where(scores[:, 1] > scores[:, 0], 1.0, -1.0)
    weights, *_ = np.linalg.lstsq(states, chosen, rcond=None)
    return np.stack([-weights, weights], axis=1)


def evaluated(folder: Path) -> EvaluationReport:
    """Record, clone, and evaluate the clone beside its demonstrator and a policy that never learned."""
    demonstrator = balancing(folder / "demonstrator")
    play(folder / "demonstrations", draw(episodes=8, seed=1), candidate=demonstrator)
    demonstrations = Dataset(folder / "demonstrations" / "rollouts")
    fields = {"name": "clone", "policy_type": "linear", "dataset": demonstrations.verify()}
    cloned = linear(folder / "clone", CARTPOLE, clone(demonstrations), **fields)
    untrained = linear(folder / "untrained", CARTPOLE, np.zeros((4, 2)))
    return play(
        folder / "evaluation",
        draw(episodes=32, seed=2),
        candidate=cloned,
        champion=demonstrator,
        untrained=untrained,
    )


def main() -> None:
    """Run it, and print how it went."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "out/il").resolve()
    print_table(table(evaluated(folder)))
    stdout.print(f"{folder / 'evaluation' / 'report.html'}", soft_wrap=True)


if __name__ == "__main__":
    main()
