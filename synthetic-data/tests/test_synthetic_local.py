import colorsys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physai.infrastructure.contracts import CameraTurn, Pattern, Photometric, Variation, Variations
from physai.synthetic_data.draw import draw
from physai.synthetic_data.local import hue_matrix, relight, seen_from, vary
from physai.synthetic_data.silhouette import draw_episode
from physai.synthetic_data.tests.arm import CAMERA, EMPTY, MODEL, SCENE, centres, frames, joints, shown

VIEW = SCENE.views[CAMERA]
GREEN = Pattern(look="plain", scale_px=8, first=(0.0, 1.0, 0.0))


def varied(variation, **options):
    rows = 3
    return vary(frames(rows), shown(rows), variation, np.random.default_rng(0), view=VIEW, **options)


def lit(level, **changes):
    return float(relight(np.full((1, 1, 3), level, np.float32), Photometric(**changes))[0, 0, 0])


def test_no_variation_changes_nothing():
    assert np.array_equal(varied(Variation()), frames(3))


def test_brightness_and_contrast_are_those_worked_by_hand():
    assert lit(100, brightness=0.1) == pytest.approx(125.5)
    assert lit(100, contrast=1.2) == pytest.approx(94.5)  # (100 - 127.5) x 1.2 + 127.5


def test_a_third_of_a_turn_makes_red_green():
    assert hue_matrix(120) @ [1, 0, 0] == pytest.approx([0, 1, 0], abs=1e-6)


@given(st.floats(-180, 180), st.integers(0, 255))
def test_grey_has_no_hue_to_turn(hue_deg, level):
    assert hue_matrix(hue_deg) @ ([level] * 3) == pytest.approx([level] * 3, abs=1e-3)


@given(st.integers(0, 2**31))
def test_drawn_light_is_mild(seed):
    light = draw(Variations(seed=seed), 1)[0].photometric
    before = np.array([180, 90, 60], np.float32)
    after = np.clip(relight(before, light), 0, 255)
    one, other = (colorsys.rgb_to_hsv(*(float(c) for c in colour))[0] for colour in (before, after))
    assert min(abs(one - other), 1 - abs(one - other)) < 0.1  # of a turn: still the same colour


def test_surroundings_change_and_the_robot_stays():
    parts = shown(3)
    before, after = frames(3).astype(int), varied(Variation(background=GREEN)).astype(int)
    robot = parts != EMPTY
    deep = robot & np.roll(robot, 2, 1) & np.roll(robot, -2, 1) & np.roll(robot, 2, 2) & np.roll(robot, -2, 2)
    assert np.abs(before[deep] - after[deep]).mean() < 3
    assert (after[~robot] == (0, 255, 0)).all(axis=1).mean() > 0.9


def test_kept_pixels_are_neither_lit_nor_noisy():
    dark = Variation(photometric=Photometric(brightness=-0.4, noise=8))
    robot = shown(3) != EMPTY
    deep = robot & np.roll(robot, 3, 1) & np.roll(robot, -3, 1) & np.roll(robot, 3, 2) & np.roll(robot, -3, 2)
    before, kept, lit_too = frames(3)[deep], varied(dark, keep_robot=True)[deep], varied(dark)[deep]
    assert np.abs(before.astype(int) - kept).mean() < 0.5
    assert before.mean() - lit_too.mean() > 60


def test_a_turned_camera_shows_the_robot_where_its_projection_is():
    turn = CameraTurn(pan_deg=6, roll_deg=3)
    red = Pattern(look="plain", scale_px=8, first=(1.0, 0.0, 0.0))
    pictures = varied(Variation(background=red, camera=turn))
    there = draw_episode(
        MODEL, joints(3).astype(float), seen_from(VIEW, Variation(camera=turn)), (64, 64), SCENE, centres(3)
    )
    not_red = pictures[..., 1] > 60
    both = (not_red & (there != EMPTY)).sum() / (not_red | (there != EMPTY)).sum()
    assert both > 0.85


def test_the_same_seed_gives_the_same_pictures():
    variation = Variation(photometric=Photometric(noise=4), texture=Pattern(look="noise", scale_px=9, strength=0.5))
    assert np.array_equal(varied(variation), varied(variation))
