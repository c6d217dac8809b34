import errno
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physai.infrastructure.contracts import digest_bytes, digest_file
from physai.infrastructure.errors import MissingFileError
from physai.infrastructure.storage import DamagedError, MissingKeyError
from physai.infrastructure.storage.concurrent import each
from physai.infrastructure.storage.errors import NoNewNameError, NotAFolderError, TakenKeyError
from physai.infrastructure.storage.folder import FolderStore
from physai.infrastructure.storage.receive import receive

ABC = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # NIST's test vector for "abc"


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def everything(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_what_is_put_comes_back_with_its_digest(store: FolderStore, tmp_path: Path) -> None:
    assert store.put(write(tmp_path / "a", b"abc"), "reach/a") == ABC
    assert store.get("reach/a", tmp_path / "b" / "c") == ABC
    assert (tmp_path / "b" / "c").read_bytes() == b"abc"
    assert store.digest("reach/a") == ABC
    assert store.exists("reach/a")


@given(content=st.binary(max_size=200), there=st.binary(max_size=200))
def test_a_download_goes_on_from_any_piece_and_is_never_wrong(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, there: bytes
) -> None:
    folder = tmp_path_factory.mktemp("receive")
    digest = digest_bytes(content)
    write(folder / f".f.{digest[7:23]}.part", there)
    receive(folder / "f", "here", len(content), digest, lambda offset: iter([content[offset:]]))
    assert everything(folder) == {"f": content}


def test_a_download_reads_only_what_it_lacks(tmp_path: Path) -> None:
    digest = digest_bytes(b"0123456789")
    write(tmp_path / f".f.{digest[7:23]}.part", b"0123")
    offsets = []

    def read(offset: int) -> list[bytes]:
        offsets.append(offset)
        return [b"0123456789"[offset:]]

    receive(tmp_path / "f", "here", 10, digest, lambda offset: iter(read(offset)))
    assert offsets == [4]


def test_a_download_that_breaks_off_is_kept_for_the_next_one_and_not_seen(tmp_path: Path) -> None:
    def broken(offset: int):
        yield b"0123"
        raise RuntimeError("the line went dead")

    with pytest.raises(RuntimeError):
        receive(tmp_path / "f", "here", 10, digest_bytes(b"0123456789"), broken)
    assert not (tmp_path / "f").exists()
    receive(tmp_path / "f", "here", 10, digest_bytes(b"0123456789"), lambda offset: iter([b"0123456789"[offset:]]))
    assert everything(tmp_path) == {"f": b"0123456789"}


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    def full(offset: int):
        yield b"0123"
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        receive(tmp_path / "f", "here", 10, digest_bytes(b"0123456789"), full)
    assert everything(tmp_path) == {}


def test_many_who_fetch_one_damaged_file_at_once_are_each_told_so(tmp_path: Path) -> None:
    def fetch(_turn: int) -> None:
        for _ in range(300):
            with pytest.raises(DamagedError):
                receive(tmp_path / "f", "here", 1, digest_bytes(b"a"), lambda _offset: iter([b"b"]))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(fetch, range(8)))
    assert everything(tmp_path) == {}


def test_a_full_disk_during_a_put_leaves_the_old_file(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(write(tmp_path / "a", b"old"), "a")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.put(write(tmp_path / "a", b"new"), "a")
    assert everything(store.root) == {"a": b"old"}


def test_wrong_bytes_are_refused_and_the_old_file_stays(store: FolderStore, tmp_path: Path) -> None:
    store.put(write(tmp_path / "a", b"abc"), "a")
    old = write(tmp_path / "old", b"old")
    with pytest.raises(DamagedError, match=f"expected {digest_bytes(b'abd')}, got {ABC}"):
        store.get("a", old, digest_bytes(b"abd"))
    assert old.read_bytes() == b"old"
    assert not list(tmp_path.glob(".*.part"))


def test_a_file_that_is_right_already_is_not_written_again(store: FolderStore, tmp_path: Path) -> None:
    store.put(write(tmp_path / "a", b"abc"), "a")
    before = store._path("a").stat().st_mtime_ns
    store.put(tmp_path / "a", "a")
    assert store._path("a").stat().st_mtime_ns == before
    store.get("a", tmp_path / "b")
    before = (tmp_path / "b").stat().st_mtime_ns
    store.get("a", tmp_path / "b")
    assert (tmp_path / "b").stat().st_mtime_ns == before


def test_many_downloads_of_one_file_at_once_all_succeed(store: FolderStore, tmp_path: Path) -> None:
    store.put(write(tmp_path / "a", b"x" * 3_000_000), "a")
    each(lambda _: store.get("a", tmp_path / "b"), range(16), 8)
    assert digest_file(tmp_path / "b") == digest_file(tmp_path / "a")
    assert not list(tmp_path.glob(".*.part"))


def test_a_missing_file_is_named(store: FolderStore, tmp_path: Path) -> None:
    with pytest.raises(MissingKeyError, match="no file 'reach/a'"):
        store.get("reach/a", tmp_path / "x")
    with pytest.raises(MissingKeyError):
        store.digest("reach/a")
    with pytest.raises(MissingFileError):
        store.put(tmp_path / "nothing", "a")
    with pytest.raises(MissingFileError):
        store.put(tmp_path, "a")
    with pytest.raises(NotAFolderError):
        store.sync_up(tmp_path / "nothing")
    with pytest.raises(MissingKeyError):
        store.sync_down("nothing", tmp_path / "x")


def test_a_prefix_is_a_folder_and_not_the_start_of_a_name(store: FolderStore, tmp_path: Path) -> None:
    for key in ("lap-1/a", "lap-1/b/c", "lap-10/a", "top"):
        store.put(write(tmp_path / "a", key.encode()), key)
    write(store.root / "lap-1" / ".a.77.part", b"half")
    assert [stored.key for stored in store.list("lap-1")] == ["lap-1/a", "lap-1/b/c"]
    assert [stored.key for stored in store.list("lap-1/")] == ["lap-1/a", "lap-1/b/c"]
    assert [stored.key for stored in store.list()] == ["lap-1/a", "lap-1/b/c", "lap-10/a", "top"]
    assert store.list("lap") == ()


def test_a_deleted_file_is_gone_and_so_are_empty_folders(store: FolderStore, tmp_path: Path) -> None:
    store.put(write(tmp_path / "a", b"abc"), "deep/er/a")
    store.put(tmp_path / "a", "deep/b")
    store.delete("deep/er/a")
    store.delete("deep/er/a")
    assert not store.exists("deep/er/a")
    assert [path.name for path in (store.root / "deep").iterdir()] == ["b"]


def test_a_sync_copies_only_what_differs(store: FolderStore, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    write(folder / "meta" / "info.json", b"{}")
    write(folder / "data", b"abc")
    write(folder / ".half.1.part", b"not yet")
    first = store.sync_up(folder, "reach")
    assert (first.transferred, first.unchanged, first.size_bytes) == (("data", "meta/info.json"), 0, 5)
    write(folder / "data", b"abd")  # same size, other bytes
    told: list[tuple[str, bool]] = []
    second = store.sync_up(folder, "reach", tell=lambda key, moved: told.append((key, moved)))
    assert (second.transferred, second.unchanged, second.size_bytes) == (("data",), 1, 3)
    assert sorted(told) == [("data", True), ("meta/info.json", False)]

    write(tmp_path / "copy" / "data", b"abc")
    write(tmp_path / "copy" / "mine", b"mine")
    down = store.sync_down("reach", tmp_path / "copy")
    assert (down.transferred, down.unchanged) == (("data", "meta/info.json"), 0)
    assert everything(tmp_path / "copy") == {"data": b"abd", "meta/info.json": b"{}", "mine": b"mine"}
    assert store.sync_down("reach", tmp_path / "copy").transferred == ()


def test_the_first_failure_stops_the_rest() -> None:
    begun: list[int] = []
    gate = threading.Event()

    def work(item: int) -> int:
        begun.append(item)
        if item == 0:
            raise ValueError("item 0")
        gate.wait(0.05)
        return item

    with pytest.raises(ValueError, match="item 0"):
        each(work, range(200), 2)
    assert len(begun) < 200


def test_results_come_in_the_order_of_the_items() -> None:
    assert each(lambda item: item * 2, range(50), 7) == [2 * item for item in range(50)]
    assert each(lambda item: item, [], 7) == []


def test_a_file_is_created_once_and_never_replaced(store: FolderStore) -> None:
    assert store.create("said/a.json", b"one") == digest_bytes(b"one")
    assert store.create("said/a.json", b"one") == digest_bytes(b"one")  # the same again is fine
    with pytest.raises(TakenKeyError, match=r"'said/a\.json' is there already"):
        store.create("said/a.json", b"two")
    assert b"".join(store.read("said/a.json")) == b"one"
    assert [stored.key for stored in store.list("said")] == ["said/a.json"]
    assert [path.name for path in (store.root / "said").iterdir()] == ["a.json"]  # nothing is left aside


def no_links(path: Path, target: Path) -> None:
    raise PermissionError(errno.EPERM, "Operation not permitted", str(path))


def test_where_there_are_no_hard_links_a_file_is_created_by_a_rename(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "hardlink_to", no_links)
    test_a_file_is_created_once_and_never_replaced(store)
    store.delete("said/a.json")
    test_of_two_writers_of_one_name_one_is_refused(store)


def test_a_file_system_that_can_only_replace_is_refused(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "hardlink_to", no_links)
    monkeypatch.setattr("physai.infrastructure.storage.folder.rename_new", no_links)
    with pytest.raises(NoNewNameError, match=r"a\.json: cannot be written so that nothing is replaced here"):
        store.create("said/a.json", b"one")
    assert store.list() == ()


def test_of_two_writers_of_one_name_one_is_refused(store: FolderStore) -> None:
    def write(number: int) -> bool:
        try:
            store.create("said/a.json", str(number).encode())
        except TakenKeyError:
            return False
        return True

    assert sorted(each(write, range(16), 8)) == [False] * 15 + [True]


def test_a_sync_leaves_folders_out(store: FolderStore, tmp_path: Path) -> None:
    for key in ("d/meta/info.json", "d/meta/said/a.json", "d/meta/said-not/b.json"):
        store.create(key, b"x")
    found = store.sync_down("d/meta", tmp_path / "down", skip=["said"])
    assert found.transferred == ("info.json", "said-not/b.json")


def test_a_mirror_forgets_what_is_gone_from_the_store_and_else_files_are_left(tmp_path: Path) -> None:
    store, here = FolderStore(tmp_path / "store"), tmp_path / "here"
    for key in ("a/one", "a/two", "b/other"):
        store.create(key, b"x")
    store.sync_down("a", here)
    store.delete("a/two")
    (here / "mine").write_text("of this machine")
    store.sync_down("a", here)
    assert sorted(path.name for path in here.iterdir()) == ["mine", "one", "two"]
    store.sync_down("a", here, mirror=True)
    assert sorted(path.name for path in here.iterdir()) == ["one"]
