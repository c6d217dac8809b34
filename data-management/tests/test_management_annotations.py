"""The store of labels: what is said stays said, of the same episode."""

import itertools
import json
import shutil
import subprocess
import sys
import threading

import pytest
from typer.testing import CliRunner

from physai.data_management.annotations import Annotations, Change, Moved, folded
from physai.data_management.errors import AnnotationError, NoAnnotationError, NothingSaidError
from physai.data_management.journal import TakenBack
from physai.infrastructure.datasets import ANNOTATIONS, Dataset
from physai.infrastructure.datasets.errors import EpisodeIndexError
from physai.infrastructure.tests.datasets_samples import write


@pytest.fixture
def dataset(tmp_path):
    return Dataset(write(tmp_path / "ds", [6, 7, 8]))


def test_a_store_that_nobody_wrote_to_is_empty_and_stays_absent(dataset):
    store = Annotations(dataset)
    assert store.entries() == []
    assert store.marks(0).labels == ()
    assert not (dataset.root / ANNOTATIONS).exists()


def test_what_was_said_is_read_with_author_and_time(dataset):
    store = Annotations(dataset)
    store.add(1, "label", "slips", author="ada")
    store.add(1, "label", "slips", author="bob")
    store.add(1, "category", "pick", author="ada")
    store.add(1, "subtask", "lift", rows=(3, 7), author="ada")
    store.add(1, "subtask", "reach", rows=(0, 3), author="ada")
    store.add(1, "comment", "Too slow.", author="bob")
    marks = Annotations(Dataset(dataset.root)).marks(1)
    assert (marks.labels, marks.category) == (("slips",), "pick")
    assert [(mark.value, mark.from_row, mark.to_row) for mark in marks.subtasks] == [("reach", 0, 3), ("lift", 3, 7)]
    assert [(comment.author, comment.at.utcoffset().total_seconds()) for comment in marks.comments] == [("bob", 0)]
    assert store.marks(0) == store.all_marks()[0] != store.all_marks()[1] == marks


def test_a_new_rating_replaces_the_old_one_and_history_knows_both(dataset):
    store = Annotations(dataset)
    store.add(0, "rating", "2", author="ada")
    store.add(0, "rating", "5", author="bob")
    assert store.marks(0).rating == 5
    assert [(a.value, a.removed_by) for a in store.entries(0, history=True)] == [("2", "bob"), ("5", None)]


def test_a_label_is_taken_off_once(dataset):
    store = Annotations(dataset)
    store.add(2, "label", "blurred")
    store.remove_label(2, "blurred")
    assert store.marks(2).labels == ()
    with pytest.raises(NoAnnotationError, match="label 'blurred' on episode 2"):
        store.remove_label(2, "blurred")
    with pytest.raises(NoAnnotationError, match="annotation 9 on episode 2"):
        store.remove(2, "9")


def test_what_is_taken_back_is_said_of_that_episode_and_what_it_had_replaced_holds_again(dataset):
    store = Annotations(dataset)
    store.add(0, "review", "accept", author="ada")
    store.add(0, "review", "reject", author="bob")
    decision = store.marks(0).decision
    with pytest.raises(NoAnnotationError, match=f"annotation {decision.id} on episode 1"):
        store.remove(1, decision.id)
    store.remove(0, decision.id, author="ada")
    assert (store.marks(0).review, store.marks(0).decision.author) == ("accept", "ada")


def test_labels_do_not_make_another_dataset(dataset):
    before = dataset.verify()
    Annotations(dataset).add(0, "label", "good")
    assert Dataset(dataset.root).verify() == before


@pytest.mark.parametrize(
    ("kind", "value", "rows"),
    [
        ("rating", "6", None),
        ("review", "maybe", None),
        ("label", " ", None),
        ("comment", "x" * 2001, None),
        ("subtask", "lift", None),
        ("subtask", "lift", (4, 9)),
        ("subtask", "lift", (3, 3)),
        ("label", "good", (0, 3)),
    ],
)
def test_what_cannot_be_said_is_refused(dataset, kind, value, rows):
    with pytest.raises(AnnotationError):
        Annotations(dataset).add(0, kind, value, rows=rows)
    assert Annotations(dataset).entries() == []


def test_an_episode_that_is_not_there_is_refused(dataset):
    with pytest.raises(EpisodeIndexError, match="no episode 3"):
        Annotations(dataset).add(3, "label", "good")


def test_a_file_that_is_none_of_ours_is_named(dataset):
    (dataset.root / ANNOTATIONS).mkdir()
    (dataset.root / ANNOTATIONS / "20260101T000000000000Z-00.jsonl").write_text("not what was said\n")
    with pytest.raises(AnnotationError, match=r"20260101T000000000000Z-00\.jsonl: Invalid JSON"):
        Annotations(dataset).entries()


def test_writers_at_once_are_all_heard(dataset):
    def write_labels(author):
        for number in range(20):
            Annotations(dataset).add(0, "label", f"{author}-{number}", author=author)

    assert len(dataset.keys) == 3  # cached before threads share it
    threads = [threading.Thread(target=write_labels, args=[author]) for author in ("ada", "bob", "eve")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Annotations(dataset).marks(0).labels) == 60


def test_annotations_follow_an_episode_and_its_cut(dataset, tmp_path):
    store = Annotations(dataset)
    store.add(0, "label", "good", author="ada")
    store.add(0, "rating", "3", author="ada")
    store.add(0, "rating", "4", author="bob")
    store.add(0, "subtask", "reach", rows=(0, 2), author="ada")
    store.add(0, "subtask", "lift", rows=(1, 5), author="ada")
    other = Annotations(Dataset(write(tmp_path / "other", [3])))
    other.carry(store, {dataset.keys[0]: [Moved(key=other._dataset.keys[0], from_row=2, to_row=5)]})
    marks = other.marks(0)
    assert (marks.labels, marks.rating) == (("good",), 4)
    assert [(a.value, a.from_row, a.to_row) for a in marks.subtasks] == [("lift", 0, 3)]  # 1..5 cut to 2..5
    assert [a.removed_by for a in other.entries(0, history=True) if a.kind == "rating"] == ["bob", None]


def test_the_key_of_an_episode_is_that_of_its_content(dataset, tmp_path):
    again = Dataset(write(tmp_path / "again", [7, 8], first_seed=1))
    assert again.keys == dataset.keys[1:]
    assert len(set(dataset.keys)) == 3


def test_a_dataset_without_statistics_still_has_keys(dataset):
    import pyarrow.parquet as pq

    path = dataset.root / "meta/episodes/chunk-000/file-000.parquet"
    table = pq.read_table(path)
    pq.write_table(table.select([n for n in table.column_names if not n.startswith("stats/")]), path)
    assert len(set(Dataset(dataset.root).keys)) == 3


WRITER = """
import sys
from pathlib import Path
from physai.data_management.annotations import Annotations
from physai.data_management.journal import TakenBack
from physai.infrastructure.datasets import ANNOTATIONS, Dataset
store = Annotations(Dataset(Path(sys.argv[1])))
for number in range(10_000):
    store.add(0, "label", f"label {number}")
    print(number, flush=True)
"""


def test_a_kill_loses_nothing_that_was_acknowledged(dataset):
    with subprocess.Popen([sys.executable, "-c", WRITER, str(dataset.root)], stdout=subprocess.PIPE) as process:
        for _ in range(20):
            process.stdout.readline()
        process.kill()
        rest = process.stdout.read().split()
    labels = Annotations(dataset).marks(0).labels
    assert len(labels) - (20 + len(rest)) in (0, 1)  # one may be written and not yet acknowledged
    assert [name for name in labels if name != f"label {labels.index(name)}"] == []


def test_what_was_said_adds_up_to_the_same_in_any_order(dataset):
    """Two people at once: of two ratings the later one holds, a label both gave is one, a removal takes its own."""
    store = Annotations(dataset)
    for author, rating in (("ada", "2"), ("bob", "5")):
        store.add(0, "rating", rating, author=author)
    lines = store.journal.lines()
    first = lines[0]
    lines += [
        first.model_copy(update={"id": f"label-{author}", "kind": "label", "value": "slips", "author": author})
        for author in ("ada", "bob")
    ]
    lines.append(TakenBack(id="label-ada", author="eve", at=first.at))
    for order in itertools.permutations(lines):
        found = folded(order)
        assert [(a.value, a.removed_by) for a in found] == [
            ("2", "bob"),
            ("slips", "eve"),
            ("slips", None),
            ("5", None),
        ]


def test_what_two_copies_of_a_dataset_were_told_is_joined(dataset, tmp_path):
    Annotations(dataset).add(0, "label", "before", author="ada")
    shutil.copytree(dataset.root, tmp_path / "copy")
    here, there = Annotations(dataset), Annotations(Dataset(tmp_path / "copy"))
    here.add(0, "label", "here", author="ada")
    there.add(0, "label", "there", author="bob")
    there.remove_label(0, "before", author="bob")
    here.adopt(there)
    assert set(here.marks(0).labels) == {"here", "there"}
    files = here.journal.names()
    here.adopt(there)
    assert here.journal.names() == files  # nothing was new


def test_undo_takes_back_what_one_person_said_at_once_and_no_more(dataset):
    store = Annotations(dataset)
    store.add(0, "review", "accept", author="ada")
    store.add(1, "label", "slips", author="bob")
    store.change(
        [Change(e, "review", "reject") for e in (0, 1, 2)] + [Change(1, "label", "slips", off=True)], author="bob"
    )
    store.add(2, "label", "seen", author="ada")
    done = store.undo(author="bob")
    assert (done.author, done.episodes, done.lines) == ("bob", (0, 1, 2), 4)
    assert [marks.review for marks in store.all_marks()] == ["accept", None, None]
    assert store.marks(0).decision.author == "ada"  # who had said it
    assert [marks.labels for marks in store.all_marks()] == [(), ("slips",), ("seen",)]
    assert {a.removed_by for a in store.entries(history=True) if a.value == "reject"} == {"bob"}
    assert store.undo(author="bob").episodes == (1,)  # one act further back
    assert store.marks(1).labels == ()
    with pytest.raises(NothingSaidError, match="bob has said nothing here that is not undone"):
        store.undo(author="bob")


def test_what_was_undone_stays_undone_in_an_edited_dataset_and_in_a_copy(dataset, tmp_path):
    shutil.copytree(dataset.root, tmp_path / "copy")
    store = Annotations(dataset)
    store.add(0, "review", "accept", author="ada")
    store.add(0, "review", "reject", author="bob")
    store.undo(author="bob")
    copy, cut = Annotations(Dataset(tmp_path / "copy")), Annotations(Dataset(write(tmp_path / "cut", [3])))
    copy.adopt(store)
    cut.carry(store, {dataset.keys[0]: [Moved(key=cut._dataset.keys[0], to_row=3)]})
    for other in (copy, cut):
        assert (other.marks(0).review, other.marks(0).decision.author) == ("accept", "ada")
        assert other.undo(author="ada").episodes == (0,)  # an act is one wherever it was carried
        assert other.marks(0).review is None


def test_the_command_undoes_what_was_said_and_leaves_the_edits(dataset):
    from physai.data_management.tools.cli import app

    root = str(dataset.root)
    run = CliRunner().invoke
    assert run(app, ["label", root, "--episodes", "0:", "--review", "reject", "--author", "ada"]).exit_code == 0
    said = json.loads(run(app, ["undo", root, "--said", "--author", "ada", "--json"]).stdout)
    assert (said["author"], said["episodes"]) == ("ada", [0, 1, 2])
    assert [marks.review for marks in Annotations(dataset).all_marks()] == [None] * 3
    assert run(app, ["undo", root, "--said", "--list"]).exit_code == 2


def test_many_episodes_are_labelled_in_one_file(dataset):
    store = Annotations(dataset)
    store.change([Change(episode, "label", "batch") for episode in range(3)] + [Change(0, "label", "batch")])
    assert len(store.journal.names()) == 1
    assert [marks.labels for marks in store.all_marks()] == [("batch",)] * 3
    with pytest.raises(AnnotationError):
        store.change([Change(0, "label", "fine"), Change(1, "rating", "9")])
    assert store.marks(0).labels == ("batch",)  # all, or none
