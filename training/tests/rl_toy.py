"""The real runners of RSL-RL and skrl on a task without a simulator: push a cart to the origin within 20 steps.

Run as `python rl_toy.py OUTPUT LIBRARY ITERATIONS` it trains what `run.json` says, like the worker.
"""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from tensordict import TensorDict

from physai.infrastructure.tracking import resume_run
from physai.training.rl import checkpoints
from physai.training.rl.recipe import Library
from physai.training.rl.run import RlRun
from physai.training.rl.session import Session
from physai.training.run import RUN_FILE, checkpoint_steps

ENVS, HORIZON, ROLLOUT, HIDDEN = 16, 20, 8, 16
METRIC = "Metrics/success_rate"


class Cart:
    """Position and velocity; an episode succeeds if it ends within 0.5 of the origin, and fails beyond 3."""

    num_envs, num_actions, clip_actions, device = ENVS, 1, None, "cpu"
    max_episode_length, step_dt = HORIZON, 0.1

    def __init__(self, session: Session, reward: float = 1.0) -> None:
        self.session, self.reward, self.steps = session, reward, 0
        self.cfg = SimpleNamespace(is_finite_horizon=True)
        self.extras: dict[str, Any] = {}
        self.state = torch.randn(ENVS, 2)
        self.episode_length_buf = torch.zeros(ENVS, dtype=torch.long)
        self.reset_terminated = self.reset_time_outs = torch.zeros(ENVS, dtype=torch.bool)

    @property
    def unwrapped(self) -> "Cart":
        return self

    @property
    def obs_buf(self) -> dict[str, torch.Tensor]:
        return {"policy": self.state}

    def get_observations(self) -> TensorDict:
        return TensorDict({"policy": self.state.clone()}, batch_size=[ENVS])

    def advance(self, actions: torch.Tensor) -> torch.Tensor:
        """One step of all carts; rewards."""
        velocity = self.state[:, 1] + 0.3 * actions[:, 0].clamp(-1, 1)
        self.state = torch.stack([self.state[:, 0] + 0.3 * velocity, velocity], dim=1)
        self.episode_length_buf += 1
        self.steps += 1
        self.reset_terminated = self.state[:, 0].abs() > 3
        self.reset_time_outs = self.episode_length_buf >= HORIZON
        done = self.reset_terminated | self.reset_time_outs
        if done.any():
            near = (self.state[done, 0].abs() < 0.5) & ~self.reset_terminated[done]
            self.extras["log"] = {METRIC: near.float().mean()}
        reward = self.reward - self.state[:, 0].abs()
        self.session.outcomes.note(self, self.steps)
        self.state[done] = torch.randn(int(done.sum()), 2)
        self.episode_length_buf[done] = 0
        return reward

    def step(self, actions: torch.Tensor) -> Any:
        reward = self.advance(actions)
        done = (self.reset_terminated | self.reset_time_outs).long()
        return self.get_observations(), reward, done, {"time_outs": self.reset_time_outs, **self.extras}


def train_rsl_rl(
    session: Session, iterations: int, reward: float = 1.0, lr: float = 1e-3, start_from: Path | None = None
) -> None:
    """As Isaac Lab does."""
    from physai.training.rl.for_rsl_rl import tracked_runner

    network = {"class_name": "MLPModel", "hidden_dims": [HIDDEN], "activation": "elu"}
    gaussian = {"class_name": "GaussianDistribution", "init_std": 1.0, "std_type": "scalar"}
    ppo = {"num_learning_epochs": 2, "num_mini_batches": 2, "learning_rate": lr, "schedule": "fixed"}
    cfg = {
        "num_steps_per_env": ROLLOUT,
        "save_interval": 50,
        "obs_groups": {"actor": ["policy"], "critic": ["policy"]},
        "actor": {**network, "obs_normalization": True, "distribution_cfg": gaussian},
        "critic": network,
        "algorithm": {"class_name": "PPO", **ppo},
    }
    runner = tracked_runner(session)(Cart(session, reward), cfg, log_dir=str(session.output), device="cpu")
    if session.resumed or start_from:
        runner.load(str(start_from or checkpoints.find(session.output)[0]))
    runner.learn(iterations, init_at_random_ep_len=True)
    if session.failure:
        raise session.failure


def train_skrl(session: Session, iterations: int, lr: float = 1e-3, start_from: Path | None = None) -> None:
    """As Isaac Lab does."""
    import gymnasium
    from skrl.envs.wrappers.torch import Wrapper

    from physai.training.rl.for_skrl import tracked_runner

    class Wrapped(Wrapper):  # type: ignore[misc]
        observation_space = gymnasium.spaces.Box(-10, 10, (2,))
        action_space = gymnasium.spaces.Box(-10, 10, (1,))
        state_space, num_envs, device = None, ENVS, torch.device("cpu")

        def __init__(self, cart: Cart) -> None:
            self._cart = self._unwrapped = cart

        @property
        def unwrapped(self) -> Cart:
            return self._cart

        def reset(self) -> Any:
            return self._cart.state.clone(), {}

        def state(self) -> None:
            return None

        def step(self, actions: torch.Tensor) -> Any:
            cart = self._cart
            reward = cart.advance(actions)[:, None]
            ended = cart.reset_terminated[:, None], cart.reset_time_outs[:, None]
            return cart.state.clone(), reward, *ended, dict(cart.extras)

        def render(self, *args: Any, **kwargs: Any) -> None: ...

        def close(self) -> None: ...

    layers = [{"name": "net", "input": "OBSERVATIONS", "layers": [HIDDEN], "activations": "elu"}]
    ppo = {"rollouts": ROLLOUT, "learning_epochs": 2, "mini_batches": 2, "learning_rate": lr}
    cfg = {
        "seed": 0,
        "models": {
            "separate": True,
            "policy": {"class": "GaussianMixin", "network": layers, "output": "ACTIONS"},
            "value": {"class": "DeterministicMixin", "network": layers, "output": "ONE"},
        },
        "memory": {"class": "RandomMemory", "memory_size": -1},
        "agent": {"class": "PPO", **ppo, "experiment": {"directory": str(session.output / "skrl")}},
        "trainer": {
            "class": "SequentialTrainer",
            "timesteps": iterations * ROLLOUT,
            "environment_info": "log",
            "close_environment_at_exit": False,
        },
    }
    runner = tracked_runner(session)(Wrapped(Cart(session)), cfg)
    if session.resumed or start_from:
        runner.agent.load(str(start_from or checkpoints.find(session.output)[0]))
    runner.run()
    if session.failure:
        raise session.failure


def session_of(output: Path, *, stop: list[int] | None = None) -> Session:
    """The session of a run's folder, as the worker makes it."""
    run = RlRun.read(output / RUN_FILE)
    checkpoints.sweep(output)
    mark = checkpoints.find(output)[1] if checkpoint_steps(output) else None
    return Session(
        output, run.recipe, resume_run(run.run_id), run.publish, None, mark, stop if stop is not None else []
    )


def main() -> None:
    torch.manual_seed(0)
    output, library, iterations = Path(sys.argv[1]), Library(sys.argv[2]), int(sys.argv[3])
    session = session_of(output)
    (train_rsl_rl if library is Library.RSL_RL else train_skrl)(session, iterations)
    assert session.tracked is not None
    session.tracked.finish()


if __name__ == "__main__":
    main()
