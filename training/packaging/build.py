"""Builds a policy package from a checkpoint: the same checkpoint always gives the same bytes."""

import re
from pathlib import Path

import numpy as np
import torch

from physai.infrastructure.aside import whole_folder
from physai.infrastructure.contracts import PolicyPackage, TensorSpec
from physai.infrastructure.registry.verify import GOLDEN_FILE, GRAPH_FILE, open_session
from physai.infrastructure.robots import load_robot

from .. import licences
from ..errors import CheckpointError, PackageWriteError
from ..il import policy
from ..il.checkpoints import PRETRAINED
from ..il.demonstrations import ACTION
from ..run import RUN_FILE, SAMPLES_FILE, STATISTICS_FILE, TrainingRun, find_checkpoint, save_arrays
from .finish import finish
from .graph import NOISE, export, graph_of
from .parity import Arrays, check, history_of, noise_for, random_inputs
from .statistics import read_statistics
from .units import limits_of, with_units

RECORDED_SEED = 1  # of the noise beside recorded observations
RANDOM = 8  # random observations among the golden vectors
CODE = ("physai-training", "lerobot")


def build(
    run: Path,
    output: Path,
    *,
    checkpoint: str = "last",
    name: str | None = None,
    robot: str | None = None,
    licence: str | None = None,
) -> PolicyPackage:
    """Export, compare with LeRobot, record golden vectors, verify; only then does `output` appear.

    Args:
        run: Folder of a training.
        output: Where the package appears.
        checkpoint: `last`, or a step.
        name: Of the package; default: task and policy.
        robot: Name of the robot's description, or a file; default: the robot that was trained on.
        licence: SPDX expression that the trained weights are given under; None states none.

    Raises:
        CheckpointError: If there is no such checkpoint, or it cannot be loaded.
        LicenceError: If the licence is no SPDX expression.
        OccupiedError: If something is at `output`.
        PackageWriteError: If the disk refuses.
        PackagingError: If graph and policy differ, or the package would say something that is not known.
    """
    training = TrainingRun.read(run / RUN_FILE)
    found, step = find_checkpoint(run, checkpoint)
    description = load_robot(robot or training.robot)
    inputs = tuple(with_units(spec, description) for spec in training.inputs)
    action = with_units(training.action, description)
    limits = limits_of(action, description)
    name = name or _slug(f"{training.task}-{training.recipe.policy}")
    parts = (licences.of_policy(name, licence), *training.licences, *licences.of_code(*CODE))
    try:
        with whole_folder(output) as part:
            golden, worst = _write_graph(found / PRETRAINED, run / SAMPLES_FILE, part)
            package = PolicyPackage(
                name=name,
                policy_type=training.recipe.policy,
                task=training.task,
                robot=training.robot,
                inputs=(*(_with_history(spec, golden) for spec in inputs), *_noise_spec(golden)),
                outputs=(action.model_copy(update={"shape": golden[ACTION].shape[1:]}),),
                rate_hz=training.rate_hz,
                action_meaning="absolute-joint-position",
                action_steps=training.recipe.action_steps,
                limits=limits,
                dataset=training.dataset,
                run_id=training.run_id,
                training_steps=step,
                commit=training.commit,
                licences=parts,
                opset=_opset(part / GRAPH_FILE),
                normalizer=read_statistics(run / STATISTICS_FILE, (*(spec.name for spec in inputs), ACTION)),
                parity_max_abs=worst,
                files={},
            )
            return finish(part, package)
    except OSError as error:
        raise PackageWriteError(output, error) from error


def _write_graph(checkpoint: Path, samples: Path, part: Path) -> tuple[Arrays, float]:
    """Write `policy.onnx` and `golden.npz`.

    Returns:
        The golden vectors, and the largest difference between the graph and the policy.
    """
    policy.limit_threads()
    made = policy.load(checkpoint)
    made.policy.eval()
    graph = graph_of(made, checkpoint)
    recorded = _samples(samples, list(made.policy.config.input_features))
    if not history_of(made):
        recorded = {name: values[:, -1] for name, values in recorded.items()}
    recorded |= noise_for(graph, len(next(iter(recorded.values()))), RECORDED_SEED)
    random = random_inputs(made, graph, RANDOM)
    inputs: Arrays = {name: np.concatenate([recorded[name], random[name]]) for name in recorded}
    model = export(graph, [torch.from_numpy(values) for values in inputs.values()])
    (part / GRAPH_FILE).write_bytes(model.SerializeToString(deterministic=True))
    golden, worst = check(made, open_session(part / GRAPH_FILE), inputs, checkpoint)
    save_arrays(part / GOLDEN_FILE, golden)
    return golden, worst


def _with_history(spec: TensorSpec, golden: Arrays) -> TensorSpec:
    """The input as the graph takes it, with its time axis if it has one."""
    shape = golden[spec.name].shape[1:]
    return spec.model_copy(update={"shape": shape, "history": 0 if shape == spec.shape else shape[0]})


def _noise_spec(golden: Arrays) -> tuple[TensorSpec, ...]:
    if NOISE not in golden:
        return ()
    return (TensorSpec(name=NOISE, dtype="float32", shape=golden[NOISE].shape[1:], noise=True),)


def _samples(path: Path, names: list[str]) -> Arrays:
    """The recorded observations of a training run, (N, 2, …): of the step before, and of the present."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in names}
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(path, f"no recorded observations ({error})") from error


def _opset(path: Path) -> int:
    import onnx

    return int(next(entry.version for entry in onnx.load(path).opset_import if not entry.domain))


def _slug(text: str) -> str:
    """Lower case, with dashes: fit for a tag, a path and a model's name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
