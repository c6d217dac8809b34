"""From a policy between its processors to one graph: observation in, robot commands out."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, override

from ..il import lean  # noqa: F401  first, see there

# isort: split
import torch
from lerobot.configs import FeatureType, NormalizationMode
from lerobot.policies.pretrained import PreTrainedPolicy
from lerobot.policies.utils import populate_queues
from lerobot.processor import (
    AddBatchDimensionProcessorStep,
    DeviceProcessorStep,
    NormalizerProcessorStep,
    RenameObservationsProcessorStep,
    UnnormalizerProcessorStep,
)
from torch import Tensor, nn

from ..errors import UnsupportedPolicyError, UnsupportedStepError
from ..il.demonstrations import ACTION, STATE
from ..il.policy import TrainablePolicy
from .draws import codes_drawn_by
from .exporter import export_onnx

if TYPE_CHECKING:
    from onnx import ModelProto

NOISE = "noise"
CAMERAS = "observation.images"
"""Where LeRobot's policies look for all cameras together."""
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


class Rescale(nn.Module):
    """Between the range of the data and -1..1, in the order in which LeRobot computes it."""

    def __init__(self, low: Tensor, high: Tensor, eps: float) -> None:
        super().__init__()
        span = high - low
        self.register_buffer("low", low)
        self.register_buffer("span", torch.where(span == 0, torch.full_like(span, eps), span))

    def forward(self, x: Tensor) -> Tensor:
        """To -1..1."""
        return 2 * (x - self.get_buffer("low")) / self.get_buffer("span") - 1


class Restore(Rescale):
    """The inverse of `Rescale`."""

    def forward(self, x: Tensor) -> Tensor:
        """From -1..1."""
        return (x + 1) / 2 * self.get_buffer("span") + self.get_buffer("low")


class PolicyGraph(nn.Module, ABC):
    """The whole path of a package: normalise, ask the model, un-normalise."""

    noise: tuple[int, ...] | None = None
    """Shape of the noise that is its last input; None if it needs none."""

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
        self.inputs = list(self.config.input_features)
        normalizer = _only_step(made.pre, NormalizerProcessorStep, checkpoint)
        unnormalizer = _only_step(made.post, UnnormalizerProcessorStep, checkpoint)
        features = self.config.input_features
        self.normalize = nn.ModuleList(_normalize(normalizer, name, features[name].type) for name in self.inputs)
        self.unnormalize = _unnormalize(unnormalizer)

    def forward(self, *given: Tensor) -> Tensor:
        """Observations in the order of `inputs`, as recorded, then noise, to an action chunk (B, chunk, A)."""
        each = zip(self.inputs, self.normalize, given[: len(self.inputs)], strict=True)
        batch = {name: normalize(values) for name, normalize, values in each}
        chunk: Tensor = self.unnormalize(self.ask(batch, *given[len(self.inputs) :]))
        return chunk

    @abstractmethod
    def ask(self, batch: dict[str, Any], *noise: Tensor) -> Tensor:
        """What the policy answers, both in its own range."""

    @staticmethod
    def fixed(noise: Tensor | None) -> AbstractContextManager[dict[str, Tensor]]:
        """Let LeRobot draw by this noise in the block, which is told what to hand to its methods beside the batch."""
        return nullcontext({} if noise is None else {NOISE: noise})

    @staticmethod
    def remembered(policy: PreTrainedPolicy, batch: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG004  VQ-BeT shows it
        """What `predict_action_chunk` takes, after a policy that remembers what it saw was shown these observations."""
        return batch


class ActGraph(PolicyGraph):
    """ACT: a chunk from the present observation."""

    def __init__(self, made: TrainablePolicy, checkpoint: Path) -> None:
        super().__init__(made, checkpoint)
        self.model = made.policy.model

    @override
    def ask(self, batch: dict[str, Any], *noise: Tensor) -> Tensor:
        if self.config.image_features:
            batch[CAMERAS] = [batch[name] for name in self.config.image_features]
        chunk: Tensor = self.model(batch)[0]
        return chunk


class DiffusionGraph(PolicyGraph):
    """Diffusion Policy: from noise to a chunk in a fixed number of DDIM steps, all of them in the graph."""

    def __init__(self, made: TrainablePolicy, checkpoint: Path) -> None:
        super().__init__(made, checkpoint)
        if self.config.noise_scheduler_type != "DDIM":
            raise UnsupportedStepError(checkpoint, f"sampler {self.config.noise_scheduler_type}")
        self.model = made.policy.diffusion
        self.noise = (self.config.horizon, *self.config.action_feature.shape)
        self.scheduler = self.model.noise_scheduler
        self.scheduler.set_timesteps(self.model.num_inference_steps)
        self.timesteps: list[int] = self.scheduler.timesteps.tolist()

    @override
    def ask(self, batch: dict[str, Any], *noise: Tensor) -> Tensor:
        condition = self.model._prepare_global_conditioning(_with_cameras(self.config, batch))
        (sample,) = noise
        for step in self.timesteps:
            at = torch.full(sample.shape[:1], step, dtype=torch.long)
            sample = self.scheduler.step(self.model.unet(sample, at, global_cond=condition), step, sample).prev_sample
        first = self.config.n_obs_steps - 1
        return sample[:, first : first + self.config.n_action_steps]


class VqBetGraph(PolicyGraph):
    """VQ-BeT: a chunk from the codes of its codebook that the noise draws."""

    def __init__(self, made: TrainablePolicy, checkpoint: Path) -> None:
        super().__init__(made, checkpoint)
        if self.config.sequentially_select:
            raise UnsupportedStepError(checkpoint, "codes that are selected one after another")
        self.model = made.policy.vqbet
        self.noise = (self.model.action_head.vqvae_model.vqvae_num_layers, self.config.vqvae_n_embed, 2)

    @override
    def ask(self, batch: dict[str, Any], *noise: Tensor) -> Tensor:
        with codes_drawn_by(*noise):
            chunk: Tensor = self.model(_with_cameras(self.config, batch), rollout=True)
        return chunk

    @override
    @staticmethod
    def fixed(noise: Tensor | None) -> AbstractContextManager[dict[str, Tensor]]:
        assert noise is not None, "its graph takes noise"
        return codes_drawn_by(noise)

    @override
    @staticmethod
    def remembered(policy: PreTrainedPolicy, batch: dict[str, Any]) -> dict[str, Any]:
        seen = {name: _with_cameras(policy.config, batch)[name] for name in (STATE, CAMERAS)}
        for step in range(policy.config.n_obs_steps):
            populate_queues(policy._queues, {name: values[:, step] for name, values in seen.items()})
        return seen


GRAPHS: dict[str, type[PolicyGraph]] = {"act": ActGraph, "diffusion": DiffusionGraph, "vqbet": VqBetGraph}


def graph_of(made: TrainablePolicy, checkpoint: Path) -> PolicyGraph:
    """The graph of a policy.

    Raises:
        UnsupportedPolicyError: If we cannot put policies of this kind into one.
        UnsupportedStepError: If a processor does more than normalise.
    """
    kind = made.policy.config.type
    if kind not in GRAPHS:
        raise UnsupportedPolicyError(checkpoint, kind, GRAPHS)
    return GRAPHS[kind](made, checkpoint)


def _with_cameras(config: Any, batch: dict[str, Any]) -> dict[str, Any]:
    """The batch with all cameras in one tensor, (B, time, cameras, C, H, W), if there are any."""
    if not config.image_features:
        return batch
    return batch | {CAMERAS: torch.stack([batch[name] for name in config.image_features], dim=-4)}


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
        case NormalizationMode.MIN_MAX:
            return Rescale(stats[f"{name}.min"], stats[f"{name}.max"], step.eps)
        case mode:
            raise UnsupportedStepError(Path(name), f"normalisation {mode.value}")


def _unnormalize(step: Any) -> nn.Module:
    stats = step.state_dict()
    match step.norm_map.get(FeatureType.ACTION, NormalizationMode.IDENTITY):
        case NormalizationMode.IDENTITY:
            return nn.Identity()
        case NormalizationMode.MEAN_STD:
            return Affine(stats[f"{ACTION}.std"], stats[f"{ACTION}.mean"])
        case NormalizationMode.MIN_MAX:
            return Restore(stats[f"{ACTION}.min"], stats[f"{ACTION}.max"], step.eps)
        case mode:
            raise UnsupportedStepError(Path(ACTION), f"normalisation {mode.value}")


def export(graph: PolicyGraph, examples: Sequence[Tensor]) -> "ModelProto":
    """The graph in ONNX, for any batch size; equal graphs give equal bytes.

    Args:
        graph: What to export.
        examples: One batch of each input, of two rows or more; noise last, if it needs some.
    """
    return export_onnx(graph, examples, [*graph.inputs, *([NOISE] if graph.noise else [])], [ACTION])
