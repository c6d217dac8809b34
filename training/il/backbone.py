"""Weights of an image encoder, from a file: nothing is asked of the network."""

from pathlib import Path

from . import lean  # noqa: F401  first, see there

# isort: split
import torch
import torchvision
from lerobot.policies.pretrained import PreTrainedPolicy
from safetensors.torch import load_file
from torch import Tensor, nn

from physai.infrastructure.errors import MissingFileError, one_line

from ..errors import CheckpointError

MEND = "Fetch one where there is a network, e.g. ResNet18_Weights.IMAGENET1K_V1.url of torchvision."


def load_backbone(policy: PreTrainedPolicy, file: Path) -> None:
    """Give every image encoder of a policy these weights.

    Args:
        policy: ACT, Diffusion or VQ-BeT with a camera.
        file: State of torchvision's model of that name, `.pth` or `.safetensors`, its classifier included.

    Raises:
        MissingFileError: If there is none.
        CheckpointError: If it is of another model, or the policy has changed the layers that it is for.
    """
    kind = policy.config.vision_backbone
    try:
        whole = getattr(torchvision.models, kind)(weights=None)
        whole.load_state_dict(_state(file))
        for encoder in _encoders(policy):
            for mine, given in zip(encoder.children(), whole.children(), strict=False):
                mine.load_state_dict(given.state_dict())
    except FileNotFoundError as error:
        raise MissingFileError(file, "weights", MEND) from error
    except Exception as error:  # a torn file fails in as many ways as PyTorch has of reading one
        raise CheckpointError(file, f"has no weights for this {kind} ({one_line(error, 160)})") from error


def _state(file: Path) -> dict[str, Tensor]:
    if file.suffix == ".safetensors":
        return load_file(file)
    state: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    return state


def _encoders(policy: PreTrainedPolicy) -> list[nn.Module]:
    """The layers that LeRobot keeps of torchvision's model, in its order; one per camera if they are apart."""
    return [module for name, module in policy.named_modules() if name.split(".")[-1] == "backbone"]
