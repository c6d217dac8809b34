"""skrl's runner, told of our session. Isaac Lab makes it; see `worker`."""

from copy import deepcopy
from typing import Any

from skrl import config
from skrl.agents.torch import Agent
from skrl.utils.runner.torch import Runner
from torch.optim import Optimizer

from .interface import read, samples
from .session import Session, told

GROUP = "policy"  # the one that Isaac Lab gives to skrl


class TrackedRunner(Runner):  # type: ignore[misc]
    """Trains up to an iteration, and saves what a package needs."""

    session: Session

    def __init__(self, env: Any, cfg: dict[str, Any], **options: Any) -> None:
        self._network = deepcopy({"models": cfg["models"], "agent": cfg["agent"]})
        self._rollouts: int = cfg["agent"]["rollouts"]
        self._iterations = cfg["trainer"]["timesteps"] // self._rollouts
        left = (self._iterations - self.session.iteration) * self._rollouts
        cfg["trainer"] |= {"timesteps": left, "disable_progressbar": True}
        cfg["agent"]["experiment"] |= {"write_interval": self._rollouts, "checkpoint_interval": 0}
        super().__init__(env, cfg, **options)

    def _component(self, name: str) -> Any:
        """The class of that name; an agent is told of the session."""
        found = super()._component(name)
        if isinstance(found, type) and issubclass(found, Agent):
            facts = {"session": self.session, "rollouts": self._rollouts, "before": self.session.iteration}
            return type(found.__name__, (TrackedAgent, found), facts)
        return found

    def run(self, mode: str = "train") -> None:
        """Train until the last iteration, or until the session ends it."""
        if self.session.failure:
            return
        self._env.reset()  # skrl's wrapper resets once, and this is it
        env = self._env.unwrapped
        steps = self._rollouts * env.num_envs * config.torch.world_size
        interface = read(env, [GROUP], None, self._network)
        self.session.begin(self._iterations, steps, interface, samples(env, [GROUP]))
        with told(self.session, self.agent.models["policy"]):
            super().run(mode)


class TrackedAgent:
    """Stands before one of skrl's agents, which call `write_tracking_data` after every `write_interval` steps."""

    session: Session
    rollouts: int
    before: int
    """Iterations of earlier processes."""

    def init(self, *, trainer_cfg: Any = None) -> None:
        """Write after each iteration; skrl would leave out all processes but the first."""
        super().init(trainer_cfg=trainer_cfg)  # type: ignore[misc]  # skrl's agent comes next
        self.write_interval, self.writer = self.rollouts, self

    def add_scalar(self, *, tag: str, value: float, timestep: int) -> None:
        """Take a scalar in the place of TensorBoard's writer."""
        self.session.scalar(tag, value, timestep)

    def load(self, path: str) -> None:
        """Load weights and optimizers, of another training the weights alone; the session keeps what goes wrong."""
        modules = self.checkpoint_modules.values()  # type: ignore[attr-defined]
        optimizers = [(each, deepcopy(each.state_dict())) for each in modules if isinstance(each, Optimizer)]
        with self.session.loading(path):
            super().load(path)  # type: ignore[misc]
        if not self.session.resumed:
            for each, state in optimizers:
                each.load_state_dict(state)

    def write_tracking_data(self, *, timestep: int, timesteps: int) -> None:
        """An iteration is over."""
        iteration = self.before + timestep // self.rollouts
        super().write_tracking_data(timestep=iteration, timesteps=timesteps)  # type: ignore[misc]
        self.session.iteration_done(iteration, self._modules, self.device)  # type: ignore[attr-defined]

    def write_checkpoint(self, *, timestep: int, timesteps: int) -> None:
        """The session saves."""

    def _modules(self) -> dict[str, Any]:
        modules = self.checkpoint_modules.items()  # type: ignore[attr-defined]
        return {name: self._get_internal_value(module) for name, module in modules}  # type: ignore[attr-defined]


def tracked_runner(session: Session) -> type[TrackedRunner]:
    """The runner, with this session beside it."""
    return type("TrackedRunner", (TrackedRunner,), {"session": session})
