"""RL runs with random weights, one for each kind of actor: what packaging and its parity are measured on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..rl import checkpoints
from ..rl.actors import skrl_models, spaces_of
from ..rl.interface import INFINITE, Command, Group, Interface
from ..rl.recipe import Library, Recipe
from ..rl.run import INTERFACE_FILE, Checkpoint, RlRun
from ..rl.session import UNSAVED
from ..run import RUN_FILE, SAMPLES_FILE, save_arrays

JOINTS = tuple(f"joint_{index}" for index in range(7))
GAUSSIAN = {"class_name": "GaussianDistribution", "init_std": 1.0, "std_type": "scalar"}
MLP: dict[str, Any] = {
    "hidden_dims": [512, 512, 512],
    "activation": "elu",
    "obs_normalization": True,
    "distribution_cfg": GAUSSIAN,
}
RECURRENT = {"class_name": "RNNModel", **MLP, "hidden_dims": [64]}
CONVOLUTIONS = {"output_channels": [8, 16, 16], "kernel_size": [5, 3, 3], "stride": [2, 2, 2], "activation": "relu"}


def _layers(*shape: int) -> dict[str, Any]:
    return {"name": "net", "input": "OBSERVATIONS", "layers": list(shape), "activations": "elu"}


def _skrl(network: list[dict[str, Any]], scaler: str | None) -> dict[str, Any]:
    policy = {"class": "GaussianMixin", "clip_actions": False, "network": network, "output": "ACTIONS"}
    value = {"class": "DeterministicMixin", "clip_actions": False, "network": network, "output": "ONE"}
    models = {"separate": False, "policy": policy, "value": value}
    return {"models": models, "agent": {"class": "PPO", "observation_preprocessor": scaler}}


KINDS: dict[str, tuple[Library, dict[str, Any], bool, bool]] = {
    "MLP 3x512": (Library.RSL_RL, {"class_name": "MLPModel", **MLP}, True, False),
    "LSTM 2x128": (
        Library.RSL_RL,
        {
            "class_name": "RNNModel",
            **MLP,
            "hidden_dims": [64],
            "rnn_type": "lstm",
            "rnn_hidden_dim": 128,
            "rnn_num_layers": 2,
        },
        True,
        False,
    ),
    "GRU 1x64": (
        Library.RSL_RL,
        {**RECURRENT, "rnn_type": "gru", "rnn_hidden_dim": 64},
        True,
        False,
    ),
    "CNN 48x48": (
        Library.RSL_RL,
        {"class_name": "CNNModel", **MLP, "hidden_dims": [64], "obs_normalization": False, "cnn_cfg": CONVOLUTIONS},
        False,
        True,
    ),
    "CNN 48x48 and vector": (
        Library.RSL_RL,
        {"class_name": "CNNModel", **MLP, "hidden_dims": [64], "cnn_cfg": CONVOLUTIONS},
        True,
        True,
    ),
    "skrl MLP 2x32": (Library.SKRL, _skrl([_layers(32, 32)], "RunningStandardScaler"), True, False),
}
"""Name → library, its configuration of the actor, whether it sees joints, and pictures."""


def write_run(folder: Path, kind: str, seed: int = 0) -> Path:
    """A run whose checkpoint 1 is an actor of this kind with random weights and a random normaliser.

    Joints are measured about a rest position, clipped and scaled; commands are scaled, moved and clipped.
    """
    torch.manual_seed(seed)
    library, network, sees_joints, sees_pictures = KINDS[kind]
    groups = (*((joint_group(),) if sees_joints else ()), *((picture_group(),) if sees_pictures else ()))
    interface = Interface(
        robot="seven", rate_hz=50.0, groups=groups, commands=(command(),), policy_clip=2.0, network=network
    )
    recipe = Recipe(task="Isaac-Seven", library=library)
    RlRun(run_id="0" * 32, recipe=recipe, publish=None, commit="unknown").write(folder / RUN_FILE)
    interface.write(folder / INTERFACE_FILE)
    save_arrays(folder / SAMPLES_FILE, _samples(interface, np.random.default_rng(seed)))
    mark = Checkpoint(iteration=1, env_steps=1, seconds=0.0, success_rate=None, episodes=0, model=UNSAVED)
    checkpoints.save(folder, _model(library, interface), mark)
    return folder


def joint_group() -> Group:
    """Positions and velocities of seven joints; the last element is clipped to a range that is often left."""
    count = 2 * len(JOINTS)
    bound = (INFINITE,) * (count - 1) + (0.5,)
    return Group(
        name="policy",
        shape=(count,),
        elements=tuple(f"{joint}.{what}" for what in ("position", "velocity") for joint in JOINTS),
        units=("rad",) * len(JOINTS) + ("rad/s",) * len(JOINTS),
        offset=tuple(0.1 * index for index in range(count)),
        scale=(1.0,) * len(JOINTS) + (0.05,) * len(JOINTS),
        lower=tuple(-value for value in bound),
        upper=bound,
    )


def picture_group() -> Group:
    """A picture of 48 by 48 pixels."""
    return Group(name="camera", shape=(3, 48, 48), elements=(), units=(), offset=(), scale=(), lower=(), upper=())


def command() -> Command:
    """Joint positions about a rest position, each clipped."""
    count = len(JOINTS)
    return Command(
        meaning="absolute-joint-position",
        joints=JOINTS,
        units=("rad",) * count,
        scale=(0.5,) * count,
        offset=tuple(0.1 * index for index in range(count)),
        lower=(-0.4,) * count,
        upper=(1.0,) * count,
        limits_lower=(-2.9,) * count,
        limits_upper=(2.9,) * count,
    )


def _samples(interface: Interface, rng: np.random.Generator) -> dict[str, Any]:
    """Eight observations, and what Isaac Lab's formula makes of some raw actions."""
    arrays: dict[str, Any] = {}
    for group in interface.groups:
        low = 0.0 if group.name == "camera" else -1.0
        arrays[f"observation.{group.name}"] = rng.uniform(low, 1, (8, *group.shape)).astype(np.float32)
    does = interface.commands[0]
    raw = rng.uniform(-2, 2, (8, len(does.joints))).astype(np.float32)
    rows = (does.scale, does.offset, does.lower, does.upper)
    scale, offset, lower, upper = (np.array(row, dtype=np.float32) for row in rows)
    return arrays | {"raw": raw, "command": np.clip(raw * scale + offset, lower, upper)}


def _model(library: Library, interface: Interface) -> Mapping[str, Any]:
    if library is Library.SKRL:
        from skrl.resources.preprocessors.torch import RunningStandardScaler

        env = spaces_of(interface)
        policy = skrl_models(env, interface.network)["agent"]["policy"]
        scaler = RunningStandardScaler(env.observation_space, device="cpu")
        scaler(3 * torch.randn(64, *env.observation_space.shape) + 1, train=True)
        return {"policy": policy.state_dict(), "observation_preprocessor": scaler.state_dict()}
    from rsl_rl.utils import resolve_class
    from tensordict import TensorDict

    observations = {group.name: 2 * torch.randn(64, *group.shape) + 1 for group in interface.groups}
    seen = TensorDict(observations, batch_size=[64])
    make, cfg = resolve_class(interface.network)
    actor = make(seen, {"actor": list(observations)}, "actor", len(JOINTS), **cfg)
    actor.train()
    actor.update_normalization(seen)
    return {"actor_state_dict": actor.state_dict()}
