"""An actor made again from its checkpoint, and the whole path of a package round it.

The networks are made by the libraries' own code from their own configuration, so this needs neither simulator nor task.
"""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from physai.infrastructure.errors import one_line

from ..errors import CheckpointError
from .interface import INFINITE, Group, Interface

type Observations = Mapping[str, Tensor]
"""Group → (B, …), as the task's observation manager gives it."""
type States = tuple[Tensor, ...]
"""Recurrent state, each (B, layers, hidden): hidden of a GRU, hidden and cell of an LSTM."""


class Actor(Protocol):
    """What the two libraries have in common."""

    @property
    def network(self) -> nn.Module:
        """Observations and states to raw actions and states, for export."""

    @property
    def state_names(self) -> tuple[str, ...]:
        """`h` of a GRU, `h` and `c` of an LSTM; empty without memory."""

    @property
    def state_shape(self) -> tuple[int, int]:
        """Layers and width of each state."""

    def ask(self, observations: Observations, states: States) -> tuple[Tensor, States]:
        """The library's own answer, deterministic, to compare the graph with."""


def load(model: Path, interface: Interface, library: str) -> Actor:
    """Make the actor of a checkpoint.

    Raises:
        CheckpointError: If the file does not hold this actor.
    """
    try:
        saved = torch.load(model, map_location="cpu", weights_only=True)
        return RslRlActor(interface, saved) if library == "rsl_rl" else SkrlActor(interface, saved)
    except Exception as error:  # torch and the libraries share no base class
        why = one_line(error, 160)
        raise CheckpointError(model, f"cannot be loaded as a {library} actor of this run ({why})") from error


class RslRlActor:
    """RSL-RL's MLP, CNN, LSTM or GRU actor, with its observation normaliser."""

    def __init__(self, interface: Interface, saved: Mapping[str, Any]) -> None:
        from rsl_rl.utils import resolve_class
        from tensordict import TensorDict

        self._dict = TensorDict
        names = [group.name for group in interface.groups]
        zeros = {group.name: torch.zeros(1, *group.shape) for group in interface.groups}
        make, cfg = resolve_class(interface.network)
        actions = sum(len(command.joints) for command in interface.commands)
        self._model = make(TensorDict(zeros, batch_size=[1]), {"actor": names}, "actor", actions, **cfg)
        self._model.load_state_dict(saved["actor_state_dict"])
        self._model.eval()
        self.network = RslRlNetwork(self._model)
        self.state_names, self.state_shape = self.network.state_names, self.network.state_shape

    def ask(self, observations: Observations, states: States) -> tuple[Tensor, States]:
        """RSL-RL's model as its runner calls it."""
        rows = len(next(iter(observations.values())))
        if states:
            carried = tuple(state.transpose(0, 1).contiguous() for state in states)
            self._model.reset(hidden_state=carried if len(carried) > 1 else carried[0])
        with torch.no_grad():
            action = self._model(self._dict(dict(observations), batch_size=[rows]))
        carried = self._model.get_hidden_state() if states else ()
        carried = carried if isinstance(carried, tuple) else (carried,)
        return action, tuple(state.transpose(0, 1) for state in carried)


class RslRlNetwork(nn.Module):
    """The same modules in a form that exports with any batch size: state comes and goes, none is kept."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.vectors: list[str] = list(model.obs_groups)
        self.images: list[str] = list(getattr(model, "obs_groups_2d", ()))
        self.normalize = model.obs_normalizer
        self.cnns = nn.ModuleList(model.cnns[name] for name in self.images)
        self.mlp = model.mlp
        self.output = model.distribution.as_deterministic_output_module() if model.distribution else nn.Identity()
        self.cells = nn.ModuleList(_cells(model.rnn.rnn) if model.is_recurrent else ())
        self.state_names: tuple[str, ...] = ()
        self.state_shape = (0, 0)
        if model.is_recurrent:
            self.state_names = ("h", "c") if isinstance(model.rnn.rnn, nn.LSTM) else ("h",)
            self.state_shape = (model.rnn.rnn.num_layers, model.rnn.rnn.hidden_size)

    def forward(self, observations: Observations, states: States) -> tuple[Tensor, States]:
        """Raw action (B, A) and the next states."""
        parts = []
        if self.vectors:
            parts.append(self.normalize(torch.cat([observations[name] for name in self.vectors], dim=-1)))
        parts += [cnn(observations[name]) for cnn, name in zip(self.cnns, self.images, strict=True)]
        latent = torch.cat(parts, dim=-1)
        after: list[tuple[Tensor, ...]] = []
        for layer, cell in enumerate(self.cells):
            before = tuple(state[:, layer] for state in states)
            carried = cell(latent, before if len(before) > 1 else before[0])
            after.append(carried if isinstance(carried, tuple) else (carried,))
            latent = after[-1][0]
        return self.output(self.mlp(latent)), tuple(torch.stack(layers, dim=1) for layers in zip(*after, strict=True))


def _cells(rnn: nn.LSTM | nn.GRU) -> list[nn.Module]:
    """One step of each layer, with the weights of a recurrent module."""
    kind = nn.LSTMCell if isinstance(rnn, nn.LSTM) else nn.GRUCell
    cells: list[nn.Module] = []
    for layer in range(rnn.num_layers):
        cell = kind(rnn.input_size if layer == 0 else rnn.hidden_size, rnn.hidden_size)
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        cell.load_state_dict({name: getattr(rnn, f"{name}_l{layer}").detach() for name in names})
        cells.append(cell)
    return cells


class SkrlActor:
    """A policy of skrl's model instantiators, with its observation preprocessor."""

    def __init__(self, interface: Interface, saved: Mapping[str, Any]) -> None:
        env = spaces_of(interface)
        self.state_names: tuple[str, ...] = ()
        self.state_shape = (0, 0)
        self._group = interface.groups[0].name
        policy = skrl_models(env, interface.network)["agent"]["policy"]
        policy.load_state_dict(saved["policy"])
        policy.enable_training_mode(False)
        self._policy, self._preprocess = policy, nn.Identity()
        if statistics := saved.get("observation_preprocessor"):
            from skrl.resources.preprocessors.torch import RunningStandardScaler

            self._preprocess = RunningStandardScaler(env.observation_space, device="cpu")
            self._preprocess.load_state_dict(statistics)
        self.network = _SkrlNetwork(policy, self._preprocess, self._group)

    def ask(self, observations: Observations, states: States) -> tuple[Tensor, States]:
        """Skrl's policy as its trainer calls it in evaluation: the mean action."""
        with torch.no_grad():
            flat = observations[self._group].flatten(1)
            _, outputs = self._policy.act({"observations": self._preprocess(flat)}, role="policy")
        return outputs["mean_actions"], states


class _SkrlNetwork(nn.Module):
    def __init__(self, policy: Any, preprocess: nn.Module, group: str) -> None:
        super().__init__()
        self.policy, self.preprocess, self.group = policy, preprocess, group

    def forward(self, observations: Observations, states: States) -> tuple[Tensor, States]:
        flat = self.preprocess(observations[self.group].flatten(1))
        return self.policy.compute({"observations": flat}, "policy")[0], states


def spaces_of(interface: Interface) -> SimpleNamespace:
    """What skrl's runner asks of an environment before it makes networks."""
    import gymnasium

    actions = sum(len(command.joints) for command in interface.commands)
    return SimpleNamespace(
        device="cpu",
        observation_space=gymnasium.spaces.Box(-np.inf, np.inf, interface.groups[0].shape, np.float32),
        state_space=None,
        action_space=gymnasium.spaces.Box(-np.inf, np.inf, (actions,), np.float32),
    )


def skrl_models(env: Any, network: Mapping[str, Any]) -> Any:
    """Models as skrl's runner makes them from Isaac Lab's agent files."""
    from skrl import logger
    from skrl.utils.runner.torch import Runner

    logger.setLevel("ERROR")  # it warns of names of fields that Isaac Lab's own files still have

    class Models(Runner):  # type: ignore[misc]
        def __init__(self) -> None:
            self._verbose = False
            self.made = self._generate_models(env, self._check_cfg_compatibility(dict(network)))

    return Models().made


class Clean(nn.Module):
    """From what is measured to what the task's observation manager gives: rest position, clip, scale."""

    def __init__(self, group: Group) -> None:
        super().__init__()
        self.passive = not group.elements
        for name in ("offset", "scale", "lower", "upper"):
            self.register_buffer(name, torch.tensor(getattr(group, name)))
        self.clips = any(value > -INFINITE for value in group.lower) or any(value < INFINITE for value in group.upper)

    def forward(self, measured: Tensor) -> Tensor:
        """Images pass as they are."""
        if self.passive:
            return measured
        value = measured - self.get_buffer("offset")
        if self.clips:
            value = torch.clamp(value, self.get_buffer("lower"), self.get_buffer("upper"))
        return value * self.get_buffer("scale")

    def inverse(self, observation: Tensor) -> Tensor:
        """What would have been measured; where the clip was active, its bound."""
        return observation if self.passive else observation / self.get_buffer("scale") + self.get_buffer("offset")


class ToCommand(nn.Module):
    """From a policy's output to what the robot is sent: the library's clip, the task's scale, offset and clip."""

    def __init__(self, interface: Interface) -> None:
        super().__init__()
        self.policy_clip = interface.policy_clip
        commands = interface.commands
        self.register_buffer("scale", torch.tensor([v for command in commands for v in command.scale]))
        self.register_buffer("offset", torch.tensor([v for command in commands for v in command.offset]))
        self.clips = any(command.lower for command in commands)
        for name, default in (("lower", -INFINITE), ("upper", INFINITE)):
            bounds = [v for command in commands for v in getattr(command, name) or (default,) * len(command.joints)]
            self.register_buffer(name, torch.tensor(bounds))

    def forward(self, raw: Tensor) -> Tensor:
        """Raw actions (B, A) to commands (B, A)."""
        if self.policy_clip is not None:
            raw = torch.clamp(raw, -self.policy_clip, self.policy_clip)
        command = raw * self.get_buffer("scale") + self.get_buffer("offset")
        return torch.clamp(command, self.get_buffer("lower"), self.get_buffer("upper")) if self.clips else command


class ActorGraph(nn.Module):
    """The whole path: measured groups and states to one command (B, 1, A) and the next states."""

    def __init__(self, actor: Actor, interface: Interface) -> None:
        super().__init__()
        self.groups = [group.name for group in interface.groups]
        self.clean = nn.ModuleList(Clean(group) for group in interface.groups)
        self.network = actor.network
        self.state_shape = actor.state_shape
        self.to_command = ToCommand(interface)
        self.inputs = [f"observation.{name}" for name in self.groups] + [f"{name}_in" for name in actor.state_names]
        self.outputs = ["action"] + [f"{name}_out" for name in actor.state_names]

    def forward(self, *values: Tensor) -> tuple[Tensor, ...]:
        """Inputs in the order of `inputs`, outputs in the order of `outputs`."""
        count = len(self.groups)
        measured = zip(self.groups, self.clean, values[:count], strict=True)
        raw, states = self.network({name: clean(value) for name, clean, value in measured}, values[count:])
        return self.to_command(raw).unsqueeze(1), *states
