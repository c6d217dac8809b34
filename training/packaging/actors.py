"""Builds a policy package from an RL run: the same checkpoint gives the same bytes, and no simulator is started."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import ModelProto
from torch import Tensor

from physai.infrastructure.aside import whole_file, whole_folder
from physai.infrastructure.contracts import (
    Contract,
    Digest,
    JointLimits,
    PolicyPackage,
    RecurrentState,
    TensorSpec,
    digest_file,
)
from physai.infrastructure.registry.verify import GOLDEN_FILE, GRAPH_FILE, open_session

from .. import licences
from ..errors import CheckpointError, PackageWriteError, ParityError, UnsupportedTaskError
from ..rl import actors, checkpoints
from ..rl.actors import ActorGraph
from ..rl.interface import INFINITE, Interface
from ..rl.run import INTERFACE_FILE, RlRun
from ..run import RUN_FILE, SAMPLES_FILE, save_arrays
from .exporter import export_onnx, opset_of
from .finish import finish

BOUND = 1e-6
"""Largest difference allowed, relative to the larger of 1 and the greatest command."""
RANDOM, SPREAD, SEED = 120, 3.0, 0
"""Random inputs, how many deviations of the recorded ones they reach, and their seed."""
CODE = {"rsl_rl": ("physai-training", "isaaclab", "rsl-rl-lib"), "skrl": ("physai-training", "isaaclab", "skrl")}
"""Distributions that trained an actor, by library."""

type Arrays = dict[str, NDArray[np.float32]]


def build(
    run: Path, output: Path, *, checkpoint: str = "last", name: str | None = None, licence: str | None = None
) -> PolicyPackage:
    """Export, compare with the library, record golden vectors, verify; only then does `output` appear.

    Args:
        run: Folder of an RL training.
        output: Where the package appears.
        checkpoint: `last`, or an iteration.
        name: Of the package; default: task and library.
        licence: SPDX expression that the trained weights are given under; None states none.

    Raises:
        CheckpointError: If there is no such checkpoint, or it cannot be loaded.
        LicenceError: If the licence is no SPDX expression.
        OccupiedError: If something is at `output`.
        PackageWriteError: If the disk refuses.
        PackagingError: If graph and actor differ, or the task's actions cannot be put into a graph.
    """
    found = open_run(run, checkpoint)
    training, interface, actor, graph = found.training, found.interface, found.actor, found.graph
    inputs = golden_inputs(graph, interface, found.samples)
    library = training.recipe.library.value
    name = name or re.sub(r"[^a-z0-9]+", "-", f"{training.recipe.task}-{library}".lower())
    parts = (licences.of_policy(name, licence), *licences.of_code(*CODE[library]))
    exported = to_onnx(graph, inputs)
    try:
        with whole_folder(output) as part:
            (part / GRAPH_FILE).write_bytes(exported.SerializeToString(deterministic=True))
            golden, worst = compare(found, open_session(part / GRAPH_FILE), inputs)
            save_arrays(part / GOLDEN_FILE, golden)
            package = PolicyPackage(
                name=name,
                policy_type=library,
                task=training.recipe.task,
                robot=interface.robot,
                inputs=_inputs(graph, interface),
                outputs=_outputs(graph, interface),
                states=tuple(RecurrentState(input=f"{key}_in", output=f"{key}_out") for key in actor.state_names),
                rate_hz=interface.rate_hz,
                action_meaning=interface.commands[0].meaning,
                action_steps=1,
                limits=_limits(interface),
                run_id=training.run_id,
                training_steps=found.iteration,
                commit=training.commit,
                licences=parts,
                opset=opset_of(exported),
                parity_max_abs=worst,
                files={},
            )
            return finish(part, package)
    except OSError as error:
        raise PackageWriteError(output, error) from error


class Exported(Contract):
    """An ONNX file."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    opset: int
    parity_max_abs: float
    digest: Digest


@dataclass(frozen=True)
class Found:
    """A checkpoint of a run, ready to be exported."""

    training: RlRun
    interface: Interface
    model: Path
    iteration: int
    actor: actors.Actor
    graph: ActorGraph
    samples: Arrays


def open_run(run: Path, checkpoint: str) -> Found:
    """The actor of a checkpoint, and the whole path round it.

    Raises:
        CheckpointError: If there is none, or it cannot be loaded.
        UnsupportedTaskError: If the task's actions cannot be put into a graph.
    """
    training, interface = RlRun.read(run / RUN_FILE), Interface.read(run / INTERFACE_FILE)
    if interface.unsupported:
        raise UnsupportedTaskError(training.recipe.task, interface.unsupported)
    model, mark = checkpoints.find(run, checkpoint)
    actor = actors.load(model, interface, training.recipe.library.value)
    samples = read_samples(run / SAMPLES_FILE, interface)
    return Found(training, interface, model, mark.iteration, actor, ActorGraph(actor, interface), samples)


def to_onnx(graph: ActorGraph, inputs: Arrays) -> ModelProto:
    """The graph in ONNX."""
    return export_onnx(graph, [torch.from_numpy(inputs[key]) for key in graph.inputs], graph.inputs, graph.outputs)


def export(run: Path, output: Path, *, checkpoint: str = "last") -> Exported:
    """Write a checkpoint's graph, after it was compared with the library's actor.

    Raises:
        CheckpointError: If there is no such checkpoint, or it cannot be loaded.
        PackageWriteError: If the disk refuses.
        PackagingError: If graph and actor differ, or the task's actions cannot be put into a graph.
    """
    found = open_run(run, checkpoint)
    inputs = golden_inputs(found.graph, found.interface, found.samples)
    model = to_onnx(found.graph, inputs)
    try:
        with whole_file(output) as part:
            part.write_bytes(model.SerializeToString(deterministic=True))
            _, worst = compare(found, open_session(part), inputs)
    except OSError as error:
        raise PackageWriteError(output, error) from error
    return Exported(
        inputs=tuple(found.graph.inputs),
        outputs=tuple(found.graph.outputs),
        opset=opset_of(model),
        parity_max_abs=worst,
        digest=digest_file(output),
    )


def read_samples(path: Path, interface: Interface) -> Arrays:
    """Observations, raw actions and commands that were recorded when the training began.

    Raises:
        CheckpointError: If they are not there.
    """
    names = [f"observation.{group.name}" for group in interface.groups] + ["raw", "command"]
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in names}
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(path, f"no recorded observations ({error})") from error


def golden_inputs(graph: ActorGraph, interface: Interface, samples: Arrays) -> Arrays:
    """What the graph is asked: recorded observations, then random ones from a box round them, and random states."""
    rng = np.random.default_rng(SEED)
    inputs: dict[str, NDArray[Any]] = {}
    for group, clean in zip(interface.groups, graph.clean, strict=True):
        recorded = clean.inverse(torch.from_numpy(samples[f"observation.{group.name}"])).numpy()  # type: ignore[operator]
        noise = rng.uniform(-1, 1, (RANDOM, *group.shape))
        width = SPREAD * np.maximum(recorded.std(axis=0), 0.1)
        inputs[f"observation.{group.name}"] = np.concatenate([recorded, recorded.mean(axis=0) + width * noise])
    rows = len(next(iter(inputs.values())))
    for key in graph.inputs[len(interface.groups) :]:
        state = rng.uniform(-1, 1, (rows, *graph.state_shape))
        state[0] = 0.0  # as when an episode begins
        inputs[key] = state
    return {key: np.ascontiguousarray(value, dtype=np.float32) for key, value in inputs.items()}


def compare(found: Found, session: Any, inputs: Arrays) -> tuple[Arrays, float]:
    """Ask the graph in ONNX Runtime, and the library's own actor with Isaac Lab's arithmetic of commands.

    Args:
        found: The library's actor, and the whole path in PyTorch.
        session: The whole path in ONNX Runtime.
        inputs: Name → (N, …).

    Returns:
        Inputs and the actor's answers, and the largest difference in the command's unit.

    Raises:
        ParityError: If they differ by more than `BOUND`.
    """
    graph = found.graph
    check_commands(graph, found.samples, found.model)
    tensors = [torch.from_numpy(inputs[key]) for key in graph.inputs]
    each = zip(graph.groups, graph.clean, tensors[: len(graph.groups)], strict=True)
    raw, states = found.actor.ask(
        {name: clean(value) for name, clean, value in each}, tuple(tensors[len(graph.groups) :])
    )
    wanted = [np.ascontiguousarray(value.numpy()) for value in (graph.to_command(raw).unsqueeze(1), *states)]
    answers = session.run(graph.outputs, inputs)
    answered = zip(graph.outputs, wanted, answers, strict=True)
    worst = max(_difference(want, got, f"'{key}'", found.model) for key, want, got in answered)
    return {**inputs, **dict(zip(graph.outputs, wanted, strict=True))}, worst


def check_commands(graph: ActorGraph, samples: Arrays, model: Path) -> None:
    """Compare our scale, offset and clip of commands with what Isaac Lab itself made of some raw actions."""
    clip = graph.to_command.policy_clip
    raw = torch.from_numpy(samples["raw"])
    inside = torch.ones_like(raw, dtype=torch.bool) if clip is None else raw.abs() <= clip  # that clip is the library's
    ours: Tensor = graph.to_command(raw)
    _difference(samples["command"][inside.numpy()], ours.numpy()[inside.numpy()], "Isaac Lab's commands", model)


def _difference(wanted: NDArray[np.float32], got: NDArray[np.float32], path: str, model: Path) -> float:
    difference = float(np.abs(wanted - got).max()) if wanted.shape == got.shape else float("inf")
    bound = BOUND * max(1.0, float(np.abs(wanted).max()))
    if not difference <= bound:  # also refuses not-a-number
        raise ParityError(model, path, difference, bound)
    return difference


def _inputs(graph: ActorGraph, interface: Interface) -> tuple[TensorSpec, ...]:
    observed = tuple(
        TensorSpec(
            name=f"observation.{group.name}",
            dtype="float32",
            shape=group.shape,
            elements=group.elements,
            units=group.units,
        )
        for group in interface.groups
    )
    return (*observed, *(_state(key, graph) for key in graph.inputs[len(observed) :]))


def _outputs(graph: ActorGraph, interface: Interface) -> tuple[TensorSpec, ...]:
    commands = interface.commands
    joints = tuple(joint for command in commands for joint in command.joints)
    lower, upper = _range(interface)
    bounded = all(abs(value) < INFINITE for value in (*lower, *upper))
    action = TensorSpec(
        name="action",
        dtype="float32",
        shape=(1, len(joints)),
        elements=joints,
        units=tuple(unit for command in commands for unit in command.units),
        lower=lower if bounded else (),
        upper=upper if bounded else (),
    )
    return (action, *(_state(key, graph) for key in graph.outputs[1:]))


def _state(key: str, graph: ActorGraph) -> TensorSpec:
    return TensorSpec(name=key, dtype="float32", shape=graph.state_shape)


def _range(interface: Interface) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """What the joints can take, within what the task allows."""
    lower: list[float] = []
    upper: list[float] = []
    for command in interface.commands:
        count = len(command.joints)
        lower += map(max, command.limits_lower, command.lower or (-INFINITE,) * count)
        upper += map(min, command.limits_upper, command.upper or (INFINITE,) * count)
    return tuple(lower), tuple(upper)


def _limits(interface: Interface) -> tuple[JointLimits, ...]:
    """Position limits, for commands that say where joints go."""
    if interface.commands[0].meaning != "absolute-joint-position":
        return ()
    joints = (joint for command in interface.commands for joint in command.joints)
    return tuple(
        JointLimits(joint=joint, lower_rad=lower, upper_rad=upper)
        for joint, lower, upper in zip(joints, *_range(interface), strict=True)
    )
