import pytest

from physai.infrastructure.aside import OccupiedError
from physai.infrastructure.datasets import ANNOTATIONS, Dataset, fetch, fetch_provenance, is_digest, publish
from physai.infrastructure.datasets.errors import ContentError, NotPublishedError
from physai.infrastructure.settings import settings
from physai.infrastructure.tests.datasets_samples import write

UNKNOWN = "sha256:" + "0" * 64


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    """The folder in which datasets are published."""
    monkeypatch.setenv("PHYSAI_STORAGE", (tmp_path / "store").as_uri())
    settings.cache_clear()
    yield tmp_path / "store"
    settings.cache_clear()


def test_a_published_dataset_is_fetched_by_its_digest(tmp_path):
    digest = publish(write(tmp_path / "ds", [5, 4], cameras=True))
    fetched = Dataset(fetch(digest, tmp_path / "fetched"))
    assert fetched.verify() == digest == Dataset(tmp_path / "ds").required_provenance.content
    assert fetched.provenance == Dataset(tmp_path / "ds").provenance


def test_publishing_and_fetching_twice_is_once(tmp_path):
    digest = publish(write(tmp_path / "ds", [5]))
    assert publish(tmp_path / "ds") == digest
    assert fetch(digest, tmp_path / "fetched") == fetch(digest, tmp_path / "fetched")


def test_what_was_said_since_is_added_to_a_published_dataset(tmp_path):
    """Here one thing is said, and in the store another: both are fetched."""
    digest = publish(write(tmp_path / "ds", [5]))
    for name in ("here", "there"):
        folder = (
            tmp_path / "ds" / ANNOTATIONS
            if name == "here"
            else tmp_path / "store" / digest.replace(":", "-") / ANNOTATIONS
        )
        folder.mkdir(parents=True)
        (folder / f"{name}.jsonl").write_text("{}")
    assert publish(tmp_path / "ds") == digest
    fetched = fetch(digest, tmp_path / "fetched")
    assert sorted(path.name for path in (fetched / ANNOTATIONS).iterdir()) == ["here.jsonl", "there.jsonl"]


def test_a_digest_that_was_not_published_is_named(tmp_path):
    with pytest.raises(NotPublishedError, match=UNKNOWN):
        fetch(UNKNOWN, tmp_path / "fetched")
    assert not (tmp_path / "fetched").exists()


def test_a_dataset_whose_upload_was_cut_off_is_not_seen(tmp_path, store):
    digest = publish(write(tmp_path / "ds", [5]))
    next(store.glob("*/meta/provenance.json")).unlink()
    with pytest.raises(NotPublishedError):
        fetch(digest, tmp_path / "fetched")


def test_publishing_again_finishes_an_upload_that_was_cut_off(tmp_path, store):
    digest = publish(write(tmp_path / "ds", [5], cameras=True))
    for left_out in ("meta/provenance.json", "meta/stats.json"):
        next(store.glob(f"*/{left_out}")).unlink()
    there = {path: path.stat().st_mtime_ns for path in store.rglob("*") if path.is_file()}
    assert publish(tmp_path / "ds") == digest
    assert {path: path.stat().st_mtime_ns for path in there} == there  # nothing was sent twice
    assert Dataset(fetch(digest, tmp_path / "fetched")).verify() == digest
    assert publish(tmp_path / "ds") == digest
    assert fetch(digest, tmp_path / "fetched").exists()


def test_bytes_that_changed_in_the_store_are_refused(tmp_path, store):
    digest = publish(write(tmp_path / "ds", [5]))
    next(store.glob("*/meta/stats.json")).write_text("{}")
    with pytest.raises(ContentError):
        fetch(digest, tmp_path / "fetched")
    assert not (tmp_path / "fetched").exists()


def test_a_dataset_that_changed_since_it_was_written_is_not_published(tmp_path, store):
    root = write(tmp_path / "ds", [5])
    (root / "meta/stats.json").write_text("{}")
    with pytest.raises(ContentError):
        publish(root)
    assert not store.exists()


def test_another_folder_is_not_overwritten(tmp_path):
    digest = publish(write(tmp_path / "ds", [5]))
    other = write(tmp_path / "other", [6])
    with pytest.raises(OccupiedError):
        fetch(digest, other)
    assert Dataset(other).lengths == [6]


def test_provenance_is_fetched_without_the_data(tmp_path):
    digest = publish(write(tmp_path / "ds", [5]))
    provenance, ancestors = fetch_provenance(digest, tmp_path / "meta-only")
    assert (provenance.content, ancestors) == (digest, {})
    assert not (tmp_path / "meta-only/data").exists()


@pytest.mark.parametrize(("text", "told"), [(UNKNOWN, True), ("sha256:12", False), ("out/dataset", False)])
def test_digests_are_told_from_paths(text, told):
    assert is_digest(text) is told
