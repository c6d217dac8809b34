"""A v2.1 dataset becomes a v3.0 one: the same rows, the same frames."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from physai.data_management.cli import app
from physai.data_management.errors import NotConvertibleError
from physai.data_management.tools.checks import Limits
from physai.data_management.tools.convert import convert
from physai.data_management.tools.validate import validate
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.datasets.errors import TornFileError
from physai.infrastructure.datasets.video import VideoFile
from physai.infrastructure.errors import MissingFileError
from physai.infrastructure.tests.datasets_samples import CAMERA, STATE_FEATURES, write

LENGTHS = [9, 12]


@pytest.fixture
def old(tmp_path):
    """The format before v3.0: one file per episode, metadata in lines. Source: lerobot 0.3, `datasets/utils.py`."""
    new = Dataset(write(tmp_path / "new", LENGTHS, cameras=True))
    root = tmp_path / "old"
    for folder in ("meta", "data/chunk-000", f"videos/chunk-000/{CAMERA}"):
        (root / folder).mkdir(parents=True)
    for index in range(new.num_episodes):
        pq.write_table(new.rows(index), root / f"data/chunk-000/episode_{index:06d}.parquet")
        with VideoFile(root / f"videos/chunk-000/{CAMERA}/episode_{index:06d}.mp4", new.fps) as file:
            path, start = new.clip(index, CAMERA)
            file.append(path, start, LENGTHS[index])
    info = json.loads((new.root / "meta/info.json").read_text()) | {
        "codebase_version": "v2.1",
        "data_path": "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
        "video_path": "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4",
    }
    (root / "meta/info.json").write_text(json.dumps(info))
    lines = {
        "episodes": [{"episode_index": i, "tasks": ["Reach"], "length": n} for i, n in enumerate(LENGTHS)],
        "tasks": [{"task_index": 0, "task": "Reach"}],
        "episodes_stats": [{"episode_index": i, "stats": {}} for i in range(2)],
    }
    for name, content in lines.items():
        (root / f"meta/{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in content))
    return root, new


def test_rows_and_frames_are_the_same(old, tmp_path):
    root, new = old
    convert(root, tmp_path / "out")
    made = Dataset(tmp_path / "out")
    assert made.lengths == LENGTHS
    for index in range(2):
        assert all(np.array_equal(made.episode(index)[name], new.episode(index)[name]) for name in STATE_FEATURES)
        assert np.array_equal(made.frames(index, CAMERA), new.frames(index, CAMERA))
    assert validate(tmp_path / "out", Limits()).findings == ()


def test_another_version_and_a_missing_file_are_refused(old, tmp_path):
    root, new = old
    with pytest.raises(NotConvertibleError, match=r"codebase_version is 'v3.0'"):
        convert(new.root, tmp_path / "out")
    (root / "data/chunk-000/episode_000001.parquet").unlink()
    with pytest.raises(MissingFileError, match="episode_000001"):
        convert(root, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_converts(old, tmp_path):
    words = ["dataset", "convert", str(old[0]), "--output", str(tmp_path / "out"), "--json"]
    assert json.loads(CliRunner().invoke(app, words).stdout)["episodes"] == 2


def test_torn_rows_are_named(old, tmp_path):
    path = old[0] / "data/chunk-000/episode_000000.parquet"
    path.write_bytes(path.read_bytes()[:200])
    result = CliRunner().invoke(app, ["dataset", "convert", str(old[0]), "--output", str(tmp_path / "out")])
    assert "episode_000000.parquet" in str(result.exception)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("info.json", "{]"),
        ("info.json", "[1]"),
        ("info.json", '{"codebase_version": "v2.1"}'),
        ("info.json", None),
        ("episodes.jsonl", '{"length": 9}'),
        ("episodes.jsonl", "[1]"),
        ("tasks.jsonl", '{"task_index": 4, "task": "Lift"}'),
    ],
)
def test_metadata_that_is_not_as_it_should_be_is_named(old, tmp_path, file, text):
    path = old[0] / "meta" / file
    info = json.loads((old[0] / "meta/info.json").read_text())
    path.write_text(text or json.dumps(info | {"data_path": "data/{nowhere}.parquet"}))
    with pytest.raises(TornFileError, match=file):
        convert(old[0], tmp_path / "out")
