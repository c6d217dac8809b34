"""The full check of a package, as a person asks for it; a robot makes the same without ONNX's own checker."""

from pathlib import Path

import onnx

from physai.infrastructure.contracts import Digest, PolicyPackage
from physai.infrastructure.registry.verify import GRAPH_FILE, GraphError, verify_package

from ..errors import JointOrderError


def check(folder: Path, digest: Digest | None = None, joints: tuple[str, ...] | None = None) -> PolicyPackage:
    """Verify a package, and compare it with what is wanted of it.

    Args:
        folder: Of the package.
        digest: Of its OCI manifest.
        joints: That it must drive, in order.

    Raises:
        RegistryError: If it is damaged, or does not run here as it did where it was built.
        JointOrderError: If it drives other joints, or in another order.
    """
    package = verify_package(folder, digest)
    try:
        model = onnx.load(folder / GRAPH_FILE)
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError) as error:
        raise GraphError(folder / GRAPH_FILE, f"no valid ONNX model ({' '.join(str(error).split())[:160]})") from error
    opset = next((entry.version for entry in model.opset_import if not entry.domain), None)
    if opset != package.opset:
        raise GraphError(folder / GRAPH_FILE, f"is in opset {opset}, package.json says {package.opset}")
    if joints is not None and (driven := package.outputs[0].elements) != joints:
        raise JointOrderError(folder, driven, joints)
    return package
