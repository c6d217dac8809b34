"""What a task gives to a policy and takes from it, read off the live environment, so that a package needs no simulator.

Isaac Lab computes an observation term as `clip(function) * scale`, and an action term as `clip(raw * scale + offset)`.
"""

from pathlib import PurePosixPath
from typing import Any, Literal
from urllib.parse import urlparse

import numpy as np
import torch
from numpy.typing import NDArray

from physai.infrastructure.contracts import Contract, Document

type Meaning = Literal["absolute-joint-position", "relative-joint-position", "joint-velocity", "joint-effort"]

MEANINGS: dict[str, Meaning] = {
    "JointPositionAction": "absolute-joint-position",
    "RelativeJointPositionAction": "relative-joint-position",
    "JointVelocityAction": "joint-velocity",
    "JointEffortAction": "joint-effort",
}
"""Isaac Lab's class of an action term → what the robot is sent."""
SAMPLES, SPREAD = 8, 3.0
INFINITE = 1e30
"""JSON has no infinity; a bound beyond this is none. PhysX and Newton write unlimited joints in such numbers."""


class Group(Contract):
    """One observation group, as the task's functions measure it, before the task's clip and scale."""

    name: str
    shape: tuple[int, ...]
    elements: tuple[str, ...]
    """Names along the last axis; empty for images."""
    units: tuple[str, ...]
    offset: tuple[float, ...]
    """Taken away from what is measured: where joints are at rest, for terms that are relative to it."""
    scale: tuple[float, ...]
    lower: tuple[float, ...]
    """Clip, before the scale."""
    upper: tuple[float, ...]


class Command(Contract):
    """What an action term makes of the policy's output."""

    meaning: Meaning
    joints: tuple[str, ...]
    units: tuple[str, ...]
    scale: tuple[float, ...]
    offset: tuple[float, ...]
    lower: tuple[float, ...]
    """Clip of the command by the task."""
    upper: tuple[float, ...]
    limits_lower: tuple[float, ...]
    """What the asset's joints can take, in the command's unit."""
    limits_upper: tuple[float, ...]


class Interface(Document):
    """`interface.json` of a run."""

    kind: Literal["rl-interface"] = "rl-interface"
    version: Literal[1] = 1
    robot: str
    """Stem of its asset's file."""
    rate_hz: float
    groups: tuple[Group, ...]
    """Those the actor sees, in its order."""
    commands: tuple[Command, ...]
    """One for each action term, in order."""
    unsupported: str | None = None
    """Why a package cannot be made of this task; None if it can."""
    policy_clip: float | None
    """The library clips the policy's output to plus and minus this."""
    network: dict[str, Any]
    """The library's own configuration of the actor, from which it is made again."""


def read(env: Any, groups: list[str], policy_clip: float | None, network: dict[str, Any]) -> Interface:
    """Ask Isaac Lab's managers.

    Args:
        env: Isaac Lab's environment, without wrappers.
        groups: Observation groups of the actor.
        policy_clip: Of the agent's configuration.
        network: The agent's configuration of the actor.
    """
    facts: dict[str, Any] = {"rate_hz": float(1.0 / env.step_dt), "policy_clip": policy_clip, "network": network}
    if not hasattr(env, "action_manager"):
        why = "a task of the direct workflow keeps its actions and observations inside its code"
        return Interface(robot="unknown", groups=(), commands=(), unsupported=why, **facts)
    terms = [env.action_manager.get_term(name) for name in env.action_manager.active_terms]
    for term in terms:
        if type(term).__name__ not in MEANINGS:
            why = f"its action term {type(term).__name__} is none of {', '.join(MEANINGS)}"
            return Interface(robot="unknown", groups=(), commands=(), unsupported=why, **facts)
    commands = tuple(_command(term) for term in terms)
    mixed = len({command.meaning for command in commands}) != 1
    return Interface(
        robot=_robot(terms[0]._asset),
        groups=tuple(_group(env, name) for name in groups),
        commands=commands,
        unsupported="its action terms mean different things" if mixed else None,
        **facts,
    )


def samples(env: Any, groups: list[str]) -> dict[str, NDArray[np.float32]]:
    """Observations of some environments, and what Isaac Lab's action terms make of some outputs of a policy.

    Returns:
        `observation.<group>` (8, …), as the policy sees it; `raw` and `command` (8, A).
    """
    kept = torch.linspace(0, env.num_envs - 1, min(SAMPLES, env.num_envs)).long()
    arrays = {f"observation.{name}": env.obs_buf[name][kept].cpu().numpy() for name in groups}
    if hasattr(env, "action_manager"):
        manager = env.action_manager
        before = manager.action.clone()
        raw = torch.linspace(-SPREAD, SPREAD, before.numel(), device=env.device).reshape(before.shape)
        manager.process_action(raw)
        command = torch.cat([manager.get_term(name).processed_actions for name in manager.active_terms], dim=-1)
        arrays |= {"raw": raw[kept].cpu().numpy(), "command": command[kept].cpu().numpy()}
        manager.process_action(before)
    return arrays


def _robot(asset: Any) -> str:
    path = getattr(asset.cfg.spawn, "usd_path", None) or "unknown"
    return PurePosixPath(urlparse(path).path).stem.removesuffix("_instanceable").lower()


def _command(term: Any) -> Command:
    meaning, joints = MEANINGS[type(term).__name__], tuple(term._joint_names)
    data, ids = term._asset.data, term._joint_ids
    kinds = tuple(_is_linear(joint) for joint in joints)
    clip = term._clip[0].cpu() if term.cfg.clip is not None else None
    match meaning:
        case "absolute-joint-position" | "relative-joint-position":
            ranges = data.joint_pos_limits.torch[0][ids]
            lower, upper, units = ranges[:, 0], ranges[:, 1], ("rad", "m")
        case "joint-velocity":
            upper, units = data.joint_vel_limits.torch[0][ids], ("rad/s", "m/s")
            lower = -upper
        case "joint-effort":
            upper, units = data.joint_effort_limits.torch[0][ids], ("N·m", "N")
            lower = -upper
    count = len(joints)
    return Command(
        meaning=meaning,
        joints=joints,
        units=tuple(units[linear] for linear in kinds),
        scale=_row(term._scale, count),
        offset=_row(term._offset, count),
        lower=_bounds(clip[:, 0], count) if clip is not None else (),
        upper=_bounds(clip[:, 1], count) if clip is not None else (),
        limits_lower=_bounds(lower, count),
        limits_upper=_bounds(upper, count),
    )


def _group(env: Any, name: str) -> Group:
    manager = env.observation_manager
    shape = tuple(manager.group_obs_dim[name])
    if len(shape) != 1:
        return Group(name=name, shape=shape, elements=(), units=(), offset=(), scale=(), lower=(), upper=())
    elements: list[str] = []
    columns: dict[str, list[Any]] = {"units": [], "offset": [], "scale": [], "lower": [], "upper": []}
    configured = zip(manager.active_terms[name], manager.group_obs_term_dim[name], strict=True)
    for (term, (size,)), cfg in zip(configured, manager._group_obs_term_cfgs[name], strict=True):
        names, rows = _term(env, term, size, cfg)
        elements += names
        for key, values in rows.items():
            columns[key] += values
    return Group(name=name, shape=shape, elements=tuple(elements), **{k: tuple(v) for k, v in columns.items()})


def _term(env: Any, term: str, size: int, cfg: Any) -> tuple[list[str], dict[str, list[Any]]]:
    """Names and columns of one observation term of this size."""
    function = getattr(cfg.func, "__name__", type(cfg.func).__name__)
    joints, offset = _joints(env, cfg, function)
    measured = [f"{joint}.{_quantity(function)}" for joint in joints]
    repeats = size // len(measured) if measured and size % len(measured) == 0 else 0
    if not repeats:
        measured, offset, repeats = [f"{term}.{index}" for index in range(size)], [0.0] * size, 1
    names = (
        measured if repeats == 1 else [f"{name}@{step - repeats + 1}" for step in range(repeats) for name in measured]
    )
    lower, upper = cfg.clip or (-INFINITE, INFINITE)
    return names, {
        "units": [_unit(name.partition("@")[0], function) for name in names],
        "offset": offset * repeats,
        "scale": list(_row(1.0 if cfg.scale is None else cfg.scale, size)),
        "lower": [float(lower)] * size,
        "upper": [float(upper)] * size,
    }


def _joints(env: Any, cfg: Any, function: str) -> tuple[list[str], list[float]]:
    """Joints that a term measures, and what it takes away from each; none if it measures something else."""
    if not function.startswith(("joint_pos", "joint_vel")):
        return [], []
    entity = cfg.params.get("asset_cfg")
    asset = env.scene[entity.name if entity else "robot"]
    ids = entity.joint_ids if entity and entity.joint_ids is not None else slice(None)
    names = list(asset.joint_names) if isinstance(ids, slice) else [asset.joint_names[int(index)] for index in ids]
    rest = {"joint_pos_rel": "default_joint_pos", "joint_vel_rel": "default_joint_vel"}.get(function)
    offset = getattr(asset.data, rest).torch[0][ids].tolist() if rest else [0.0] * len(names)
    return names, offset


def _quantity(function: str) -> str:
    return "velocity" if function.startswith("joint_vel") else "position"


def _unit(element: str, function: str) -> str:
    if not function.startswith(("joint_pos", "joint_vel")):
        return "1"
    joint, _, quantity = element.rpartition(".")
    return ("m" if _is_linear(joint) else "rad") + ("/s" if quantity == "velocity" else "")


def _is_linear(joint: str) -> bool:
    """Whether a joint slides, which only its asset tells."""
    import isaaclab.sim as sim_utils
    from pxr import UsdPhysics

    stage = sim_utils.get_current_stage()
    return any(prim.GetName() == joint and prim.IsA(UsdPhysics.PrismaticJoint) for prim in stage.Traverse())


def _row(value: Any, count: int) -> tuple[float, ...]:
    """A number for all, or the first row of a tensor, which is the same for all environments."""
    if isinstance(value, torch.Tensor):
        row = value[0] if value.ndim == 2 else value.reshape(-1)
        return tuple(row.expand(count).tolist() if row.numel() == 1 else row.tolist())
    return tuple(map(float, value)) if isinstance(value, tuple | list) else (float(value),) * count


def _bounds(values: torch.Tensor, count: int) -> tuple[float, ...]:
    finite = values.double().clamp(-INFINITE, INFINITE)
    return tuple(finite.expand(count).tolist())
