"""Whether a policy package is what it says, on this machine: digests, graph, and golden vectors in ONNX Runtime."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contracts import Digest, PolicyPackage, TensorSpec, digest_file
from ..errors import one_line
from .errors import NotAPackageError, RegistryError, TamperedError
from .manifest import PACKAGE_FILE, manifest_digest

GRAPH_FILE = "policy.onnx"
GOLDEN_FILE = "golden.npz"
BATCH = "batch"
"""Name of the first axis of every input and output in the graph."""
TOLERANCE = 1e-4
"""Largest difference from a golden vector, in the action's unit; another processor rounds otherwise, by some 1e-6."""
ROUNDING = 1e-5
"""Of the greatest golden value, on top of that: efforts are hundreds of newtons, and float32 has seven digits."""

type Arrays = dict[str, NDArray[Any]]


class GraphError(RegistryError):
    """The graph of a package cannot be run, or is not the one `package.json` describes."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}. Build the package again with `physai training package build`.")


class GoldenError(RegistryError):
    """The golden vectors are unfit, or this machine does not reproduce them."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}. Do not run this package here; build it again where it was trained.")


def verify_package(folder: Path, digest: Digest | None = None) -> PolicyPackage:
    """Check everything about a package that can be checked without its training framework.

    Args:
        folder: Of the package.
        digest: Of its OCI manifest, if it is known.

    Returns:
        Its contract.

    Raises:
        MissingFileError: If there is no package.
        ContractError: If `package.json` is not a policy package in a known version.
        TamperedError: If a file, or the whole, does not have its digest.
        NotAPackageError: If files are missing or unaccounted for, or the contract contradicts itself.
        GraphError: If the graph does not load, or has other inputs and outputs.
        GoldenError: If it answers differently here.
    """
    package = PolicyPackage.read(folder / PACKAGE_FILE)
    if digest is not None and (got := manifest_digest(folder)) != digest:
        raise TamperedError(folder, digest, got)
    check_files(folder, package)
    check_contract(folder, package)
    run_golden(folder, package)
    return package


def check_files(folder: Path, package: PolicyPackage) -> None:
    """Compare the folder with the files that `package.json` lists."""
    for name in (GRAPH_FILE, GOLDEN_FILE):
        if name not in package.files:
            raise NotAPackageError(folder, f"{PACKAGE_FILE} does not list {name}")
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()} - {PACKAGE_FILE}
    if missing := sorted(set(package.files) - found):
        raise NotAPackageError(folder, f"'{missing[0]}' is missing")
    if extra := sorted(found - set(package.files)):
        raise NotAPackageError(folder, f"'{extra[0]}' is not listed in {PACKAGE_FILE}")
    for name, expected in package.files.items():
        if (got := digest_file(folder / name)) != expected:
            raise TamperedError(folder / name, expected, got)


def check_contract(folder: Path, package: PolicyPackage) -> None:
    """Refuse a contract that contradicts itself."""
    action = package.outputs[0]
    if len(action.shape) != 2:
        raise NotAPackageError(folder, f"an output is not one action chunk (chunk, action) but {action.shape}")
    if action.shape[0] < package.action_steps:
        raise NotAPackageError(folder, f"{package.action_steps} actions to play of a chunk of {action.shape[0]}")
    for spec in (*package.inputs, action):
        for what in ("elements", "units", "lower", "upper"):
            values = getattr(spec, what)
            if values and len(values) != spec.shape[-1]:
                raise NotAPackageError(folder, f"{len(values)} {what} for '{spec.name}' of shape {spec.shape}")
    _check_states(folder, package)
    joints = tuple(limits.joint for limits in package.limits)
    wanted = action.elements if package.action_meaning == "absolute-joint-position" else ()
    if joints != wanted:
        raise NotAPackageError(folder, f"limits are of joints {joints}, wanted {wanted} for {package.action_meaning}")


def _check_states(folder: Path, package: PolicyPackage) -> None:
    """Every output beside the action is the next step's value of an input."""
    inputs = {spec.name: (spec.dtype, spec.shape) for spec in package.inputs}
    outputs = {spec.name: (spec.dtype, spec.shape) for spec in package.outputs[1:]}
    if set(outputs) != {state.output for state in package.states}:
        raise NotAPackageError(folder, f"outputs {sorted(outputs)} beside the action are not those of its states")
    for state in package.states:
        if inputs.get(state.input) != outputs[state.output]:
            raise NotAPackageError(folder, f"state '{state.output}' does not fit input '{state.input}'")


def run_golden(folder: Path, package: PolicyPackage) -> float:
    """Ask the graph for the recorded inputs.

    Returns:
        Largest difference from the recorded outputs, in the action's unit.
    """
    session = open_session(folder / GRAPH_FILE)
    _check_graph(folder / GRAPH_FILE, session, package)
    path = folder / GOLDEN_FILE
    golden = read_golden(path, package)
    names = [spec.name for spec in package.outputs]
    try:
        answers = session.run(names, {spec.name: golden[spec.name] for spec in package.inputs})
    except Exception as error:
        raise GraphError(folder / GRAPH_FILE, f"cannot be run ({one_line(error, 160)})") from error
    for name, answer in zip(names, answers, strict=True):
        if answer.shape != golden[name].shape:
            raise GraphError(folder / GRAPH_FILE, f"answers with shape {answer.shape}, wanted {golden[name].shape}")
    difference = float(
        np.max([np.abs(answer - golden[name]).max() for name, answer in zip(names, answers, strict=True)])
    )
    if not all(reproduces(answer, golden[name]) for name, answer in zip(names, answers, strict=True)):
        raise GoldenError(path, f"{GRAPH_FILE} answers otherwise here, by up to {difference:.2g}")
    return difference


def reproduces(answer: NDArray[Any], golden: NDArray[Any]) -> bool:
    """Whether an answer is the recorded one, but for rounding; one that is no number is not."""
    if answer.shape != golden.shape:
        return False
    allowed = TOLERANCE + ROUNDING * float(np.abs(golden).max(initial=0.0))
    return bool((np.abs(answer - golden) <= allowed).all())


def open_session(
    path: Path,
    providers: Sequence[str | tuple[str, dict[str, Any]]] = ("CPUExecutionProvider",),
    *,
    rows: int | None = None,
) -> Any:
    """An ONNX Runtime session on one core, which is fastest for policies this small.

    Args:
        path: Of the graph.
        providers: Execution providers, best first; with options where one has any.
        rows: Of every request; what depends on nothing else is then worked out once. None: as many as each has.

    Raises:
        GraphError: If the graph does not load.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if rows is not None:
        options.add_free_dimension_override_by_name(BATCH, rows)
    try:
        return onnxruntime.InferenceSession(path, options, providers=list(providers))
    except Exception as error:
        raise GraphError(path, f"ONNX Runtime cannot load it ({one_line(error, 160)})") from error


def _check_graph(path: Path, session: Any, package: PolicyPackage) -> None:
    for kind, specs, tensors in (
        ("input", package.inputs, session.get_inputs()),
        ("output", package.outputs, session.get_outputs()),
    ):
        stated = {spec.name: (f"tensor({_ONNX_TYPES[spec.dtype]})", list(spec.shape)) for spec in specs}
        found = {tensor.name: (tensor.type, list(tensor.shape[1:])) for tensor in tensors}
        if found != stated:
            raise GraphError(path, f"its {kind}s are {found}, {PACKAGE_FILE} says {stated}")


_ONNX_TYPES = {"float32": "float", "uint8": "uint8"}


def read_golden(path: Path, package: PolicyPackage) -> Arrays:
    """The recorded inputs and outputs by name, first axis the sample.

    Raises:
        GoldenError: If an array is missing, of another type or shape, or there are no samples.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            golden = {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise GoldenError(path, f"cannot be read ({error})") from error
    samples = {len(array) for array in golden.values() if array.ndim}
    if len(samples) != 1 or 0 in samples:
        raise GoldenError(path, "holds no samples, or not as many of each array")
    for spec in (*package.inputs, *package.outputs):
        _check_array(path, golden, spec)
    return golden


def _check_array(path: Path, golden: Arrays, spec: TensorSpec) -> None:
    if spec.name not in golden:
        raise GoldenError(path, f"no array '{spec.name}'")
    array = golden[spec.name]
    if array.dtype != spec.dtype or array.shape[1:] != spec.shape:
        raise GoldenError(path, f"'{spec.name}' is {array.dtype} {array.shape[1:]}, wanted {spec.dtype} {spec.shape}")
