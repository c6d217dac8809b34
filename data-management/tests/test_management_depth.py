"""Datasets with a depth camera are checked, edited and scored as others are."""

import json

import numpy as np
import pytest

from physai.data_management.tools import edit
from physai.data_management.tools.quality import quality
from physai.data_management.tools.validate import Limits, validate
from physai.infrastructure.datasets import Dataset, DatasetWriter, depth_camera
from physai.infrastructure.datasets.info import INFO
from physai.infrastructure.tests.datasets_samples import (
    CAMERA,
    DEPTH,
    FPS,
    STATE_FEATURES,
    columns,
    distances,
    source,
    write,
)

LENGTHS = [12, 9, 15]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write(tmp_path_factory.mktemp("depth") / "ds", LENGTHS, cameras=True, depth=True)


def test_a_clean_dataset_with_depth_has_no_finding(root):
    assert {f.defect for f in validate(root, Limits()).findings} <= {"short"}
    assert validate(root, Limits()).cameras == (CAMERA, DEPTH)


@pytest.mark.parametrize(
    ("image", "defect", "detail"),
    [
        (np.zeros((48, 64, 1), np.uint16), "camera-black", f"{DEPTH}: nothing was measured"),
        (distances(1)[0], "camera-frozen", f"{DEPTH}: the picture never changes"),
    ],
)
def test_a_depth_camera_that_sees_nothing_or_stands_still_is_found(tmp_path, image, defect, detail):
    features = {**STATE_FEATURES, DEPTH: depth_camera(48, 64, "mm")}
    with DatasetWriter(tmp_path / "ds", fps=FPS, features=features, robot="arm", task="Reach") as writer:
        writer.add_episode(columns(12), {DEPTH: np.repeat(image[None], 12, axis=0)}, source=source())
    found = {finding.defect: finding.detail for finding in validate(tmp_path / "ds", Limits()).findings}
    assert found[defect].startswith(detail)


def test_statistics_that_are_not_those_of_the_distances_are_found(root, tmp_path):
    wrong = {"mean": np.full((1, 1, 1), 9000.0)}
    features = {**STATE_FEATURES, DEPTH: depth_camera(48, 64, "mm")}
    with DatasetWriter(tmp_path / "ds", fps=FPS, features=features, robot="arm", task="Reach") as writer:
        index = writer.add_episode(columns(12), {DEPTH: distances(12)}, source=source())
        writer._stats[index][DEPTH] |= wrong
    assert "stats-camera" in {finding.defect for finding in validate(tmp_path / "ds", Limits()).findings}


def test_colours_under_a_depth_camera_are_found(root, tmp_path):
    write(tmp_path / "ds", [12], cameras=True)
    path = tmp_path / "ds" / INFO
    content = json.loads(path.read_text())
    content["features"][CAMERA]["info"] |= {"is_depth_map": True, "depth_unit": "mm"}
    path.write_text(json.dumps(content))
    found = validate(tmp_path / "ds", Limits(), decode=False).findings
    assert any(f"{CAMERA} is depth, its frames are yuv420p, expected gray12le" in finding.detail for finding in found)


def test_a_cut_within_a_group_of_pictures_keeps_every_distance(root, tmp_path):
    report = edit.trim(root, {0: (3, 10), 2: (1, 14)}, output=tmp_path / "out")
    before, after = Dataset(root), Dataset(tmp_path / "out")
    assert report.encoded_frames > 0
    for episode, (first, last) in enumerate([(3, 10), (0, 9), (1, 14)]):
        assert np.array_equal(after.depth(episode, DEPTH), before.depth(episode, DEPTH)[first:last])
        stats = after.episode_stats(episode, DEPTH)
        assert stats["mean"].item() == pytest.approx(distances(15, episode)[first:last].mean(), rel=2e-2)
        assert stats["max"].item() == pytest.approx(6000, abs=2)
    assert {f.defect for f in validate(tmp_path / "out", Limits()).findings} <= {"short"}


def test_merging_and_deleting_copies_depth(root, tmp_path):
    edit.merge([root, write(tmp_path / "b", [8], cameras=True, depth=True, first_seed=3)], tmp_path / "all")
    edit.keep(tmp_path / "all", [3, 1], output=tmp_path / "kept")
    kept = Dataset(tmp_path / "kept")
    wanted = [Dataset(tmp_path / "b").depth(0, DEPTH), Dataset(root).depth(1, DEPTH)]
    assert all(any(np.array_equal(kept.depth(i, DEPTH), each) for each in wanted) for i in range(2))


def test_sharpness_is_a_matter_of_colour(root, tmp_path):
    blind = write(tmp_path / "blind", LENGTHS, depth=True)
    assert [episode.sharpness is None for episode in quality(root).episodes] == [False] * 3
    assert [episode.sharpness is None for episode in quality(blind).episodes] == [True] * 3


@pytest.mark.filterwarnings("ignore")  # LeRobot, datasets and torchvision warn when imported
def test_the_faster_reader_leaves_depth_to_lerobot(root, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    from physai.data_management.reader import fast

    item = fast(LeRobotDataset("local/any", root=root, depth_output_unit="m"))[13]
    assert item[DEPTH][0].numpy() == pytest.approx(Dataset(root).depth(1, DEPTH)[1], abs=1e-5)
    assert item[CAMERA].shape == (3, 64, 64)
