"""RSL-RL's runner, told of our session. Isaac Lab makes it; see `worker`."""

from copy import deepcopy
from typing import Any

from rsl_rl.runners import OnPolicyRunner
from rsl_rl.utils import resolve_obs_groups
from rsl_rl.utils.log_writer import LogWriter

from .interface import read, samples
from .session import Session, told

KIND = "actor"


class Writer(LogWriter):  # type: ignore[misc]
    """Where RSL-RL's scalars go."""

    session: Session

    def __init__(self, log_dir: str) -> None:
        pass  # RSL-RL gives a folder, which the session does not need

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None:
        """Pass it on."""
        self.session.scalar(tag, scalar_value, global_step)


class TrackedRunner(OnPolicyRunner):  # type: ignore[misc]
    """Trains up to an iteration, rather than for a number of them, and saves what a package needs."""

    session: Session
    writer: type[Writer]

    def __init__(self, env: Any, train_cfg: dict[str, Any], log_dir: str | None = None, device: str = "cpu") -> None:
        self._actor = deepcopy(train_cfg[KIND])
        train_cfg["logger"] = {"class_name": self.writer}
        super().__init__(env, train_cfg, log_dir=log_dir, device=device)
        self.current_learning_iteration = self.session.iteration
        self._log, self.logger.log = self.logger.log, self._log_and_note

    def load(self, path: str, load_cfg: Any = None, strict: bool = True, map_location: Any = None) -> Any:
        """Load weights and optimizer, of another training the weights alone; the session knows the iteration."""
        infos, rate, optimizer = None, self.alg.learning_rate, deepcopy(self.alg.optimizer.state_dict())
        with self.session.loading(path):
            infos = super().load(path, load_cfg, strict, map_location)
        if not self.session.resumed:
            self.alg.learning_rate = rate
            self.alg.optimizer.load_state_dict(optimizer)
        self.current_learning_iteration = self.session.iteration
        return infos

    def learn(self, num_learning_iterations: int, init_at_random_ep_len: bool = False) -> None:
        """Train until this iteration, or until the session ends it."""
        if self.session.failure:
            return
        env, steps = self.env.unwrapped, self.cfg["num_steps_per_env"] * self.env.num_envs * self.gpu_world_size
        groups = resolve_obs_groups(self.env.get_observations(), self.cfg["obs_groups"], [KIND])[KIND]
        interface = read(env, groups, self.env.clip_actions, self._actor)
        self.session.begin(num_learning_iterations, steps, interface, samples(env, groups))
        with told(self.session, self.alg.get_policy()):
            super().learn(num_learning_iterations - self.session.iteration, init_at_random_ep_len)

    def save(self, path: str, infos: dict[str, Any] | None = None) -> None:
        """The session saves."""

    def _log_and_note(self, **values: Any) -> None:
        self._log(**values)
        self.session.iteration_done(values["it"] + 1, self._model, self.device)

    def _model(self) -> dict[str, Any]:
        return {**self.alg.save(), "iter": self.current_learning_iteration, "infos": None}


def tracked_runner(session: Session) -> type[TrackedRunner]:
    """RSL-RL's runner, with this session beside it."""
    writer = type("Writer", (Writer,), {"session": session})
    return type("TrackedRunner", (TrackedRunner,), {"session": session, "writer": writer})
