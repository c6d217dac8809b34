"""A SmolVLA of half a million random weights: the same classes and files as the real one, and nothing to download."""

from pathlib import Path

from . import language  # noqa: F401  first, see there

# isort: split
import torch
from lerobot.configs import FeatureType, PolicyFeature
from lerobot.policies.smolvla.configuration_smolvla import SmolVLAConfig
from lerobot.policies.smolvla.modeling_smolvla import SmolVLAPolicy
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, SmolVLMConfig, SmolVLMImageProcessor, SmolVLMProcessor
from transformers.models.smolvlm.video_processing_smolvlm import SmolVLMVideoProcessor

from physai.infrastructure.aside import whole_folder

SIDE_PX = 64
SPECIAL = {
    "bos_token": "<|im_start|>",
    "eos_token": "<end_of_utterance>",
    "pad_token": "<pad>",
    "unk_token": "<unk>",
}
IMAGE_TOKENS = {
    "fake_image_token": "<fake_token_around_image>",
    "image_token": "<image>",
    "global_image_token": "<global-img>",
    "end_of_utterance_token": "<end_of_utterance>",
}


def write_tiny_smolvla(output: Path, seed: int = 0) -> Path:
    """Write `backbone/`, a vision-language model's configuration and tokenizer, and `checkpoint/`, a policy on it.

    Returns:
        The checkpoint, to begin a training from.

    Raises:
        OccupiedError: If something is at `output`.
    """
    with whole_folder(output) as part:
        _write_backbone(part / "backbone")
    torch.manual_seed(seed)
    config = SmolVLAConfig(
        input_features={
            "observation.state": PolicyFeature(FeatureType.STATE, (6,)),
            "observation.images.front": PolicyFeature(FeatureType.VISUAL, (3, SIDE_PX, SIDE_PX)),
        },
        output_features={"action": PolicyFeature(FeatureType.ACTION, (6,))},
        vlm_model_name=str(output.resolve() / "backbone"),
        load_vlm_weights=False,
        num_vlm_layers=4,
        resize_imgs_with_padding=(SIDE_PX, SIDE_PX),
        tokenizer_max_length=16,
        train_expert_only=False,
        freeze_vision_encoder=False,
        device="cpu",
        push_to_hub=False,
    )
    SmolVLAPolicy(config).save_pretrained(output / "checkpoint")
    return output / "checkpoint"


def _write_backbone(folder: Path) -> None:
    tokenizer = _tokenizer()
    ids = tokenizer.get_vocab()
    text = {
        "model_type": "llama",
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "vocab_size": len(ids),
        "pad_token_id": ids["<pad>"],
        "max_position_embeddings": 512,
    }
    vision = {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "image_size": SIDE_PX,
        "patch_size": 16,
    }
    SmolVLMConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=ids["<image>"],
        scale_factor=2,
        pad_token_id=ids["<pad>"],
    ).save_pretrained(folder)
    size = {"size": {"longest_edge": SIDE_PX}, "max_image_size": {"longest_edge": SIDE_PX}}
    SmolVLMProcessor(
        image_processor=SmolVLMImageProcessor(**size),
        tokenizer=tokenizer,
        video_processor=SmolVLMVideoProcessor(**size),
        image_seq_len=4,
    ).save_pretrained(folder)


def _tokenizer() -> PreTrainedTokenizerFast:
    """One token for each byte, and those that stand for pictures."""
    words = [*SPECIAL.values(), *(word for word in IMAGE_TOKENS.values() if word not in SPECIAL.values())]
    vocabulary = {word: i for i, word in enumerate([*words, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    bytewise = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token=SPECIAL["unk_token"]))
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.decoder = decoders.ByteLevel()
    bytewise.add_special_tokens(words)
    tokens = {**SPECIAL, "extra_special_tokens": IMAGE_TOKENS}
    return PreTrainedTokenizerFast(tokenizer_object=bytewise, **tokens)  # type: ignore[no-untyped-call]  # their own
