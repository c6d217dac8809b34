"""One policy in Gymnasium environments: its episodes, their measures, and their dataset."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from physai.infrastructure.contracts import ConditionSet, EpisodeOutcome, Role

from .entrants import Entrant
from .gym_env import GymEnv
from .gym_play import GymEpisode, play, write_episodes
from .loop import EpisodeLink, LinkedPolicy, inference_ms, link_kpis
from .success_rule import read_rule


def play_role(
    env: GymEnv,
    policy: LinkedPolicy,
    entrant: Entrant,
    conditions: ConditionSet,
    rate_hz: float,
    rollouts: Path | None,
    progress: Callable[[Role, int, int], None],
) -> tuple[EpisodeOutcome, ...]:
    """Play all conditions, in their order.

    Args:
        env: Where to play.
        policy: The entrant's, behind its host.
        entrant: Who plays.
        conditions: With a rule for success.
        rate_hz: Control steps per second.
        rollouts: Where the dataset appears; None for none.
        progress: Told (role, episodes done, episodes in all).
    """
    assert conditions.success is not None, "a condition set of a Gymnasium task is drawn with a rule"
    played = play(
        env,
        policy,
        conditions.conditions,
        rule=read_rule(conditions.success),
        horizon=max(1, round(conditions.horizon_s * rate_hz)),
        progress=lambda done, total: progress(entrant.role, done, total),
    )
    # taken at once: its row goes on, and is asked for, without it
    found = [(episode, policy.links.pop(episode.condition)) for episode in played]
    found.sort(key=lambda pair: pair[0].condition)
    if rollouts is not None:
        write_episodes(rollouts, [episode for episode, _ in found], env, rate_hz, conditions, entrant.digest)
    return tuple(_outcome(episode, link) for episode, link in found)


def _outcome(episode: GymEpisode, link: EpisodeLink) -> EpisodeOutcome:
    return EpisodeOutcome(
        condition=episode.condition,
        success=episode.success,
        steps=episode.steps,
        kpis={
            "return": float(np.sum(episode.rewards)),
            "limit_violations": float(episode.beyond),
            **link_kpis(link),
        },
        inference_ms=inference_ms(link),
    )
