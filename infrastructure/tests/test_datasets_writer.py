import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from physai.infrastructure.aside import BusyError, OccupiedError
from physai.infrastructure.datasets import Dataset, DatasetWriter, Feature, camera, vector
from physai.infrastructure.datasets.errors import EmptyError, FeatureError
from physai.infrastructure.tests.datasets_samples import (
    CAMERA,
    FPS,
    JOINTS,
    STATE_FEATURES,
    columns,
    frames,
    source,
    write,
)


def writer(root: Path, **changes):
    return DatasetWriter(root, **{"fps": FPS, "features": STATE_FEATURES, "robot": "arm", "task": "Reach", **changes})


def test_what_is_written_is_read_back(tmp_path):
    dataset = Dataset(write(tmp_path / "ds", [7, 4], cameras=True))
    assert (dataset.num_episodes, dataset.lengths, dataset.fps) == (2, [7, 4], FPS)
    assert dataset.splits == {"train": range(2)}
    second = dataset.episode(1)
    assert np.array_equal(second["action"], columns(4, 1)["action"])
    assert second["index"].tolist() == [7, 8, 9, 10]
    assert second["frame_index"].tolist() == [0, 1, 2, 3]
    assert second["episode_index"].tolist() == [1, 1, 1, 1]
    assert second["timestamp"] == pytest.approx([0, 0.05, 0.1, 0.15])  # 1 / 20 Hz
    assert dataset.frames(1, CAMERA).shape == (4, 64, 64, 3)
    assert dataset.info.features["action"].element_names == JOINTS


numbers = st.sampled_from(["float32", "float64", "int64", "bool"])


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_any_numbers_make_the_round_trip_bit_by_bit(tmp_path_factory, data):
    widths = data.draw(st.lists(st.tuples(numbers, st.integers(1, 4)), min_size=1, max_size=3))
    features = {f"column.{i}": Feature(dtype=dtype, shape=(width,)) for i, (dtype, width) in enumerate(widths)}
    lengths = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=3))
    episodes = [
        {
            name: data.draw(
                arrays(f.dtype, (rows, f.width), elements={"min_value": -(2.0**100), "max_value": 2.0**100})
                if f.dtype.startswith("float")
                else arrays(f.dtype, (rows, f.width))
            )
            for name, f in features.items()
        }
        for rows in lengths
    ]
    root = tmp_path_factory.mktemp("any") / "ds"
    with writer(root, features=features) as target:
        for episode in episodes:
            target.add_episode(episode)
    dataset = Dataset(root)
    for index, episode in enumerate(episodes):
        found = dataset.episode(index)
        for name, values in episode.items():
            assert found[name].dtype == values.dtype
            assert np.array_equal(found[name].reshape(values.shape), values)


def test_the_same_episodes_give_the_same_content_digest(tmp_path):
    digests = {Dataset(write(tmp_path / name, [5, 6], cameras=True)).verify() for name in ("a", "b")}
    assert len(digests) == 1


def test_an_error_leaves_nothing(tmp_path):
    def two_episodes():
        with writer(tmp_path / "ds") as target:
            target.add_episode(columns(5))
            target.add_episode({"action": columns(5)["action"]})

    with pytest.raises(FeatureError):
        two_episodes()
    assert list(tmp_path.iterdir()) == []


def test_without_an_episode_there_is_no_dataset(tmp_path):
    with pytest.raises(EmptyError), writer(tmp_path / "ds"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_another_dataset_is_not_overwritten(tmp_path):
    write(tmp_path / "ds", [5])
    with pytest.raises(OccupiedError, match="Remove it"), writer(tmp_path / "ds"):
        pass
    assert Dataset(tmp_path / "ds").num_episodes == 1


def test_two_writers_of_one_dataset_do_not_mix(tmp_path):
    with writer(tmp_path / "ds") as first:
        with pytest.raises(BusyError), writer(tmp_path / "ds"):
            pass
        first.add_episode(columns(5))
    assert Dataset(tmp_path / "ds").num_episodes == 1


KILLED = """
import sys, time
from pathlib import Path
from physai.infrastructure.datasets import DatasetWriter
from physai.infrastructure.tests.datasets_samples import STATE_FEATURES, columns
with DatasetWriter(Path(sys.argv[1]), fps=20, features=STATE_FEATURES, robot="arm", task="Reach") as writer:
    writer.add_episode(columns(5))
    print("half way", flush=True)
    time.sleep(60)
"""


def test_a_killed_writer_leaves_nothing_whole_and_the_next_one_sweeps_up(tmp_path):
    root = tmp_path / "ds"
    with subprocess.Popen([sys.executable, "-c", KILLED, root], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half way\n"
        os.kill(process.pid, signal.SIGKILL)
    assert not root.exists()
    assert [path.name for path in tmp_path.iterdir()] == [".ds.part"]
    write(root, [3])
    assert Dataset(root).lengths == [3]
    assert [path.name for path in tmp_path.iterdir()] == ["ds"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"action": np.zeros((5, 2), np.float32)}, r"shape \(2,\), the feature says \(3,\)"),
        ({"action": np.zeros((4, 3), np.float32)}, "4 rows, other columns have 5"),
        ({"action": np.full((5, 3), np.nan, np.float32)}, "row 0 is not finite"),
        ({"action": np.zeros((5, 3), np.complex64)}, "complex64"),
        ({"torque": np.zeros((5, 3), np.float32)}, "not among the features"),
    ],
)
def test_values_that_do_not_fit_are_refused_by_name(tmp_path, change, message):
    with pytest.raises(FeatureError, match=message), writer(tmp_path / "ds") as target:
        target.add_episode({**columns(5), **change})


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        ({"index": vector(["i"])}, "fills this column itself"),
        ({"a/b": vector(["i"])}, "must not contain '/'"),
        ({"label": Feature(dtype="string", shape=(1,))}, "cannot be stored"),
        ({"matrix": Feature(dtype="float32", shape=(2, 3))}, "no vector"),
        ({"depth": Feature(dtype="video", shape=(64, 64, 1))}, "no RGB frame"),
    ],
)
def test_features_that_cannot_be_stored_are_refused_by_name(tmp_path, feature, message):
    with pytest.raises(FeatureError, match=message):
        writer(tmp_path / "ds", features=feature)


def test_frames_must_be_as_many_as_rows(tmp_path):
    features = {**STATE_FEATURES, CAMERA: camera(64, 64)}
    with pytest.raises(FeatureError, match="4 frames for 5 rows"), writer(tmp_path / "ds", features=features) as target:
        target.add_episode(columns(5), {CAMERA: frames(4)})


def test_sources_are_given_for_all_episodes_or_for_none(tmp_path):
    with writer(tmp_path / "ds") as target:
        target.add_episode(columns(5), source=source(0))
        with pytest.raises(FeatureError, match="source"):
            target.add_episode(columns(5))


def test_full_files_are_followed_by_the_next(tmp_path):
    rng = np.random.default_rng(0)
    features = {"noise": vector([f"n{i}" for i in range(100)], "float64"), CAMERA: camera(256, 256)}
    with writer(tmp_path / "ds", features=features, data_mb=1, video_mb=1) as target:
        for _ in range(3):  # 30 frames of noise are over 1 MB
            noise = rng.integers(0, 256, (30, 256, 256, 3), np.uint8)
            target.add_episode({"noise": rng.normal(size=(30, 100))}, {CAMERA: noise})
    dataset = Dataset(tmp_path / "ds")
    assert len(sorted((tmp_path / "ds/videos").rglob("*.mp4"))) == 3
    assert dataset.frames(2, CAMERA).shape[0] == 30
    with writer(tmp_path / "rows", features={"noise": features["noise"]}, data_mb=1) as target:
        for _ in range(3):  # 2000 rows x 100 columns x 8 bytes = 1.6 MB
            target.add_episode({"noise": rng.normal(size=(2000, 100))})
    files = sorted((tmp_path / "rows/data").rglob("*.parquet"))
    assert [pq.read_metadata(file).num_rows for file in files] == [2000, 2000, 2000]
    assert Dataset(tmp_path / "rows").episode(2)["index"][0] == 4000


def test_a_copied_episode_is_the_same_bit_by_bit(tmp_path):
    parent = Dataset(write(tmp_path / "parent", [7, 4, 6], cameras=True))
    with writer(tmp_path / "copy", features=parent.info.recorded) as target:
        target.add_parent(parent)
        for index in (2, 0):
            origin = source(index, source=parent.verify(), source_episode=index)
            target.copy_episode(parent, index, source=origin)
    copy = Dataset(tmp_path / "copy")
    assert copy.lengths == [6, 7]
    for index, original in enumerate((2, 0)):
        for name in STATE_FEATURES:
            assert copy.episode(index)[name].tobytes() == parent.episode(original)[name].tobytes()
        assert np.array_equal(copy.frames(index, CAMERA), parent.frames(original, CAMERA))
        for feature in (*STATE_FEATURES, CAMERA):
            mine, theirs = copy.episode_stats(index, feature), parent.episode_stats(original, feature)
            assert mine is not None
            assert theirs is not None
            assert {name: value.tolist() for name, value in mine.items()} == {n: v.tolist() for n, v in theirs.items()}
    assert copy.required_provenance.parents == (parent.verify(),)
    assert copy.ancestors == {parent.verify(): parent.provenance}


def test_each_episode_keeps_its_task(tmp_path):
    with writer(tmp_path / "ds") as target:
        target.add_episode(columns(3), task="Lift")
        target.add_episode(columns(3))
        target.add_episode(columns(3), task="Lift")
    dataset = Dataset(tmp_path / "ds")
    assert dataset.tasks == ["Lift", "Reach", "Lift"]
    assert [int(dataset.episode(i)["task_index"][0]) for i in range(3)] == [0, 1, 0]


def test_a_full_disk_leaves_nothing(tmp_path):
    script = KILLED.replace("time.sleep(60)", "writer.add_episode(columns(300_000))").replace(
        "import sys, time", "import sys, resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))"
    )
    result = subprocess.run([sys.executable, "-c", script, tmp_path / "ds"], capture_output=True, text=True)
    assert result.returncode == 1
    assert "OSError" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_splits_are_given_as_counts(tmp_path):
    with writer(tmp_path / "ds") as target:
        for _ in range(3):
            target.add_episode(columns(5))
        target.splits = {"train": 2, "heldout": 1, "unused": 0}
    dataset = Dataset(tmp_path / "ds")
    assert dataset.splits == {"train": range(2), "heldout": range(2, 3)}
