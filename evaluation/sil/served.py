"""One verified policy package in ONNX Runtime, ready to be asked."""

from pathlib import Path
from typing import Self

import numpy as np
import onnxruntime

from physai.infrastructure.contracts import Digest, PolicyPackage
from physai.infrastructure.registry import manifest_digest
from physai.infrastructure.registry.manifest import PACKAGE_FILE
from physai.infrastructure.registry.verify import GRAPH_FILE, verify_package

from ..errors import EvaluationError
from .protocol import Tensors

MOUNT = "AZUREML_MODEL_DIR"
"""Where AzureML mounts the model of an online deployment, some folders above the package itself."""
VERSION = "1"  # a package has no versions: its digest tells it apart


def mounted(folder: Path) -> Path:
    """The one package below a folder.

    Raises:
        EvaluationError: If there is none, or more than one.
    """
    found = sorted(path.parent for path in folder.rglob(PACKAGE_FILE))
    if len(found) != 1:
        raise EvaluationError(f"{folder}: holds {len(found)} policy packages. Set {MOUNT} to where there is one.")
    return found[0]


class ServedPolicy:
    """A package's graph, loaded after its digests and golden vectors were checked."""

    def __init__(
        self, name: str, package: PolicyPackage, digest: Digest, session: onnxruntime.InferenceSession
    ) -> None:
        self.name = name
        self.package = package
        self.digest = digest
        self._session = session

    @classmethod
    def load(cls, folder: Path, name: str | None = None, threads: int = 1) -> Self:
        """Verify a package folder and load its graph.

        Args:
            folder: Holds `package.json` and the files it names.
            name: Model name; default: the package's own.
            threads: Threads of ONNX Runtime for one request.

        Raises:
            PhysaiError: If a file is missing or changed, or the graph does not do what its golden vectors say.
        """
        package = verify_package(folder)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(folder / GRAPH_FILE, options, providers=["CPUExecutionProvider"])
        return cls(name or package.name, package, manifest_digest(folder), session)

    def infer(self, inputs: Tensors) -> Tensors:
        """Outputs for a batch of inputs that fit the contract.

        Raises:
            EvaluationError: If the graph fails, or answers with values that are not finite.
        """
        names = [spec.name for spec in self.package.outputs]
        try:
            arrays = self._session.run(names, inputs)
        except Exception as error:  # ONNX Runtime's exceptions share no public base class
            raise EvaluationError(f"model '{self.name}': the graph failed: {error}.") from error
        outputs = dict(zip(names, arrays, strict=True))
        for name, array in outputs.items():
            if not np.isfinite(array).all():
                raise EvaluationError(f"model '{self.name}': output '{name}' holds values that are not finite.")
        return outputs
