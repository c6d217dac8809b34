"""Small real policies as whole packages."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from physai.infrastructure.contracts import PolicyPackage, digest_file

FILES = ("policy.onnx", "golden.npz")
type Sizes = Mapping[str, Sequence[int]]
"""Shape of a row, by name."""


def graph(
    nodes: Sequence[onnx.NodeProto], inputs: Sizes, outputs: Sizes, constants: Mapping[str, NDArray[Any]]
) -> onnx.ModelProto:
    """A graph over any number of rows, checked."""

    def described(sizes: Sizes) -> list[onnx.ValueInfoProto]:
        return [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", *size]) for n, size in sizes.items()]

    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    made = helper.make_graph(nodes, "policy", described(inputs), described(outputs), initializers)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return model


def write_package(folder: Path, model: onnx.ModelProto, golden: Mapping[str, NDArray[Any]], **fields: object) -> Path:
    """A whole package around a graph; `fields` are those of its contract."""
    folder.mkdir(parents=True)
    onnx.save(model, folder / "policy.onnx")
    np.savez(folder / "golden.npz", allow_pickle=False, **golden)
    made = {
        "run_id": "0123",
        "training_steps": 0,
        "commit": "unknown",
        "opset": 18,
        "parity_max_abs": 0.0,
        "limits": (),
    }
    files = {name: digest_file(folder / name) for name in FILES}
    PolicyPackage.model_validate(made | {"files": files} | fields).write(folder / "package.json")
    return folder
