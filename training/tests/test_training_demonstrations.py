"""Rows, chunks and splits of a dataset in memory."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from typer.testing import CliRunner

from physai.infrastructure.datasets import Dataset
from physai.infrastructure.tests import datasets_samples as samples
from physai.training.cli import app
from physai.training.errors import MemoryTooSmallError, MissingFeatureError, MissingSplitError, RecipeError
from physai.training.il.demonstrations import ACTION, STATE, TARGET, Demonstrations, Window, input_names, load

from .conftest import FRONT, ROWS, SIDE, write_dataset


@pytest.fixture
def five_rows() -> Demonstrations:
    """Two episodes: rows 0, 1, 2 and rows 3, 4; the action of a row is ten times its number."""
    rows = torch.arange(5.0)[:, None]
    first, last = torch.tensor([0, 0, 0, 3, 3]), torch.tensor([2, 2, 2, 4, 4])
    return Demonstrations({STATE: rows, ACTION: 10 * rows}, first, last)


def test_a_chunk_ends_with_its_episode(five_rows: Demonstrations) -> None:
    """From row 1, three actions: 10, 20, and 20 again, since row 3 is of another episode."""
    batch = five_rows.batch(np.array([1, 3]), Window(None, (0, 1, 2)))
    assert batch[STATE].tolist() == [[1.0], [3.0]]
    assert batch[ACTION][..., 0].tolist() == [[10.0, 20.0, 20.0], [30.0, 40.0, 40.0]]
    assert batch["action_is_pad"].tolist() == [[False, False, True], [False, False, True]]


def test_a_history_begins_with_its_episode(five_rows: Demonstrations) -> None:
    """Row 3 begins an episode: it stands for the row before it, and the action before it is padding."""
    batch = five_rows.batch(np.array([2, 3]), Window((-1, 0), (-1, 0, 1)))
    assert batch[STATE][..., 0].tolist() == [[1.0, 2.0], [3.0, 3.0]]
    assert batch[ACTION][..., 0].tolist() == [[10.0, 20.0, 20.0], [30.0, 30.0, 40.0]]
    assert batch["action_is_pad"].tolist() == [[False, False, True], [True, False, False]]


def test_spread_rows_are_even_and_never_more_than_there_are(five_rows: Demonstrations) -> None:
    assert five_rows.spread(3).tolist() == [0, 2, 4]
    assert five_rows.spread(99).tolist() == [0, 1, 2, 3, 4]


def test_only_the_episodes_of_a_split_are_loaded(dataset: Path) -> None:
    source = Dataset(dataset)
    train, heldout = (load([source], split, [STATE, TARGET]) for split in ("train", "heldout"))
    assert (train.rows, heldout.rows) == (4 * ROWS, 2 * ROWS)
    np.testing.assert_array_equal(heldout.columns[STATE][:ROWS], source.episode(4)[STATE])
    assert train.last[::ROWS].tolist() == [19, 39, 59, 79]


def test_frames_become_channels_first_and_0_to_1(camera_dataset: Path) -> None:
    source = Dataset(camera_dataset)
    assert input_names(source, "image") == [STATE, FRONT]
    data = load([source], "heldout", [STATE, FRONT])
    frames = data.batch(np.array([0]), Window(None, (0,)))[FRONT]
    assert frames.shape == (1, 3, SIDE, SIDE)
    expected = source.frames(4, FRONT)[0].transpose(2, 0, 1) / 255
    np.testing.assert_allclose(frames[0].numpy(), expected, atol=1e-6)


def test_depth_is_passed_over_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise RecipeError("steps", "this test trains nothing")

    root = samples.write(tmp_path / "ds", [5], cameras=True, depth=True)
    assert input_names(Dataset(root), "image") == [STATE, samples.CAMERA]
    monkeypatch.setattr("physai.training.il.train.train", stop)
    words = ["il", "train", "--dataset", str(root), "--observation", "image", "--output", str(tmp_path / "run")]
    said = CliRunner().invoke(app, words).stderr
    assert f"{samples.DEPTH} is depth, which policies here do not see; training without it" in " ".join(said.split())


@pytest.mark.parametrize(("left_out", "observation"), [(TARGET, "state"), (STATE, "image"), (ACTION, "state")])
def test_a_missing_feature_is_named(tmp_path: Path, left_out: str, observation: str) -> None:
    source = Dataset(write_dataset(tmp_path / "dataset", leave_out=left_out))
    with pytest.raises(MissingFeatureError, match=f"no feature '{left_out}'"):
        input_names(source, observation)  # type: ignore[arg-type]


def test_an_image_policy_needs_a_camera(dataset: Path) -> None:
    with pytest.raises(MissingFeatureError, match=r"no feature 'observation.images.\*'"):
        input_names(Dataset(dataset), "image")


def test_a_missing_split_is_named(tmp_path: Path) -> None:
    source = Dataset(write_dataset(tmp_path / "dataset", split=False))
    with pytest.raises(MissingSplitError, match=r"no episodes in split 'heldout'\. Splits: train"):
        load([source], "heldout", [STATE])


def test_frames_that_do_not_fit_are_refused_before_they_are_read(
    camera_dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def little() -> object:
        return type("Memory", (), {"available": 1000})()

    small: Callable[[], object] = little
    monkeypatch.setattr(psutil, "virtual_memory", small)
    with pytest.raises(MemoryTooSmallError, match="GiB of memory"):
        load([Dataset(camera_dataset)], "train", [STATE, FRONT])
