"""LeRobot's policies and their processors, made from a recipe or loaded from a checkpoint."""

import io
import json
import os
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import lean  # noqa: F401  first, see there

# isort: split
import torch
from lerobot.configs import FeatureType, NormalizationMode, PolicyFeature
from lerobot.policies.factory import get_policy_class, make_policy_config, make_pre_post_processors
from lerobot.policies.pretrained import PreTrainedPolicy
from lerobot.processor import PolicyProcessorPipeline
from torch import Tensor

from physai.infrastructure.contracts import TensorSpec

from ..errors import CheckpointError
from .demonstrations import ACTION, IMAGES, STATE
from .recipe import Recipe

NORMALIZATION = dict.fromkeys(("STATE", "ENV", "ACTION", "VISUAL"), NormalizationMode.MEAN_STD)


@dataclass
class TrainablePolicy:
    """A policy between its processors."""

    policy: PreTrainedPolicy
    pre: PolicyProcessorPipeline[dict[str, Any], dict[str, Any]]
    """From a batch as recorded to one the policy takes: normalises."""
    post: PolicyProcessorPipeline[Tensor, Tensor]
    """From the policy's actions to those of the robot."""

    @property
    def parameters(self) -> int:
        """Numbers that are learned."""
        return sum(value.numel() for value in self.policy.parameters() if value.requires_grad)

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """The policy's own loss on a recorded batch."""
        loss: Tensor = self.policy.forward(self.pre(batch))[0]
        return loss


def limit_threads() -> None:
    """One thread, unless OMP_NUM_THREADS says more.

    Small policies gain nothing from a second one, and lose a factor of twenty when something else wants the core.
    """
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


def make(recipe: Recipe, inputs: Iterable[TensorSpec], action: TensorSpec, stats: Path, device: str) -> TrainablePolicy:
    """A new policy, initialised from the recipe's seed.

    Args:
        recipe: What to make.
        inputs: Observations it takes.
        action: What it answers.
        stats: `meta/stats.json` of the dataset; its means and deviations go into the processors.
        device: Where it is trained.
    """
    torch.manual_seed(recipe.seed)
    specs = {spec.name: spec for spec in inputs}
    config = make_policy_config(
        recipe.policy,
        input_features={name: PolicyFeature(_feature_type(name), spec.shape) for name, spec in specs.items()},
        output_features={ACTION: PolicyFeature(FeatureType.ACTION, action.shape)},
        normalization_mapping=NORMALIZATION,
        device=device,
        push_to_hub=False,
        pretrained_backbone_weights=None,
        chunk_size=recipe.chunk,
        n_action_steps=recipe.action_steps,
        dim_model=recipe.dim,
        n_heads=recipe.heads,
        dim_feedforward=recipe.feedforward,
        n_encoder_layers=recipe.encoder_layers,
        n_decoder_layers=recipe.decoder_layers,
        use_vae=False,
        dropout=0.0,
        optimizer_lr=recipe.lr,
        optimizer_lr_backbone=recipe.lr,
        optimizer_weight_decay=recipe.weight_decay,
    )
    policy = get_policy_class(recipe.policy)(config).to(device)
    pre, post = make_pre_post_processors(config, dataset_stats=_stats(stats, (*specs, ACTION)))
    return TrainablePolicy(policy, pre, post)


def load(checkpoint: Path, device: str = "cpu") -> TrainablePolicy:
    """The policy of a checkpoint.

    Args:
        checkpoint: Its `pretrained_model` folder.
        device: Where it is to run.

    Raises:
        CheckpointError: If it cannot be loaded.
    """
    try:
        kind = json.loads((checkpoint / "config.json").read_bytes())["type"]
        with redirect_stdout(io.StringIO()):  # it prints, and stdout is for results
            policy = get_policy_class(kind).from_pretrained(checkpoint, local_files_only=True).to(device)
        policy.config.device = device
        override = {"device_processor": {"device": device}}
        pre, post = make_pre_post_processors(
            policy.config, pretrained_path=str(checkpoint), preprocessor_overrides=override
        )
    except Exception as error:
        raise CheckpointError(checkpoint, f"cannot be loaded ({' '.join(str(error).split())[:160]})") from error
    return TrainablePolicy(policy, pre, post)


def _feature_type(name: str) -> FeatureType:
    if name.startswith(IMAGES):
        return FeatureType.VISUAL
    return FeatureType.STATE if name == STATE else FeatureType.ENV


def _stats(path: Path, features: Iterable[str]) -> dict[str, dict[str, Tensor]]:
    """Statistics of these features, as LeRobot keeps them."""
    stats = json.loads(path.read_bytes())
    return {name: {key: torch.tensor(value) for key, value in stats[name].items()} for name in features}
