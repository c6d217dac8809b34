"""From a PyTorch module to an ONNX graph: for any batch size, and equal graphs give equal bytes."""

import warnings
from collections.abc import Sequence

import onnx
import torch
from torch import Tensor, nn

from physai.infrastructure.registry.verify import BATCH

OPSET = 18


def export_onnx(
    module: nn.Module, examples: Sequence[Tensor], inputs: Sequence[str], outputs: Sequence[str]
) -> onnx.ModelProto:
    """Export a module, and have ONNX check it.

    Args:
        module: Takes `examples` in this order.
        examples: One batch of each input, of two rows or more.
        inputs: Names of the inputs.
        outputs: Names of the outputs.
    """
    batch = torch.export.Dim(BATCH, min=1)
    shapes = (tuple({0: batch} for _ in examples),)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own, about its insides
        program = torch.onnx.export(
            module.eval(),
            tuple(examples),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=shapes,
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    assert program is not None, "the exporter returns its program unless it is given a file"
    model = program.model_proto
    _strip(model)
    onnx.checker.check_model(model, full_check=True)
    return model


def opset_of(model: onnx.ModelProto) -> int:
    """Version of ONNX's own operators in a graph."""
    return int(next(entry.version for entry in model.opset_import if not entry.domain))


def _strip(model: onnx.ModelProto) -> None:
    """Remove what tells of the exporting machine: stack traces, paths, names of source files."""
    model.doc_string = ""
    del model.metadata_props[:]
    for graph in (model.graph, *model.functions):
        graph.doc_string = ""
        del graph.metadata_props[:]
        for node in graph.node:
            node.doc_string = ""
            del node.metadata_props[:]
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer):
        value.doc_string = ""
        del value.metadata_props[:]
