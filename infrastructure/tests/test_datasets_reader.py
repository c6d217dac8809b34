import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from physai.infrastructure.contracts import ContractError
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.datasets.errors import (
    ContentError,
    CountError,
    EpisodeIndexError,
    FeatureError,
    InfoError,
    ProvenanceError,
    TornFileError,
    VersionError,
)
from physai.infrastructure.errors import MissingFileError, PhysaiError
from physai.infrastructure.tests.datasets_samples import CAMERA, write

DATA = "data/chunk-000/file-000.parquet"
EPISODES = "meta/episodes/chunk-000/file-000.parquet"
VIDEO = f"videos/{CAMERA}/chunk-000/file-000.mp4"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return write(tmp_path_factory.mktemp("whole") / "ds", [5, 4], cameras=True)


@pytest.fixture
def root(whole, tmp_path):
    """A copy to damage."""
    return Path(shutil.copytree(whole, tmp_path / "ds"))


def change_info(root, **changes):
    path = root / "meta/info.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_folder_that_is_no_dataset_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"meta/info\.json: no LeRobot dataset here"):
        Dataset(tmp_path)
    assert list(tmp_path.iterdir()) == []  # LeRobot's own loader makes the folder


def test_another_version_of_the_format_is_refused(root):
    change_info(root, codebase_version="v2.1")
    with pytest.raises(VersionError, match=r"'v2\.1', this reads v3\.0"):
        Dataset(root)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"codebase_version": "v3.0"}'])
def test_an_info_that_cannot_be_understood_is_named(root, text):
    (root / "meta/info.json").write_text(text)
    with pytest.raises((InfoError, VersionError), match=r"info\.json"):
        Dataset(root)


@pytest.mark.parametrize("file", [DATA, EPISODES, "meta/tasks.parquet", VIDEO])
@pytest.mark.parametrize("keep", [0, 100, -400])
def test_a_torn_file_is_named(root, file, keep):
    path = root / file
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises((TornFileError, CountError), match=Path(file).name):  # a torn MP4 may say it has no frames
        Dataset(root)


@pytest.mark.parametrize("file", [DATA, EPISODES, "meta/tasks.parquet", VIDEO])
def test_a_missing_file_is_named(root, file):
    (root / file).unlink()
    with pytest.raises(PhysaiError, match=file.partition("/")[0]):
        Dataset(root)


def test_fewer_rows_than_the_episodes_tell_are_counted(root):
    table = pq.read_table(root / DATA)
    pq.write_table(table.slice(0, 8), root / DATA)
    with pytest.raises(CountError, match="8 rows, expected 9"):
        Dataset(root)


def test_fewer_frames_than_rows_are_counted(root, tmp_path):
    other = write(tmp_path / "other", [5, 3], cameras=True)
    shutil.copy(other / VIDEO, root / VIDEO)
    with pytest.raises(CountError, match="8 frames, expected 9"):
        Dataset(root)


@pytest.mark.parametrize(("key", "message"), [("total_episodes", "3 episodes"), ("total_frames", "3 frames")])
def test_totals_that_are_not_true_are_counted(root, key, message):
    change_info(root, **{key: 3})
    with pytest.raises(CountError, match=message):
        Dataset(root)


def test_a_column_that_is_not_there_is_named(root):
    table = pq.read_table(root / DATA)
    pq.write_table(table.drop_columns(["action"]), root / DATA)
    with pytest.raises(FeatureError, match="'action'"):
        Dataset(root)


@pytest.mark.parametrize("text", ["0:9", "2:1", "all", ":2"])
def test_a_split_that_is_no_range_is_named(root, text):
    change_info(root, splits={"train": text})
    with pytest.raises(InfoError, match=r"splits\.train"):
        _ = Dataset(root).splits


def test_an_episode_that_does_not_exist_is_named(whole):
    with pytest.raises(EpisodeIndexError, match=r"no episode 2\. It has episodes 0 to 1"):
        Dataset(whole).episode(2)


def test_a_camera_that_does_not_exist_is_named(whole):
    with pytest.raises(FeatureError, match=f"Cameras: {CAMERA}"):
        Dataset(whole).frames(0, "observation.images.wrist")


def test_changed_bytes_are_not_the_content_of_the_provenance(root):
    (root / "meta/stats.json").write_text("{}")
    with pytest.raises(ContentError):
        Dataset(root).verify()


def test_a_provenance_that_is_missing_or_broken_is_named(root):
    (root / "meta/provenance.json").write_text("{}")
    with pytest.raises(ContractError, match="dataset-provenance"):
        _ = Dataset(root).provenance
    (root / "meta/provenance.json").unlink()
    with pytest.raises(ProvenanceError, match=r"no meta/provenance\.json"):
        _ = Dataset(root).required_provenance
