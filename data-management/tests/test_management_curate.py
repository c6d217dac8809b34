import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from physai.data_management.cli import app
from physai.data_management.errors import MergeError, MissingAncestorError, NothingLeftError
from physai.data_management.tools.curate import curate, located
from physai.data_management.tools.lineage import trace
from physai.data_management.tools.summary import summarise
from physai.data_management.tools.validate import Limits, validate
from physai.infrastructure.contracts import DatasetProvenance, digest_bytes
from physai.infrastructure.datasets import Dataset, publish
from physai.infrastructure.datasets.errors import ContentError
from physai.infrastructure.settings import settings
from physai.infrastructure.tests.datasets_samples import CAMERA, STATE_FEATURES, write

DATA = "data/chunk-000/file-000.parquet"


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    """The folder in which datasets are published."""
    monkeypatch.setenv("PHYSAI_STORAGE", (tmp_path / "store").as_uri())
    settings.cache_clear()
    yield tmp_path / "store"
    settings.cache_clear()


@pytest.fixture(scope="module")
def fit(tmp_path_factory):
    """Ten fit episodes with a camera."""
    return write(tmp_path_factory.mktemp("fit") / "ds", [12] * 10, cameras=True)


def damage(root, change):
    """Change the rows of a dataset, and make the provenance speak of the result."""
    table = pq.read_table(root / DATA)
    columns = {name: np.array(table[name].to_pylist()) for name in table.column_names}
    change(columns)
    arrays = [pa.array(columns[field.name].tolist(), field.type) for field in table.schema]
    pq.write_table(pa.Table.from_arrays(arrays, schema=table.schema), root / DATA)
    path = root / "meta/provenance.json"
    content = Dataset(root).content_digest()
    DatasetProvenance.read(path).model_copy(update={"content": content}).write(path)


def test_fit_episodes_are_split_published_and_traced(fit, tmp_path, store):
    report = curate([fit], tmp_path / "out", heldout=0.2)
    assert (report.train, report.heldout, report.rows, report.dropped) == (8, 2, 120, ())
    dataset = Dataset(tmp_path / "out")
    assert dataset.splits == {"train": range(8), "heldout": range(8, 10)}
    assert (store / report.content.replace(":", "-") / "meta/info.json").exists()
    parent = Dataset(fit)
    for index, source in enumerate(dataset.required_provenance.episodes):
        assert source.source == parent.verify()
        assert source.source_episode is not None
        original = parent.episode(source.source_episode)
        assert all(np.array_equal(dataset.episode(index)[name], original[name]) for name in STATE_FEATURES)
        assert np.array_equal(dataset.frames(index, CAMERA), parent.frames(source.source_episode, CAMERA))


def test_the_same_seed_gives_the_same_dataset(fit, tmp_path):
    contents = [curate([fit], tmp_path / name, seed=5).content for name in ("a", "b")]
    assert contents[0] == contents[1]


FAULTS = {
    "finite: action of row 3": lambda c: c["action"].__setitem__((3, 0), np.nan),
    "index: frame_index of row 0": lambda c: c["frame_index"].__setitem__(slice(0, 6), np.arange(1, 7)),
    "time: timestamp of row 5": lambda c: c["timestamp"].__setitem__(5, 0.3),
    "speed: observation.state: elbow jumps at row 3": lambda c: c["observation.state"].__setitem__((3, 1), 9.0),
    "frozen: observation.state: wrist": lambda c: c["observation.state"].__setitem__((slice(0, 6), 2), 0.5),
}


@pytest.mark.parametrize("reason", FAULTS)
def test_an_unfit_episode_is_dropped_with_its_reason(tmp_path, reason):
    root = write(tmp_path / "ds", [6, 7, 8])
    damage(root, FAULTS[reason])
    report = curate([root], tmp_path / "out", heldout=0)
    assert report.train == 2
    assert [(d.source_episode, d.reason.startswith(reason)) for d in report.dropped] == [(0, True)]
    assert Dataset(tmp_path / "out").lengths == [7, 8]
    assert Dataset(tmp_path / "out").required_provenance.dropped == report.dropped


@pytest.mark.parametrize("outcome", ["failure", "interrupted"])
def test_episodes_that_did_not_succeed_are_dropped(tmp_path, outcome):
    root = write(tmp_path / "ds", [6, 7], outcome=outcome)
    with pytest.raises(NothingLeftError, match=f"none of 2 episodes is fit, the first because: outcome: .* {outcome}"):
        curate([root], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_datasets_are_merged_by_path_and_by_digest(tmp_path):
    first = write(tmp_path / "first", [6] * 5, world="nominal")
    second = write(tmp_path / "second", [7] * 4, first_seed=5, world="worn-drives")
    digest = publish(second)
    shutil.rmtree(second)
    with located([str(first), digest], tmp_path / "out") as sources:
        report = curate(sources, tmp_path / "out", heldout=0.2)
    assert (report.train, report.heldout, report.rows) == (7, 2, 5 * 6 + 4 * 7)
    assert report.parents == (Dataset(first).verify(), digest)
    held = [Dataset(tmp_path / "out").required_provenance.episodes[index].world for index in (7, 8)]
    assert held == ["nominal", "worn-drives"]
    assert not list(tmp_path.glob(".*"))


def test_an_episode_that_is_in_both_datasets_is_taken_once(tmp_path):
    first = write(tmp_path / "first", [6] * 4)
    curate([first], tmp_path / "child", heldout=0.25)
    report = curate([tmp_path / "child", first], tmp_path / "out", heldout=0.25)
    assert (report.train, report.heldout, len(report.dropped)) == (3, 1, 4)
    assert all(dropped.reason.startswith("duplicate: ") for dropped in report.dropped)


def test_what_was_held_out_once_is_never_trained_on(tmp_path):
    first = curate([write(tmp_path / "first", [6] * 5)], tmp_path / "lap-1", heldout=0.2)
    lap_1 = trace(str(tmp_path / "lap-1"))
    curate([write(tmp_path / "new", [6] * 5, first_seed=5), tmp_path / "lap-1"], tmp_path / "lap-2", heldout=0.2)
    lap_2 = trace(str(tmp_path / "lap-2"))
    held_1 = {episode.raw for episode in lap_1.episodes if episode.episode >= first.train}
    held_2 = {episode.raw for episode in lap_2.episodes if episode.episode >= 8}
    assert held_1 < held_2


@pytest.mark.parametrize(
    ("other", "message"), [({"fps": 25}, "fps is 25, in the first dataset 20"), ({"cameras": True}, CAMERA)]
)
def test_datasets_that_do_not_fit_together_are_refused(tmp_path, other, message):
    first, second = write(tmp_path / "first", [6] * 3), write(tmp_path / "second", [6] * 3, **other)
    with pytest.raises(MergeError, match=message):
        curate([first, second], tmp_path / "out")


def test_a_dataset_that_changed_is_refused(fit, tmp_path):
    root = Path(shutil.copytree(fit, tmp_path / "ds"))
    (root / "meta/stats.json").write_text("{}")
    with pytest.raises(ContentError):
        curate([root], tmp_path / "out")


def test_a_dataset_made_elsewhere_is_curated_and_its_lineage_begins_with_it(tmp_path):
    root = write(tmp_path / "ds", [6] * 3)
    (root / "meta/provenance.json").unlink()
    report = curate([root], tmp_path / "out", heldout=0)
    assert report.parents == (Dataset(root).content_digest(),)
    found = trace(str(tmp_path / "out"))
    assert [episode.raw for episode in found.episodes] == Dataset(root).keys
    assert {episode.world for episode in found.episodes} == {"unknown"}


def test_lineage_goes_back_to_the_recordings(tmp_path):
    root = write(tmp_path / "ds", [6] * 3)
    curate([root], tmp_path / "child", heldout=0)
    digest = curate([tmp_path / "child"], tmp_path / "grandchild", heldout=0).content
    shutil.rmtree(root)
    shutil.rmtree(tmp_path / "child")
    for name in (str(tmp_path / "grandchild"), digest):
        found = trace(name)
        assert [len(found.datasets), len(found.episodes)] == [3, 3]
        assert [step.episode for step in found.episodes[1].steps] == [1, 1, 1]
        assert found.episodes[1].raw == digest_bytes(b"recording 1")


def test_a_broken_lineage_is_named(tmp_path):
    curate([write(tmp_path / "ds", [6] * 3)], tmp_path / "child", heldout=0)
    shutil.rmtree(tmp_path / "child/meta/ancestors")
    with pytest.raises(MissingAncestorError):
        trace(str(tmp_path / "child"))


def test_a_dataset_is_validated_whole(fit, tmp_path):
    assert validate(fit, Limits()).passed
    root = write(tmp_path / "ds", [6, 7])
    damage(root, FAULTS["finite: action of row 3"])
    report = validate(root, Limits())
    assert [(f.episode, f.defect) for f in report.findings if f.severity == "fail"] == [(0, "finite")]


def test_a_summary_counts(fit):
    summary = summarise(fit)
    assert (summary.episodes, summary.rows, summary.rate_hz) == (10, 120, 20)
    assert summary.worlds == {"nominal": 10}
    assert summary.outcomes == {"success": 10}


def test_commands_answer_with_an_exit_code(fit, tmp_path):
    run = CliRunner().invoke
    assert run(app, ["dataset", "validate", str(fit), "--json"]).exit_code == 0
    bad = write(tmp_path / "bad", [6, 7], outcome="failure")
    result = run(app, ["dataset", "validate", str(bad), "--json"])
    assert result.exit_code == 0  # a failure is no defect of the dataset
    assert [finding["defect"] for finding in json.loads(result.stdout)["findings"]] == ["outcome", "outcome"]
    damage(bad, FAULTS["finite: action of row 3"])
    page = tmp_path / "validation.html"
    assert run(app, ["dataset", "validate", str(bad), "--html", str(page)]).exit_code == 1
    assert "action of row 3 is not finite" in page.read_text()
    arguments = ["dataset", "curate", str(fit), "--output", str(tmp_path / "out"), "--json"]
    content = json.loads(run(app, arguments).stdout)["content"]
    assert json.loads(run(app, ["dataset", "info", str(tmp_path / "out"), "--json"]).stdout)["content"] == content
    assert json.loads(run(app, ["dataset", "lineage", content, "--json"]).stdout)["dataset"] == content
    assert run(app, ["dataset", "publish", str(tmp_path / "out")]).stdout.strip() == content
    assert run(app, ["dataset", "fetch", content, "--output", str(tmp_path / "fetched")]).exit_code == 0
    assert run(app, ["dataset", "fetch", "latest", "--output", str(tmp_path / "fetched")]).exit_code == 2
    assert run(app, ["dataset", "curate", str(fit), "--output", str(tmp_path / "x"), "--heldout", "1"]).exit_code == 2
