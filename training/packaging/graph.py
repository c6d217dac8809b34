"""From a policy between its processors to one graph: observation in, robot commands out."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..il import lean  # noqa: F401  first, see there

# isort: split
from lerobot.configs import FeatureType, NormalizationMode
from lerobot.processor import (
    AddBatchDimensionProcessorStep,
    DeviceProcessorStep,
    NormalizerProcessorStep,
    RenameObservationsProcessorStep,
    UnnormalizerProcessorStep,
)
from torch import Tensor, nn

from ..errors import UnsupportedStepError
from ..il.demonstrations import ACTION
from ..il.policy import TrainablePolicy
from .exporter import export_onnx

if TYPE_CHECKING:
    from onnx import ModelProto

PASSIVE = (RenameObservationsProcessorStep, AddBatchDimensionProcessorStep, DeviceProcessorStep)
"""Processor steps that do not change values, a renaming only if it renames nothing."""


class Affine(nn.Module):
    """`x * scale + shift`, as a normalisation or its inverse."""

    def __init__(self, scale: Tensor, shift: Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", scale)
        self.register_buffer("shift", shift)

    def forward(self, x: Tensor) -> Tensor:
        """Apply it."""
        return x * self.get_buffer("scale") + self.get_buffer("shift")


class Normalize(nn.Module):
    """`(x - mean) / deviation`, in the order in which LeRobot computes it."""

    def __init__(self, mean: Tensor, deviation: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    def forward(self, x: Tensor) -> Tensor:
        """Apply it."""
        return (x - self.get_buffer("mean")) / self.get_buffer("deviation")


class PolicyGraph(nn.Module):
    """The whole path of a package: normalise, ask the model, un-normalise."""

    def __init__(self, made: TrainablePolicy, checkpoint: Path) -> None:
        """Take the processors apart.

        Args:
            made: The policy.
            checkpoint: Where it is from, for messages.

        Raises:
            UnsupportedStepError: If a processor does more than normalise.
        """
        super().__init__()
        self.config = made.policy.config
        self.model = made.policy.model
        self.inputs = list(self.config.input_features)
        normalizer = _only_step(made.pre, NormalizerProcessorStep, checkpoint)
        unnormalizer = _only_step(made.post, UnnormalizerProcessorStep, checkpoint)
        features = self.config.input_features
        self.normalize = nn.ModuleList(_normalize(normalizer, name, features[name].type) for name in self.inputs)
        self.unnormalize = _unnormalize(unnormalizer)

    def forward(self, *observations: Tensor) -> Tensor:
        """Observations in the order of `inputs`, as recorded, to an action chunk (B, chunk, A) for the robot."""
        each = zip(self.inputs, self.normalize, observations, strict=True)
        batch: dict[str, Any] = {name: normalize(values) for name, normalize, values in each}
        if self.config.image_features:
            batch["observation.images"] = [batch[name] for name in self.config.image_features]
        chunk: Tensor = self.unnormalize(self.model(batch)[0])
        return chunk


def _only_step[Step](pipeline: Any, wanted: type[Step], checkpoint: Path) -> Step:
    """The one step of a processor that changes values."""
    others = [step for step in pipeline.steps if not isinstance(step, PASSIVE) or getattr(step, "rename_map", None)]
    for step in others:
        if not isinstance(step, wanted):
            raise UnsupportedStepError(checkpoint, type(step).__name__)
    if len(others) != 1:
        raise UnsupportedStepError(checkpoint, f"{len(others)} times {wanted.__name__}")
    only: Step = others[0]
    return only


def _normalize(step: Any, name: str, kind: FeatureType) -> nn.Module:
    stats = step.state_dict()
    match step.norm_map.get(kind, NormalizationMode.IDENTITY):
        case NormalizationMode.IDENTITY:
            return nn.Identity()
        case NormalizationMode.MEAN_STD:
            return Normalize(stats[f"{name}.mean"], stats[f"{name}.std"] + step.eps)
        case mode:
            raise UnsupportedStepError(Path(name), f"normalisation {mode.value}")


def _unnormalize(step: Any) -> nn.Module:
    stats = step.state_dict()
    match step.norm_map.get(FeatureType.ACTION, NormalizationMode.IDENTITY):
        case NormalizationMode.IDENTITY:
            return nn.Identity()
        case NormalizationMode.MEAN_STD:
            return Affine(stats[f"{ACTION}.std"], stats[f"{ACTION}.mean"])
        case mode:
            raise UnsupportedStepError(Path(ACTION), f"normalisation {mode.value}")


def export(graph: PolicyGraph, examples: Sequence[Tensor]) -> "ModelProto":
    """The graph in ONNX, for any batch size; equal graphs give equal bytes.

    Args:
        graph: What to export.
        examples: One batch of each input, of two rows or more.
    """
    return export_onnx(graph, examples, graph.inputs, [ACTION])
