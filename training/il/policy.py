"""LeRobot's policies and their processors, made from a recipe or loaded from a checkpoint."""

import io
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from physai.infrastructure.errors import one_line

from . import lean  # noqa: F401  first, see there

# isort: split
import torch
from lerobot.configs import FeatureType, NormalizationMode, PolicyFeature, PreTrainedConfig
from lerobot.policies.factory import get_policy_class, make_policy_config, make_pre_post_processors
from lerobot.policies.pretrained import PreTrainedPolicy
from lerobot.processor import PolicyProcessorPipeline
from torch import Tensor

from physai.infrastructure.contracts import TensorSpec

from ..errors import CheckpointError, RecipeError
from .backbone import load_backbone
from .demonstrations import ACTION, IMAGES, STATE, Window
from .recipe import LANGUAGE_POLICIES, Recipe

ADAPTER = "adapter_config.json"
BACKBONE = "pretrained_backbone_weights"
"""LeRobot's option that names weights of torchvision."""
KINDS = ("STATE", "ENV", "ACTION", "VISUAL")
NORMALIZATION = {
    "act": dict.fromkeys(KINDS, NormalizationMode.MEAN_STD),
    "diffusion": {**dict.fromkeys(KINDS, NormalizationMode.MIN_MAX), "VISUAL": NormalizationMode.MEAN_STD},
    "vqbet": {**dict.fromkeys(KINDS, NormalizationMode.MIN_MAX), "VISUAL": NormalizationMode.MEAN_STD},
}

type Statistics = Mapping[str, Mapping[str, Any]]
"""Feature → name of the statistic → values, as in `meta/stats.json`."""


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

    @property
    def action_steps(self) -> int:
        """Actions of a chunk that are played before the policy is asked again; VQ-BeT plays all of its chunk."""
        config = self.policy.config
        return int(config.action_chunk_size if config.type == "vqbet" else config.n_action_steps)

    @property
    def window(self) -> Window:
        """Steps around a row that the policy learns from."""
        config = self.policy.config
        seen = config.observation_delta_indices
        return Window(None if seen is None else tuple(seen), tuple(config.action_delta_indices))


def limit_threads() -> None:
    """One thread, unless OMP_NUM_THREADS says more.

    Small policies gain nothing from a second one, and lose a factor of twenty when something else wants the core.
    """
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


def make(
    recipe: Recipe,
    inputs: Iterable[TensorSpec],
    action: TensorSpec,
    stats: Statistics,
    device: str,
    start: Path | None = None,
    backbone: Path | None = None,
) -> TrainablePolicy:
    """A new policy, initialised from the recipe's seed or from pretrained weights.

    Args:
        recipe: What to make.
        inputs: Observations it takes.
        action: What it answers.
        stats: Of the dataset; they go into the processors.
        device: Where it is trained.
        start: Folder of a pretrained checkpoint of the same kind.
        backbone: Weights of its image encoder.

    Raises:
        RecipeError: If LeRobot's policy cannot be made so.
        CheckpointError: If `start` or `backbone` cannot be loaded.
    """
    torch.manual_seed(recipe.seed)
    specs = {spec.name: spec for spec in inputs}
    fields = {
        **_shape(recipe),
        "input_features": {name: PolicyFeature(_feature_type(name), spec.shape) for name, spec in specs.items()},
        "output_features": {ACTION: PolicyFeature(FeatureType.ACTION, action.shape)},
        "device": device,
        "push_to_hub": False,
        "optimizer_lr": recipe.lr,
        "optimizer_weight_decay": recipe.weight_decay,
        **{name: tuple(v) if isinstance(v, list) else v for name, v in recipe.options.items()},
    }
    if mapping := NORMALIZATION.get(recipe.policy):
        fields["normalization_mapping"] = mapping
    kind = get_policy_class(recipe.policy)
    try:
        if start is None:
            config = make_policy_config(recipe.policy, **fields)
            with redirect_stdout(io.StringIO()):  # it prints, and stdout is for results
                policy = kind(config).to(device)
        else:
            config = replace(_config(start, recipe.policy), **fields, pretrained_path=start)
            policy = _pretrained(kind, start, config).to(device)
    except (ValueError, TypeError, ImportError) as error:
        raise RecipeError("policy", f"LeRobot refuses this {recipe.policy}: {one_line(error)}") from error
    if backbone:
        load_backbone(policy, backbone)
    if recipe.lora_rank:
        policy = policy.wrap_with_peft(peft_cli_overrides={"method_type": "LORA", "r": recipe.lora_rank})
    tensors = {name: {key: torch.tensor(v) for key, v in stats[name].items()} for name in (*specs, ACTION)}
    pre, post = make_pre_post_processors(config, dataset_stats=tensors)
    return TrainablePolicy(policy, pre, post)


def load(checkpoint: Path, device: str = "cpu") -> TrainablePolicy:
    """The policy of a checkpoint; adapters lie over the pretrained weights that they were trained with.

    Args:
        checkpoint: Its `pretrained_model` folder.
        device: Where it is to run.

    Raises:
        CheckpointError: If it cannot be loaded.
    """
    try:
        kind = get_policy_class(json.loads((checkpoint / "config.json").read_bytes())["type"])
        policy = _adapted(kind, checkpoint) if (checkpoint / ADAPTER).exists() else _pretrained(kind, checkpoint)
        policy = policy.to(device)
        policy.config.device = device
        override = {"device_processor": {"device": device}}
        pre, post = make_pre_post_processors(
            policy.config, pretrained_path=str(checkpoint), preprocessor_overrides=override
        )
    except CheckpointError:
        raise
    except Exception as error:
        raise CheckpointError(checkpoint, f"cannot be loaded ({one_line(error, 160)})") from error
    return TrainablePolicy(policy, pre, post)


def _config(checkpoint: Path, kind: str) -> PreTrainedConfig:
    try:
        config: PreTrainedConfig = PreTrainedConfig.from_pretrained(checkpoint, local_files_only=True)
    except Exception as error:
        raise CheckpointError(checkpoint, f"cannot be loaded ({one_line(error, 160)})") from error
    if config.type != kind:
        raise CheckpointError(checkpoint, f"is a '{config.type}', not a '{kind}'")
    return config


def _pretrained(kind: Any, folder: Path, config: PreTrainedConfig | None = None) -> PreTrainedPolicy:
    try:
        with redirect_stdout(io.StringIO()):  # it prints, and stdout is for results
            policy: PreTrainedPolicy = kind.from_pretrained(folder, config=config, local_files_only=True)
    except Exception as error:
        raise CheckpointError(folder, f"cannot be loaded ({one_line(error, 160)})") from error
    return policy


def _adapted(kind: Any, checkpoint: Path) -> PreTrainedPolicy:
    """A policy with adapters, which go on learning."""
    from peft import PeftConfig, PeftModel

    config = PreTrainedConfig.from_pretrained(checkpoint, local_files_only=True)
    base = PeftConfig.from_pretrained(str(checkpoint)).base_model_name_or_path
    policy = _pretrained(kind, Path(base), config)
    adapted: PreTrainedPolicy = PeftModel.from_pretrained(policy, str(checkpoint), is_trainable=True)
    return adapted


def _shape(recipe: Recipe) -> dict[str, Any]:
    """The fields of LeRobot's configuration that say how large a policy is."""
    ahead = {"chunk_size": recipe.chunk, "n_action_steps": recipe.action_steps}
    vision = {BACKBONE: None}
    match recipe.policy:
        case "act":
            return {
                **ahead,
                **vision,
                "dim_model": recipe.dim,
                "n_heads": recipe.heads,
                "dim_feedforward": recipe.feedforward,
                "n_encoder_layers": recipe.encoder_layers,
                "n_decoder_layers": recipe.decoder_layers,
                "use_vae": False,
                "dropout": 0.0,
                "optimizer_lr_backbone": recipe.lr,
            }
        case "diffusion":
            return {
                **vision,
                "horizon": recipe.chunk,
                "n_action_steps": recipe.action_steps,
                "down_dims": (recipe.dim, 2 * recipe.dim),
                "diffusion_step_embed_dim": recipe.dim,
                "noise_scheduler_type": "DDIM",  # DDPM draws noise in each step, which no graph takes as its input
                "num_inference_steps": recipe.denoising_steps,
            }
        case "vqbet":
            return {
                **vision,
                "n_obs_steps": 2,
                "action_chunk_size": recipe.action_steps,
                "n_vqvae_training_steps": max(1, recipe.steps // 4),
                "crop_shape": None,
                **dict.fromkeys(("gpt_input_dim", "gpt_output_dim", "gpt_hidden_dim"), recipe.dim),
                "gpt_n_head": recipe.heads,
                "gpt_n_layer": recipe.encoder_layers,
            }
        case _:
            assert recipe.policy in LANGUAGE_POLICIES, "the recipe knows its policies"
            return ahead


def _feature_type(name: str) -> FeatureType:
    if name.startswith(IMAGES):
        return FeatureType.VISUAL
    return FeatureType.STATE if name == STATE else FeatureType.ENV
