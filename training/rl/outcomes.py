"""How episodes ended, by what the task itself calls success.

Isaac Lab's tasks state it in one of two ways: a termination term `success`, or the metric `Metrics/success_rate`, which
they log whenever environments are reset. Cartpole's metric is survival: an episode that ran to its time limit and was
not terminated before, by the cart leaving its bounds. That an episode `terminated` says nothing of success.
"""

from collections import deque
from typing import Any

import gymnasium
import torch
from torch import Tensor

from .tasks import specs

METRIC, TERM = "Metrics/success_rate", "success"


class Outcomes:
    """Success of the episodes that ended of late."""

    def __init__(self, window: int) -> None:
        """Begin with nothing.

        Args:
            window: Steps of the environments that the rate looks back on are those in which this many episodes ended.
        """
        self.window = window
        self.stated_by: str | None = None
        """What the task states success by; None if it does not, or nothing has ended yet."""
        self.ended = 0
        """Whole episodes so far."""
        self.silent = False
        """Episodes have ended, and the task said nothing of success."""
        self._recent: deque[tuple[int, float]] = deque()

    def note(self, env: Any, step: int) -> Tensor | None:
        """Take in what ended in this step.

        Args:
            env: Isaac Lab's environment, right after its step.
            step: Steps since the environments were made, this one included.

        Returns:
            Success of each environment that was reset, NaN for the others, shape (N,); None if nothing is known.
        """
        done = env.reset_terminated | env.reset_time_outs
        count = int(done.sum())
        if not count:
            return None
        success = self._success(env, done)
        self.silent = success is None
        if success is None:
            return None
        if step > int(env.max_episode_length):  # the first ones may have begun in mid-episode, as RSL-RL likes it
            self.ended += count
            self._recent.append((count, float(success[done].sum())))
            while sum(ended for ended, _ in self._recent) - self._recent[0][0] >= self.window:
                self._recent.popleft()
        return success

    @property
    def episodes(self) -> int:
        """Episodes that `rate` is of."""
        return sum(ended for ended, _ in self._recent)

    @property
    def rate(self) -> float | None:
        """Share of successes among the last episodes; None before there are any."""
        return sum(succeeded for _, succeeded in self._recent) / self.episodes if self._recent else None

    def _success(self, env: Any, done: Tensor) -> Tensor | None:
        unknown = torch.full(done.shape, torch.nan, device=done.device)
        terms = env.termination_manager.active_terms if hasattr(env, "termination_manager") else ()
        if TERM in terms:
            self.stated_by = f"termination term '{TERM}'"
            return torch.where(done, env.termination_manager.get_term(TERM).float(), unknown)
        rate = env.extras.get("log", {}).get(METRIC)
        if rate is None:
            return None
        self.stated_by = f"metric '{METRIC}'"
        return torch.where(done, torch.as_tensor(rate, dtype=torch.float32, device=done.device), unknown)


class Watch(gymnasium.Wrapper):
    """Tells a callable of every step. Isaac Lab makes it with the environment, see `watched`."""

    told: Any = None
    """Called with Isaac Lab's environment and the number of the step."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.steps = 0

    def step(self, action: Any) -> Any:
        """Step, then tell."""
        result = self.env.step(action)
        self.steps += 1
        type(self).told(self.unwrapped, self.steps)
        return result


def watched(task: str, told: Any, alter: Any = None) -> None:
    """Have `gymnasium.make` wrap this task, so that Isaac Lab's own entry points make an environment that tells.

    Args:
        task: Id; each process makes one environment.
        told: Called after every step.
        alter: Called with the task's configuration before the environment is made of it.
    """
    from gymnasium.envs.registration import WrapperSpec, load_env_creator

    Watch.told = staticmethod(told)
    spec = specs()[task]
    if alter:
        make = load_env_creator(spec.entry_point)

        def altered(cfg: Any, **options: Any) -> Any:
            alter(cfg)
            return make(cfg=cfg, **options)

        spec.entry_point = altered
    spec.additional_wrappers = (WrapperSpec("Watch", f"{__name__}:{Watch.__name__}", {}),)
