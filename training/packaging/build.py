"""Builds a policy package from a checkpoint: the same checkpoint always gives the same bytes."""

import re
from pathlib import Path

import numpy as np
import torch

from physai.infrastructure.aside import whole_folder
from physai.infrastructure.contracts import PolicyPackage, digest_file
from physai.infrastructure.registry.verify import (
    GOLDEN_FILE,
    GRAPH_FILE,
    open_session,
    verify_package,
)
from physai.infrastructure.robots import load_robot

from ..errors import CheckpointError, PackageWriteError
from ..il import policy
from ..il.checkpoints import PRETRAINED
from ..run import RUN_FILE, SAMPLES_FILE, TrainingRun, find_checkpoint, save_arrays
from .graph import PolicyGraph, export
from .parity import Arrays, check, random_observations
from .triton import config
from .units import limits_of, with_units

RANDOM = 8  # random observations among the golden vectors
PACKAGE_FILE, TRITON_FILE = "package.json", "config.pbtxt"


def build(
    run: Path, output: Path, *, checkpoint: str = "last", name: str | None = None, robot: str | None = None
) -> PolicyPackage:
    """Export, compare with LeRobot, record golden vectors, verify; only then does `output` appear.

    Args:
        run: Folder of a training.
        output: Where the package appears.
        checkpoint: `last`, or a step.
        name: Of the package; default: task and policy.
        robot: Name of the robot's description, or a file; default: the robot that was trained on.

    Raises:
        CheckpointError: If there is no such checkpoint, or it cannot be loaded.
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
    try:
        with whole_folder(output) as part:
            worst = _write_graph(found / PRETRAINED, run / SAMPLES_FILE, part)
            package = PolicyPackage(
                name=name or _slug(f"{training.task}-{training.recipe.policy}"),
                policy_type=training.recipe.policy,
                task=training.task,
                robot=training.robot,
                inputs=inputs,
                outputs=(action.model_copy(update={"shape": (training.recipe.chunk, *action.shape)}),),
                rate_hz=training.rate_hz,
                action_meaning="absolute-joint-position",
                action_steps=training.recipe.action_steps,
                limits=limits,
                dataset=training.dataset,
                run_id=training.run_id,
                training_steps=step,
                commit=training.commit,
                opset=_opset(part / GRAPH_FILE),
                parity_max_abs=worst,
                files={},
            )
            (part / TRITON_FILE).write_text(config(package))
            files = {name: digest_file(part / name) for name in (TRITON_FILE, GOLDEN_FILE, GRAPH_FILE)}
            package = package.model_copy(update={"files": files})
            package.write(part / PACKAGE_FILE)
            verify_package(part)
    except OSError as error:
        raise PackageWriteError(output, error) from error
    return package


def _write_graph(checkpoint: Path, samples: Path, part: Path) -> float:
    """Write `policy.onnx` and `golden.npz`.

    Returns:
        Largest difference between the graph and the policy.
    """
    policy.limit_threads()
    made = policy.load(checkpoint)
    made.policy.eval()
    recorded = _samples(samples, list(made.policy.config.input_features))
    random = random_observations(made, RANDOM)
    observations: Arrays = {name: np.concatenate([recorded[name], random[name]]) for name in recorded}
    examples = [torch.from_numpy(observations[name]) for name in observations]
    model = export(PolicyGraph(made, checkpoint), examples)
    (part / GRAPH_FILE).write_bytes(model.SerializeToString(deterministic=True))
    golden, worst = check(made, open_session(part / GRAPH_FILE), observations, checkpoint)
    save_arrays(part / GOLDEN_FILE, golden)
    return worst


def _samples(path: Path, names: list[str]) -> Arrays:
    """The recorded observations of a training run."""
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
