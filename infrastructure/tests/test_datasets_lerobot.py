"""LeRobot's own loader and writer are the judges of our format. One module, since importing them takes long."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from physai.infrastructure.datasets import Dataset, DatasetWriter, camera, depth_camera, vector
from physai.infrastructure.datasets.depth import LEROBOT, dtype_of
from physai.infrastructure.tests.datasets_samples import CAMERA, FPS, JOINTS, columns, frames, source

pytestmark = pytest.mark.filterwarnings("ignore")  # LeRobot, datasets and torchvision warn when imported

LENGTHS = [9, 5, 12]
FEATURES = {
    "observation.state": vector(JOINTS),
    "action": vector(JOINTS),
    "reward": vector(["reward"]),
    CAMERA: camera(64, 64),
}


def episode(seed):
    rows = LENGTHS[seed]
    return {**columns(rows, seed), "reward": np.linspace(0, seed + 1, rows, dtype=np.float32)}, frames(rows, seed)


@pytest.fixture(scope="module")
def lerobot(tmp_path_factory):
    """LeRobot's dataset class, offline, with its caches in a scratch folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("HF_HOME", str(tmp_path_factory.mktemp("hf")))
        patch.setenv("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
        from lerobot.datasets.lerobot_dataset import LeRobotDataset

        yield LeRobotDataset


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """Written by us."""
    root = tmp_path_factory.mktemp("ours") / "ds"
    with DatasetWriter(root, fps=FPS, features=FEATURES, robot="arm", task="Reach") as writer:
        for seed in range(len(LENGTHS)):
            values, pictures = episode(seed)
            writer.add_episode(values, {CAMERA: pictures}, source=source(seed))
    return root


@pytest.fixture(scope="module")
def theirs(tmp_path_factory, lerobot):
    """The same episodes, written by LeRobot."""
    root = tmp_path_factory.mktemp("theirs") / "ds"
    features = {name: feature.model_dump(exclude={"info"}) for name, feature in FEATURES.items()}
    dataset = lerobot.create("local/theirs", fps=FPS, root=root, features=features, robot_type="arm", use_videos=True)
    for seed in range(len(LENGTHS)):
        values, pictures = episode(seed)
        for row in range(LENGTHS[seed]):
            frame = {name: np.atleast_1d(column[row]) for name, column in values.items()}
            dataset.add_frame({**frame, CAMERA: pictures[row], "task": "Reach"})
        dataset.save_episode()
    dataset.finalize()
    return root


def assert_loads(lerobot, root):
    """Every row of LeRobot's loader is the row of ours."""
    dataset = lerobot("local/any", root=root, video_backend="pyav")
    mine = Dataset(root)
    assert (len(dataset), dataset.meta.total_episodes) == (mine.info.total_frames, mine.num_episodes)
    for index in range(mine.num_episodes):
        values, pictures = mine.episode(index), mine.frames(index, CAMERA)
        for row in range(mine.lengths[index]):
            item = dataset[mine.first_row(index) + row]
            assert (int(item["episode_index"]), int(item["frame_index"])) == (index, row)
            assert item["task"] == mine.tasks[index]
            for name in ("observation.state", "action", "reward"):
                assert np.array_equal(item[name].numpy(), values[name][row])
            image = np.rint(item[CAMERA].numpy().transpose(1, 2, 0) * 255)
            assert np.abs(image - pictures[row]).max() <= 1


def test_lerobot_loads_every_value_and_every_frame(lerobot, ours):
    assert_loads(lerobot, ours)


def test_delta_timestamps_reach_the_rows_around(lerobot, ours):
    deltas = {"action": [0.0, 0.05, 0.1], CAMERA: [-0.05, 0.0]}  # at 20 Hz: this row and the next two
    item = lerobot("local/any", root=ours, delta_timestamps=deltas, video_backend="pyav")[LENGTHS[0] - 2]
    values, pictures = Dataset(ours).episode(0), Dataset(ours).frames(0, CAMERA)
    assert np.array_equal(item["action"].numpy()[:2], values["action"][-2:])
    assert item["action_is_pad"].tolist() == [False, False, True]
    for image, row in zip(item[CAMERA].numpy(), (LENGTHS[0] - 3, LENGTHS[0] - 2), strict=True):
        assert np.abs(np.rint(image.transpose(1, 2, 0) * 255) - pictures[row]).max() <= 1


def test_statistics_are_those_lerobot_computes(ours, theirs):
    mine = json.loads((ours / "meta/stats.json").read_text())
    other = json.loads((theirs / "meta/stats.json").read_text())
    assert mine.keys() == other.keys()
    for feature, stats in other.items():
        assert list(mine[feature]) == list(stats)
        spread = np.array(stats["max"]) - np.array(stats["min"])
        for name, value in stats.items():
            # Their sums are float32; a quantile on the edge of a bin may fall into the next of 5000.
            tolerance = np.max(spread) / 5000 + 1e-6 if name.startswith("q") else 5e-5
            np.testing.assert_allclose(
                mine[feature][name], value, rtol=1e-4, atol=tolerance, err_msg=f"{feature} {name}"
            )


def test_info_is_what_lerobot_writes(ours, theirs):
    assert json.loads((ours / "meta/info.json").read_text()) == json.loads((theirs / "meta/info.json").read_text())


@pytest.mark.parametrize("file", ["meta/episodes/chunk-000/file-000", "data/chunk-000/file-000", "meta/tasks"])
def test_columns_have_the_names_order_and_types_of_lerobots(ours, theirs, file):
    mine, other = (pq.read_schema(root / f"{file}.parquet") for root in (ours, theirs))
    assert [(field.name, field.type) for field in mine] == [(field.name, field.type) for field in other]


def test_episodes_are_described_as_lerobot_does(ours, theirs):
    file = "meta/episodes/chunk-000/file-000.parquet"
    for mine, other in zip(*(pq.read_table(root / file).to_pylist() for root in (ours, theirs)), strict=True):
        for name, value in other.items():
            if not name.startswith("stats/"):
                assert mine[name] == pytest.approx(value)


def test_we_read_what_lerobot_wrote(theirs):
    dataset = Dataset(theirs)
    assert dataset.lengths == LENGTHS
    values, pictures = episode(2)
    for name, column in values.items():
        assert np.array_equal(dataset.episode(2)[name], column)
    assert np.abs(dataset.frames(2, CAMERA).astype(int) - pictures).mean() < 3


def test_we_read_grids_and_words_though_we_do_not_write_them(lerobot, tmp_path):
    features = {
        "grid": {"dtype": "float32", "shape": (2, 3), "names": None},
        "word": {"dtype": "string", "shape": (1,), "names": None},
    }
    dataset = lerobot.create("local/odd", fps=FPS, root=tmp_path / "odd", features=features, use_videos=False)
    for row in range(3):
        dataset.add_frame({"grid": np.full((2, 3), row, np.float32), "word": f"word {row}", "task": "Reach"})
    dataset.save_episode()
    dataset.finalize()
    read = Dataset(tmp_path / "odd").episode(0)
    assert np.array_equal(read["grid"], np.arange(3, dtype=np.float32)[:, None, None] + np.zeros((2, 3)))
    assert read["word"].tolist() == ["word 0", "word 1", "word 2"]


def test_lerobot_loads_episodes_copied_from_its_own_dataset_and_from_ours(lerobot, ours, theirs, tmp_path):
    with DatasetWriter(tmp_path / "both", fps=FPS, features=FEATURES, robot="arm", task="Reach") as writer:
        for root in (theirs, ours):
            for index in (2, 0):
                writer.copy_episode(Dataset(root), index)
    assert_loads(lerobot, tmp_path / "both")
    both = Dataset(tmp_path / "both")
    for index, (root, original) in enumerate([(theirs, 2), (theirs, 0), (ours, 2), (ours, 0)]):
        assert np.array_equal(both.frames(index, CAMERA), Dataset(Path(root)).frames(original, CAMERA))


DEPTH = "observation.images.depth"


def distances(rows, unit):
    """A slope from 0.2 to 12 m that moves, with a hole of which nothing was measured."""
    metres = np.linspace(0.2, 12.0, 64 * 96).reshape(64, 96) + np.linspace(0, 0.4, rows)[:, None, None]
    metres[:, 8:16, 8:16] = 0
    return (metres * (1000 if unit == "mm" else 1)).astype(dtype_of(unit))[..., None]


@pytest.fixture(scope="module", params=["mm", "m"])
def depths(request, tmp_path_factory, lerobot):
    """Two episodes of depth in one unit, written by us and by LeRobot."""
    unit, folder = request.param, tmp_path_factory.mktemp("depth")
    features = {"action": vector(JOINTS), DEPTH: depth_camera(64, 96, unit)}
    with DatasetWriter(folder / "ours", fps=FPS, features=features, robot="arm", task="Reach") as writer:
        for rows in (6, 7):
            writer.add_episode({"action": columns(rows, 0)["action"]}, {DEPTH: distances(rows, unit)})
    asked = {name: feature.model_dump() for name, feature in features.items()}
    asked[DEPTH]["info"] = {"is_depth_map": True}
    theirs = lerobot.create("local/d", fps=FPS, root=folder / "theirs", features=asked, robot_type="arm")
    for rows in (6, 7):
        for row in range(rows):
            frame = {"action": columns(rows, 0)["action"][row], DEPTH: distances(rows, unit)[row], "task": "Reach"}
            theirs.add_frame(frame)
        theirs.save_episode()
    theirs.finalize()
    return unit, folder


def test_lerobot_reads_our_depth_within_half_a_step_of_the_source(depths, lerobot):
    unit, folder = depths
    read = lerobot("local/ours", root=folder / "ours", depth_output_unit="m")
    source = np.concatenate([distances(rows, unit)[..., 0] for rows in (6, 7)])
    wanted = LEROBOT.within(source)
    assert read.meta.depth_keys == [DEPTH]
    assert len(read) == 13
    for row in range(13):
        item = read[row][DEPTH]
        assert item.shape == (1, 64, 96)
        assert (np.abs(item[0].numpy() - wanted[row]) <= 0.51 * LEROBOT.step_m(wanted[row])).all()


def test_our_depth_is_lerobots_own_in_codes_info_and_statistics(depths):
    unit, folder = depths
    ours, theirs = Dataset(folder / "ours"), Dataset(folder / "theirs")
    for index in range(2):
        assert np.array_equal(ours.depth(index, DEPTH), theirs.depth(index, DEPTH))
        mine, other = (dataset.episode_stats(index, DEPTH) for dataset in (ours, theirs))
        bin_ = 12.4 / 5000 * (1000 if unit == "mm" else 1)  # of LeRobot's histogram, from which it reads quantiles
        for name in mine:
            assert mine[name].shape == other[name].shape
            assert mine[name] == pytest.approx(other[name], rel=1e-4, abs=2 * bin_ if name.startswith("q") else 1e-3)
    differ = {"video.preset", "video.extra_options"}  # how fast it was encoded, without loss
    infos = [{k: v for k, v in d.info.features[DEPTH].info.items() if k not in differ} for d in (ours, theirs)]
    assert infos[0] == infos[1]
    assert infos[0]["depth_unit"] == unit


def test_depth_that_lerobot_wrote_is_copied_packet_by_packet(depths, lerobot, tmp_path):
    unit, folder = depths
    theirs = Dataset(folder / "theirs")
    features = dict(theirs.info.recorded)
    with DatasetWriter(tmp_path / "copy", fps=FPS, features=features, robot="arm", task="Reach") as writer:
        for index in (1, 0):
            writer.copy_episode(theirs, index)
    copy = Dataset(tmp_path / "copy")
    assert np.array_equal(copy.depth(0, DEPTH), theirs.depth(1, DEPTH))
    assert copy.info.features[DEPTH].depth_unit == unit
    read = lerobot("local/copy", root=tmp_path / "copy", depth_output_unit="m")
    assert read[8][DEPTH][0].numpy() == pytest.approx(theirs.depth(0, DEPTH)[1], abs=1e-5)
