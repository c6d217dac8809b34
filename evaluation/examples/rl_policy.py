"""Software in the loop for a policy that learned by reward: search its weights, package the best, judge it.

    uv run python -m physai.evaluation.examples.rl_policy out/rl

Real: the policy learns from returns alone, and is judged on conditions that it never trained on, through the policy
host. Small: linear, in Gymnasium's CartPole; `physai training rl train` does it with Isaac Lab's tasks and agents.
"""

import sys
from pathlib import Path

import gymnasium
import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.console import print_table, stdout
from physai.infrastructure.contracts import EvaluationReport

from .classic_control import CARTPOLE, linear
from .played import draw, play, table

ROUNDS, POPULATION, ELITE = 6, 24, 6
NOISE = 0.5  # added to the spread at first, and less each round, so that the search does not settle too early
EPISODES = 2  # that each is tried on, the same for all of a round
HORIZON = 500  # control steps; longer than what is evaluated, so that slow drift costs return


def learn(seed: int) -> NDArray[np.float64]:
    """Weights (4,) of the push, found by the cross-entropy method.

    Source: Szita and Lorincz 2006, doi:10.1162/neco.2006.18.12.2936, with noise that decreases.

    Args:
        seed: Of the search and of its episodes.
    """
    rng = np.random.default_rng(seed)
    mean, spread = np.zeros(4), np.ones(4)
    with gymnasium.make(CARTPOLE.partition(":")[2]) as env:
        for number in range(ROUNDS):
            tried = rng.normal(mean, spread, (POPULATION, 4))
            seeds = rng.integers(2**31, size=EPISODES)
            returns = [sum(_return(env, weights, int(begin)) for begin in seeds) for weights in tried]
            best = tried[np.argsort(returns)[-ELITE:]]
            mean, spread = best.mean(axis=0), best.std(axis=0) + NOISE * (1 - number / ROUNDS)
    return mean


def _return(env: gymnasium.Env[NDArray[np.float32], np.int64], weights: NDArray[np.float64], seed: int) -> float:
    """Of one episode."""
    state, _ = env.reset(seed=seed)
    total = 0.0
    for _ in range(HORIZON):
        state, reward, ended, _, _ = env.step(np.int64(state @ weights > 0))
        total += float(reward)
        if ended:
            break
    return total


def evaluated(folder: Path, seed: int = 0) -> EvaluationReport:
    """Learn, and evaluate what was learned beside weights that were not."""
    weights = learn(seed)
    fields = {"name": "searched", "policy_type": "cross-entropy", "training_steps": ROUNDS}
    learned = linear(folder / "learned", CARTPOLE, np.stack([-weights, weights], axis=1), **fields)
    untrained = linear(folder / "untrained", CARTPOLE, np.zeros((4, 2)))
    return play(folder / "evaluation", draw(episodes=32, seed=2), candidate=learned, untrained=untrained)


def main() -> None:
    """Run it, and print how it went."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "out/rl").resolve()
    print_table(table(evaluated(folder)))
    stdout.print(f"{folder / 'evaluation' / 'report.html'}", soft_wrap=True)


if __name__ == "__main__":
    main()
