"""`leapp.yaml`: the package as LEAPP describes policies, for runtimes that read that, such as Isaac ROS Deploy.

LEAPP, NVIDIA's Lightweight Export Annotations for Policy Pipelines, is what Isaac Lab exports policies with: ONNX files
beside a YAML that names their tensors, wires them and says what they are. Here the graph is our own, and the YAML is
written from `package.json`. Source: nvidia-isaac.github.io/leapp, "Understanding the Generated Configs"; leapp 0.7.2.
"""

import hashlib
from pathlib import Path
from typing import Any

import yaml

from physai.infrastructure.contracts import PolicyPackage, TensorSpec
from physai.infrastructure.registry.verify import GRAPH_FILE

LEAPP_FILE = "leapp.yaml"
CONFIG_VERSION = "1.3"
"""`leapp.__config_version__`."""
NODE = "policy"
TIME = "__temporal_axis__"
TARGETS = {
    "absolute-joint-position": "target/joint/position",
    "joint-velocity": "target/joint/velocity",
    "joint-effort": "target/joint/effort",
}
"""Kind of an action by its meaning; LEAPP has none for the others."""
MEASURED = {"rad": "state/joint/position", "rad/s": "state/joint/velocity"}
"""Kind of an observation of joints alone, by its unit."""


def describe(package: PolicyPackage, graph: Path) -> str:
    """The YAML of a package; a robot is one row of the batch, and memory is fed back, zeros at first.

    Args:
        package: What it says of its graph.
        graph: The graph, for its digests.
    """
    period_ms = 1e3 / package.rate_hz
    joints = set(package.outputs[0].elements)
    states = {state.input: state.output for state in package.states}
    action, *carried = package.outputs
    description = {
        "models": {
            NODE: {
                "inputs": [_tensor(spec, period_ms, _observed(spec, joints)) for spec in package.inputs],
                "outputs": [
                    _tensor(action, period_ms, TARGETS.get(package.action_meaning), chunk=True),
                    *(_tensor(spec, period_ms, None) for spec in carried),
                ],
                "parameters": _parameters(package, graph),
            }
        },
        "pipeline": {
            "data_flow": {},
            "feedback_flow": {f"{NODE}/{output}": [f"{NODE}/{name}"] for name, output in states.items()},
            "inputs": {NODE: [spec.name for spec in package.inputs if spec.name not in states]},
            "outputs": {NODE: [action.name]},
            "configs": _facts(package),
        },
        "system information": {"leapp config version": CONFIG_VERSION},
    }
    return yaml.safe_dump(description, sort_keys=False, default_flow_style=None, width=120)


def _observed(spec: TensorSpec, joints: set[str]) -> str | None:
    """What an observation is; None where its elements do not tell, as those of a camera."""
    units = set(spec.units)
    if not spec.elements or not joints.issuperset(spec.elements) or len(units) != 1:
        return None
    return MEASURED.get(units.pop())


def _tensor(spec: TensorSpec, period_ms: float, kind: str | None, *, chunk: bool = False) -> dict[str, Any]:
    """A port of the graph; units, bounds and noise are not LEAPP's own, which passes on what it does not know."""
    found: dict[str, Any] = {
        "name": spec.name,
        "dtype": spec.dtype,
        "shape": [1, *spec.shape],
        "type": "tensor",
        "kind": kind,
        "element_names": [list(spec.elements)] if spec.elements else None,
        "units": list(spec.units) or None,
        "lower": list(spec.lower) or None,
        "upper": list(spec.upper) or None,
        "noise": "standard-normal" if spec.noise else None,
    }
    if chunk or spec.history:
        inner = [None] * (len(spec.shape) - 2)  # axes between time and elements
        found["element_names"] = [None, TIME, *inner, list(spec.elements) or None]
        found["temporal_period_ms"] = period_ms
    return {name: value for name, value in found.items() if value is not None}


def _parameters(package: PolicyPackage, graph: Path) -> dict[str, Any]:
    content = graph.read_bytes()
    return {
        "model_path": GRAPH_FILE,
        "md5sum": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "sha256sum": hashlib.sha256(content).hexdigest(),
        "backend": "onnx",
        "opset_version": package.opset,
    }


def _facts(package: PolicyPackage) -> dict[str, Any]:
    """What holds for the whole graph. It is asked once for each chunk that is played."""
    return {
        "frequency": package.rate_hz / package.action_steps,
        "action_steps": package.action_steps,
        "policy_type": package.policy_type,
        "task": package.task,
        "robot": package.robot,
        "dataset": package.dataset or "none",
        "run": package.run_id,
        "commit": package.commit,
        "licences": [f"{part.part} {part.name}: {part.licence}" for part in package.licences],
    }
