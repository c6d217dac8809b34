"""`config.pbtxt`, with which Triton serves the same package.

Source: github.com/triton-inference-server/server, docs/user_guide/model_configuration.md.
"""

from collections.abc import Iterable

from physai.infrastructure.contracts import PolicyPackage, TensorSpec
from physai.infrastructure.registry.verify import GRAPH_FILE

MAX_BATCH = 256
TRITON_FILE = "config.pbtxt"
ENGINE_FILE = "policy.plan"
TYPES = {"float32": "TYPE_FP32", "uint8": "TYPE_UINT8"}


def config(package: PolicyPackage, kind: str | None = None) -> str:
    """Model configuration of a package; the version folder of the model holds its `policy.onnx`.

    Args:
        package: What it says of its tensors.
        kind: `KIND_CPU` or `KIND_GPU`; None leaves the choice to Triton.
    """
    return "\n".join(
        [
            f'name: "{package.name}"',
            'platform: "onnxruntime_onnx"',
            f'default_model_filename: "{GRAPH_FILE}"',
            f"max_batch_size: {MAX_BATCH}",
            *_tensors("input", package.inputs),
            *_tensors("output", package.outputs),
            "dynamic_batching {}",
            *([f"instance_group [{{ kind: {kind} }}]"] if kind else []),
            "",
        ]
    )


def engine_config(package: PolicyPackage) -> str:
    """Likewise of a TensorRT engine of the package; the version folder holds its `policy.plan`."""
    return (
        config(package, "KIND_GPU")
        .replace('platform: "onnxruntime_onnx"', 'platform: "tensorrt_plan"')
        .replace(f'default_model_filename: "{GRAPH_FILE}"', f'default_model_filename: "{ENGINE_FILE}"')
    )


def _tensors(kind: str, specs: Iterable[TensorSpec]) -> list[str]:
    return [
        f'{kind} {{ name: "{spec.name}" data_type: {TYPES[spec.dtype]} dims: [{", ".join(map(str, spec.shape))}] }}'
        for spec in specs
    ]
