"""A recipe says what is wrong with it before anything heavy is loaded."""

from typing import Any

import pytest

from physai.training.errors import RecipeError, UnknownPolicyError
from physai.training.il.recipe import Recipe


def test_defaults_depend_on_the_observation_and_choices_win() -> None:
    assert Recipe.of("act", "state").batch_size == 64
    assert Recipe.of("act", "image").batch_size == 16
    assert Recipe.of("act", "image", batch_size=4, lr=None).batch_size == 4


def test_a_misspelt_policy_is_guessed() -> None:
    with pytest.raises(
        UnknownPolicyError, match=r"policy 'act2' is unknown. Did you mean 'act'\? Known: act, diffusion, vqbet"
    ):
        Recipe.of("act2", "state")


@pytest.mark.parametrize(
    ("policy", "chosen", "message"),
    [
        ("diffusion", {"chunk": 18}, "--chunk: Diffusion's U-Net halves it twice, and 18 is no multiple of 4"),
        ("diffusion", {"chunk": 8, "action_steps": 8}, "--action-steps: Diffusion plays at most 7 of 8 actions"),
        ("vqbet", {}, "--observation: VQ-BeT looks through one camera, choose `image`"),
        ("act", {"options": {"n_action_steps": 4}}, "--option: n_action_steps is --action-steps"),
        ("act", {"check_task": "Isaac-Reach-UR10", "check_options": {"a": 1}}, "--task-option: they are for an env"),
    ],
)
def test_what_a_policy_cannot_do_is_named(policy: str, chosen: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Recipe.of(policy, "state", **chosen)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("lr", -1.0, "--lr: Input should be greater than 0, got -1.0"),
        ("lr", float("nan"), "--lr: Input should be a finite number"),
        ("steps", 0, "--steps: Input should be greater than or equal to 1"),
        ("batch_size", 0, "--batch-size: "),
        ("action_steps", 17, "--action-steps: 17 actions cannot be played of 16"),
        ("dim", 66, "--dim: 66 is no multiple of 4 heads"),
    ],
)
def test_a_value_out_of_range_is_named_like_its_option(name: str, value: float, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Recipe.of("act", "state", **{name: value})
