"""Edits keep every row and frame that they do not leave out, say where everything came from, and can be undone."""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from physai.data_management.annotations import Annotations
from physai.data_management.errors import EmptyResultError, MergeError, NothingToUndoError, SelectionError
from physai.data_management.tools import edit, versions
from physai.data_management.tools.lineage import trace
from physai.infrastructure.contracts import digest_tree
from physai.infrastructure.datasets import Dataset, DatasetWriter, depth_camera, vector
from physai.infrastructure.datasets.info import NOT_CONTENT
from physai.infrastructure.datasets.stats import column_stats
from physai.infrastructure.tests.datasets_samples import CAMERA, FPS, STATE_FEATURES, write

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
        for name in dataset.info.columns:
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


def h264(root, *, gop, bframes):
    """The same pictures as another encoder writes them: long groups of pictures, frames that refer to later ones."""
    frames = Dataset(root).frames
    pictures = np.concatenate([frames(i, CAMERA) for i in range(len(LENGTHS))])
    with av.open(str(root / VIDEO), "w") as container:
        stream = container.add_stream("libx264", 20, options={"g": str(gop), "bf": str(bframes), "sc_threshold": "0"})
        stream.height, stream.width, stream.pix_fmt = 64, 64, "yuv420p"
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    content = json.loads((root / "meta/info.json").read_text())
    content["features"][CAMERA]["info"] |= {"video.codec": "h264"}
    (root / "meta/info.json").write_text(json.dumps(content))
    (root / "meta/provenance.json").unlink()
    return root


@pytest.mark.parametrize(("gop", "bframes"), [(4, 0), (4, 2), (250, 0), (250, 3)])
def test_videos_of_other_encoders_are_cut_to_the_same_pictures(originals, tmp_path, gop, bframes):
    root = h264(copy_of(originals[0], tmp_path), gop=gop, bframes=bframes)
    before = Dataset(root)
    report = edit.trim(root, {1: (2, 7), 3: (0, 4)}, output=tmp_path / "out")
    kept = edit.keep(tmp_path / "out", [1, 2, 3], output=tmp_path / "kept")
    assert 0 < report.encoded_frames <= sum(LENGTHS)
    assert kept.episodes == 3
    after = Dataset(tmp_path / "kept")
    for new, (old, first, last) in enumerate([(1, 2, 7), (2, 0, 15), (3, 0, 4)]):
        off = np.abs(after.frames(new, CAMERA).astype(int) - before.frames(old, CAMERA)[first:last])
        assert off.mean() < 3


def test_depth_is_cut_without_loss_wherever_the_cut_falls(tmp_path):
    distances = np.random.default_rng(0).integers(100, 9_000, (2, 9, 32, 32, 1), np.uint16)
    features = {"action": vector(["a"]), "observation.images.depth": depth_camera(32, 32, "mm")}
    with DatasetWriter(tmp_path / "ds", fps=FPS, features=features, robot="arm", task="Reach") as writer:
        for frames in distances:
            writer.add_episode({"action": np.zeros((9, 1), np.float32)}, {"observation.images.depth": frames})
    report = edit.trim(tmp_path / "ds", {0: (1, 6), 1: (2, 9)}, output=tmp_path / "out")
    before, after = Dataset(tmp_path / "ds"), Dataset(tmp_path / "out")
    assert report.encoded_frames > 0
    for episode, (first, last) in {0: (1, 6), 1: (2, 9)}.items():
        wanted = before.depth(episode, "observation.images.depth")[first:last]
        assert np.array_equal(after.depth(episode, "observation.images.depth"), wanted)


def test_files_that_stay_whole_are_linked(originals, tmp_path):
    edit.merge(originals, tmp_path / "out")
    linked = [(tmp_path / "out" / VIDEO.replace("file-000", name)).stat().st_ino for name in ("file-000", "file-001")]
    assert linked == [(root / VIDEO).stat().st_ino for root in originals]


def test_full_data_files_that_stay_as_they_are_are_linked_and_the_rest_is_moved(tmp_path):
    values = np.random.default_rng(0).normal(size=(5, 30_000, 12)).astype(np.float32)  # 1.4 MB an episode
    features = {"action": vector([f"joint_{number}" for number in range(12)])}
    with DatasetWriter(tmp_path / "ds", fps=FPS, features=features, robot="arm", task="Reach", data_mb=1) as writer:
        for episode in values:
            writer.add_episode({"action": episode})
    report = edit.delete(tmp_path / "ds", [3], output=tmp_path / "out")
    before, after = Dataset(tmp_path / "ds"), Dataset(tmp_path / "out")
    same = [before.data_file(i).stat().st_ino == after.data_file(i).stat().st_ino for i in range(4)]
    assert same == [True, True, True, False]
    assert report.rows == 4 * 30_000
    assert all(np.array_equal(after.episode(new)["action"], values[old]) for new, old in enumerate([0, 1, 2, 4]))
    assert after.episode(3)["index"].tolist() == list(range(90_000, 120_000))


def test_an_edit_names_its_author_and_says_how_far_it_is(originals, tmp_path):
    told = []
    edit.trim(originals[0], {0: (1, 4)}, output=tmp_path / "out", author="ada", progress=lambda *s: told.append(s))
    assert trace(str(tmp_path / "out")).datasets[0].edit.author == "ada"
    steps = 2 * len(LENGTHS)  # rows and one camera
    assert (told[0], told[-1]) == ((0, steps), (steps, steps))
    assert told == sorted(told)


def test_a_killed_edit_is_settled_by_the_next(originals, tmp_path, monkeypatch):
    root = copy_of(originals[0], tmp_path)
    whole = bytes_of(root)
    exchange = versions._exchange

    def killed(*folders):
        raise KeyboardInterrupt

    monkeypatch.setattr(versions, "_exchange", killed)  # before the exchange: nothing has changed
    with pytest.raises(KeyboardInterrupt):
        edit.delete(root, [0])
    assert bytes_of(root) == whole
    assert versions.undo_points(root) == []

    def killed_after(*folders):
        exchange(*folders)
        raise KeyboardInterrupt

    monkeypatch.setattr(versions, "_exchange", killed_after)  # after it: the edit is in place, and can be undone
    with pytest.raises(KeyboardInterrupt):
        edit.delete(root, [0])
    assert Dataset(root).num_episodes == len(LENGTHS) - 1
    monkeypatch.setattr(versions, "_exchange", exchange)
    versions.undo(root)
    assert bytes_of(root) == whole
    assert [path.name for path in (tmp_path / ".ds.undo").iterdir()] == ["lock"]


def test_undo_points_are_listed_and_forgotten(originals, tmp_path):
    root = copy_of(originals[0], tmp_path)
    edit.delete(root, [0], reason="blurred")
    edit.trim(root, {0: (0, 4)})
    assert [(point.undoes, point.episodes) for point in versions.undo_points(root)] == [("trim", 3), ("delete", 4)]
    dropped = trace(str(root)).datasets
    assert [ancestor.edit.operation if ancestor.edit else None for ancestor in dropped] == ["trim", "delete", None]
    assert versions.forget(root) == 2
    with pytest.raises(NothingToUndoError):
        versions.undo(root)


def test_what_cannot_be_edited_is_refused_and_nothing_changes(originals, tmp_path):
    root = copy_of(originals[0], tmp_path)
    whole = bytes_of(root)
    with pytest.raises(EmptyResultError):
        edit.delete(root, range(len(LENGTHS)))
    with pytest.raises(SelectionError, match="episodes 0 to 3"):
        edit.delete(root, [4])
    with pytest.raises(SelectionError, match="episode 1 has rows 0:9"):
        edit.trim(root, {1: (4, 10)})
    with pytest.raises(SelectionError, match="add up to 1"):
        edit.split(root, ["a=0.9", "b=0.2"], tmp_path / "parts")
    with pytest.raises(MergeError):
        edit.merge([root, write(tmp_path / "plain", [5])], tmp_path / "merged")
    assert bytes_of(root) == whole
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith(".")) == ["ds", "plain"]
