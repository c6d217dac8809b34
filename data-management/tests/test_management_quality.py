"""Scores follow what was done to a movement, and conditions choose by them."""

import re
from pathlib import Path

import numpy as np
import pytest

from physai.data_management.annotations import Annotations
from physai.data_management.errors import ExpressionError, SelectionError
from physai.data_management.tools.quality import efficiency, quality, smoothness
from physai.data_management.tools.select import FACTS, Expression, parse_episodes, select
from physai.data_management.tools.trim import idle_cuts, row_cuts
from physai.infrastructure.datasets import Dataset, DatasetWriter
from physai.infrastructure.tests.datasets_samples import FPS, STATE_FEATURES, source, write


def minimum_jerk(rows):
    at = np.linspace(0, 1, rows)
    return (10 * at**3 - 15 * at**4 + 6 * at**5)[:, None] * np.ones(3)


def dataset(root, movements):
    with DatasetWriter(root, fps=FPS, features=STATE_FEATURES, robot="arm", task="Reach") as writer:
        for seed, states in enumerate(movements):
            values = states.astype(np.float32)
            writer.add_episode({"observation.state": values, "action": values}, source=source(seed))
    return root


def test_minimum_jerk_is_perfectly_smooth_and_noise_is_not():
    smooth = minimum_jerk(21)
    noise = np.random.default_rng(0).normal(size=smooth.shape)
    scores = [smoothness(smooth + amount * noise, FPS) for amount in (0, 0.01, 0.05, 0.2)]
    assert scores[0] == pytest.approx(1, abs=0.05)
    assert scores == sorted(scores, reverse=True)
    assert scores[3] < 0.4
    assert smoothness(np.zeros((30, 3)), FPS) is None


def test_a_straight_way_is_efficient_and_a_detour_is_not():
    assert efficiency(minimum_jerk(20)) == pytest.approx(1)
    there_and_back = np.concatenate([minimum_jerk(20), minimum_jerk(20)[::-1]])
    assert efficiency(there_and_back) == pytest.approx(1)
    zigzag = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.0], [1.0, 0.0], [0.5, 0.0], [1.0, 0.0]])
    assert efficiency(zigzag) == pytest.approx(1 / 3)  # 1 straight, 1 + 4 x 0.5 taken


def test_waiting_is_found_where_it_is_and_can_be_cut(tmp_path):
    move, wait = minimum_jerk(31), np.zeros((20, 3))
    root = dataset(tmp_path / "ds", [move, np.concatenate([wait, move, wait + 1])])
    brisk, slow = quality(root).episodes
    assert brisk.idle < 0.25
    assert slow.idle > 0.5
    assert slow.idle_start_s == pytest.approx(1.0, abs=0.2)  # 20 rows at 20 Hz, and the gentle start
    assert "at the start" in slow.reasons["idle"]
    cuts = idle_cuts(root, [1], margin_s=0.1)
    assert cuts[1][0] == pytest.approx(20, abs=4)
    assert cuts[1][1] == pytest.approx(51, abs=4)


def test_a_recording_that_is_there_twice_is_no_variety(tmp_path):
    moves = [minimum_jerk(21) * amplitude for amplitude in (0.2, 0.6, 1.0, 1.0)]
    assert quality(dataset(tmp_path / "ds", moves)).diversity.near_duplicates == ((2, 3),)


def test_what_was_measured_is_kept_and_an_edit_does_not_bring_it_back_wrongly(tmp_path):
    root = write(tmp_path / "ds", [30, 31, 32], cameras=True)
    first = quality(root)
    assert (root / "meta/quality.json").exists()
    assert quality(root) == first
    assert Dataset(root).verify()  # what is measured is not content


def test_conditions_choose(tmp_path):
    root = write(tmp_path / "ds", [30, 31, 32], cameras=True)
    Annotations(Dataset(root)).add(1, "label", "good")
    Annotations(Dataset(root)).add(2, "rating", "4")
    assert select(root, where="quality.smoothness > 0.7 and outcome == 'success'") == [0, 1, 2]
    assert select(root, where="'good' in labels") == [1]
    assert select(root, where="rating >= 4") == [2]  # no rating: neither more nor less
    assert select(root, where="rating is None and not rows == 30") == [1]
    assert select(root, where="30 <= rows < 32 or duration_s * 20 == 32") == [0, 1, 2]
    assert select(root, where="outcome in ('failure', 'interrupted')") == []
    assert select(root, episodes="1:", where="split == 'train'") == [1, 2]


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "quality.__class__",
        "labels.count",
        "().__class__",
        "[x for x in labels]",
        "lambda: 1",
        "rows if rows else 1",
        "rows ** 9 ** 9",
        "f'{rows}'",
        "rows := 3",
        "qualty.score > 1",
        "quality.smooth > 1",
        "rows >",
        "",
        "b'x' == task",
        "(" * 300 + "1" + ")" * 300,
        "1 and " * 400 + "1",
    ],
)
def test_what_is_no_condition_is_refused(text):
    with pytest.raises(ExpressionError):
        Expression(text)


def test_a_comparison_that_makes_no_sense_is_refused():
    with pytest.raises(ExpressionError, match="not supported"):
        Expression("task > 3")({"task": "Reach"})
    with pytest.raises(ExpressionError, match="division by zero"):
        Expression("rows / 0 > 3")({"rows": 3})


def test_episodes_are_named_by_numbers_and_ranges():
    assert parse_episodes("0,3,5:8", 10) == [0, 3, 5, 6, 7]
    assert parse_episodes(":2, 8:", 10) == [0, 1, 8, 9]
    for text in ("10", "3:3", "a", "1-3", "", "5:11"):
        with pytest.raises(SelectionError):
            parse_episodes(text, 10)


def test_rows_are_counted_from_either_end(tmp_path):
    root = write(tmp_path / "ds", [10, 20])
    lengths = Dataset(root).lengths
    assert row_cuts(lengths, [0, 1], "2:-3") == {0: (2, 7), 1: (2, 17)}
    assert row_cuts(lengths, [0], "4:") == {0: (4, 10)}
    with pytest.raises(SelectionError, match="no row is left of episode 0"):
        row_cuts(lengths, [1, 0], "12:")


@pytest.mark.parametrize("page", ["data-management/README.md", ".github/skills/data-management/SKILL.md"])
def test_pages_name_every_fact_that_an_expression_may_speak_of(page: str) -> None:
    text = (Path(__file__).parents[2] / page).read_text()
    (found,) = re.findall(r"`(episode rows [^`]*)`", text)
    named = found.split()
    assert [name for name in named if not name.startswith("quality.")] == [name for name in FACTS if name != "quality"]
