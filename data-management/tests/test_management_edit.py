"""Edits keep every row and frame that they do not leave out, say where everything came from, and can be undone."""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from physai.data_management.annotations import Annotations
from physai.data_management.tools import edit, versions
from physai.data_management.tools.lineage import trace
from physai.infrastructure.contracts import digest_tree
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.datasets.info import NOT_CONTENT
from physai.infrastructure.datasets.stats import column_stats
from physai.infrastructure.tests.datasets_samples import CAMERA, STATE_FEATURES, write

LENGTHS = [12, 9, 15, 10]
VIDEO = f"videos/{CAMERA}/chunk-000/file-000.mp4"

pytestmark = pytest.mark.filterwarnings("ignore")  # LeRobot, datasets and torchvision warn when imported


@pytest.fixture(scope="module")
def lerobot(tmp_path_factory):
    """LeRobot's own loader, offline."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("HF_HOME", str(tmp_path_factory.mktemp("hf")))
        patch.setenv("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
        from lerobot.datasets.lerobot_dataset import LeRobotDataset

        yield LeRobotDataset


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """Two datasets with a camera; nobody writes into them."""
    folder = tmp_path_factory.mktemp("originals")
    return [
        write(folder / "a", LENGTHS, cameras=True),
        write(folder / "b", [8, 11], cameras=True, first_seed=len(LENGTHS)),
    ]


@dataclass(frozen=True)
class Expected:
    """What an episode must be: rows of one of the originals."""

    origin: Path
    episode: int
    first: int
    last: int
    labels: frozenset[str] = frozenset()


def copy_of(root, tmp_path):
    return Path(shutil.copytree(root, tmp_path / "ds"))


def expected_of(root):
    return [Expected(root, i, 0, rows) for i, rows in enumerate(Dataset(root).lengths)]


def assert_is(root, expected, encoded):
    """The dataset at `root` holds exactly these rows and frames; at most `encoded` frames were encoded again."""
    dataset = Dataset(root)
    assert dataset.lengths == [e.last - e.first for e in expected]
    descents = trace(str(root)).episodes
    differing = 0
    for index, e in enumerate(expected):
        origin = Dataset(e.origin)
        rows, original = dataset.episode(index), origin.episode(e.episode)
        for name in STATE_FEATURES:
            assert rows[name].tobytes() == original[name][e.first : e.last].tobytes()
            stats = dataset.episode_stats(index, name)
            for part, value in column_stats(rows[name]).items():
                np.testing.assert_array_equal(stats[part], value)
        assert rows["frame_index"].tolist() == list(range(e.last - e.first))
        frames = dataset.frames(index, CAMERA).astype(int)
        wanted = origin.frames(e.episode, CAMERA)[e.first : e.last]
        off = np.abs(frames - wanted).reshape(len(frames), -1)
        differing += int((off.max(axis=1) > 0).sum())
        assert off.mean() < 3  # also a frame that was encoded again is that frame
        assert descents[index].raw == origin.required_provenance.episodes[e.episode].source
        whole = (e.first, e.last) == (0, origin.lengths[e.episode])
        assert descents[index].rows == (None if whole else (e.first, e.last))
        assert set(Annotations(dataset).marks(index).labels) == e.labels
    assert differing <= encoded
    values = np.concatenate([dataset.episode(i)["action"] for i in range(dataset.num_episodes)])
    stored = json.loads((root / "meta/stats.json").read_text())["action"]
    np.testing.assert_allclose(stored["mean"], values.mean(axis=0, dtype=np.float64), rtol=1e-9)
    np.testing.assert_allclose(stored["std"], values.astype(np.float64).std(axis=0), rtol=1e-9)
    assert stored["count"] == [len(values)]


def assert_loads(lerobot, root):
    """LeRobot's loader gives every row, and every frame of the first and last row of each episode."""
    loaded, mine = lerobot("local/any", root=root, video_backend="pyav"), Dataset(root)
    assert (len(loaded), loaded.meta.total_episodes) == (mine.info.total_frames, mine.num_episodes)
    for index in range(mine.num_episodes):
        rows, frames = mine.episode(index), mine.frames(index, CAMERA)
        for row in (0, mine.lengths[index] - 1):
            item = loaded[mine.first_row(index) + row]
            assert (int(item["episode_index"]), int(item["frame_index"])) == (index, row)
            assert np.array_equal(item["action"].numpy(), rows["action"][row])
            image = np.rint(item[CAMERA].numpy().transpose(1, 2, 0) * 255)
            assert np.abs(image - frames[row]).max() <= 1


def bytes_of(root):
    return digest_tree(root, NOT_CONTENT - {"meta/provenance.json"})


OPERATIONS = ("delete", "keep", "trim", "merge", "split", "label", "undo")


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_any_sequence_of_edits_keeps_what_it_should(lerobot, originals, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("edits")
    root, expected, encoded = copy_of(originals[0], folder), expected_of(originals[0]), 0
    expected = [replace(e) for e in expected]
    past = []  # (bytes, expected, encoded) of each undo point
    for number, operation in enumerate(data.draw(st.lists(st.sampled_from(OPERATIONS), min_size=3, max_size=7))):
        indices = st.sets(st.integers(0, len(expected) - 1), min_size=1, max_size=max(len(expected) - 1, 1))
        before = (bytes_of(root), expected, encoded)
        if operation in ("delete", "keep") and len(expected) > 1:
            chosen = data.draw(indices)
            report = getattr(edit, operation)(root, chosen)
            expected = [e for i, e in enumerate(expected) if (i in chosen) == (operation == "keep")]
            past.append(before)
            assert report.encoded_frames == 0
        elif operation == "trim":
            rows = {}
            for index in data.draw(indices):
                first = data.draw(st.integers(0, expected[index].last - expected[index].first - 1))
                rows[index] = (first, data.draw(st.integers(first + 1, expected[index].last - expected[index].first)))
            report = edit.trim(root, rows)
            assert report.encoded_frames <= len(rows)  # groups of pictures are of two frames
            encoded += report.encoded_frames
            for index, (first, last) in rows.items():
                e = expected[index]
                expected = [*expected]
                expected[index] = replace(e, first=e.first + first, last=e.first + last)
            past.append(before)
        elif operation == "merge":
            edit.merge([root, originals[1]], folder / f"merged-{number}")
            root, expected, past = folder / f"merged-{number}", expected + expected_of(originals[1]), []
        elif operation == "split" and len({(e.origin, e.episode) for e in expected}) > 1:
            reports = edit.split(root, ["one=0.5", "two=0.5"], folder / f"split-{number}", seed=number)
            assert sum(report.episodes for report in reports) == len(expected)
            steps = [e.steps[1].episode for e in trace(reports[0].dataset).episodes]
            root, expected, past = Path(reports[0].dataset), [expected[i] for i in steps], []
        elif operation == "label":
            index = data.draw(st.integers(0, len(expected) - 1))
            key = Dataset(root).keys[index]
            Annotations(Dataset(root)).add(index, "label", f"label {number}")
            twins = {i for i, k in enumerate(Dataset(root).keys) if k == key}
            added = [e.labels | ({f"label {number}"} if i in twins else set()) for i, e in enumerate(expected)]
            expected = [replace(e, labels=labels) for e, labels in zip(expected, added, strict=True)]
            past = [(b, _relabel(x, expected), n) for b, x, n in past]
        elif operation == "undo" and past:
            versions.undo(root)
            content, expected, encoded = past.pop()
            assert bytes_of(root) == content
        assert_is(root, expected, encoded)
    assert_loads(lerobot, root)


def _relabel(old, new):
    """Labels that whole episodes got since; a cut one is another episode, whose labels stay with it."""
    found = {(e.origin, e.episode, e.first, e.last): e.labels for e in new}
    return [replace(e, labels=found.get((e.origin, e.episode, e.first, e.last), e.labels)) for e in old]
