import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from physai.infrastructure.aside import BusyError, OccupiedError, is_aside, locked, part_of, whole_file, whole_folder


def test_a_folder_appears_at_the_end_of_the_block(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "made") as part:
        (part / "file").write_text("text")
        assert not (tmp_path / "made").exists()
        assert is_aside(part.name)
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
    assert (tmp_path / "made/file").read_text() == "text"


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    with whole_folder(tmp_path / "made") as part:
        (part / "file").write_text("text")
    assert (tmp_path / "made/file").exists()


@pytest.mark.parametrize("there", ["folder", "file"])
def test_what_is_there_is_left_alone(tmp_path: Path, there: str) -> None:
    if there == "folder":
        (tmp_path / "made").mkdir()
        (tmp_path / "made/mine").write_text("mine")
    else:
        (tmp_path / "made").write_text("mine")
    with pytest.raises(OccupiedError, match=r"made: exists already\. Remove it"), whole_folder(tmp_path / "made"):
        pytest.fail("was entered")
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def fail_after_writing(target: Path, *, keep: bool) -> None:
    with whole_folder(target, keep=keep) as part:
        (part / "file").write_text("half")
        raise KeyboardInterrupt


def test_an_exception_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fail_after_writing(tmp_path / "made", keep=False)
    assert list(tmp_path.iterdir()) == []


def test_what_is_kept_is_there_the_next_time(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fail_after_writing(tmp_path / "made", keep=True)
    assert not (tmp_path / "made").exists()
    with whole_folder(tmp_path / "made", keep=True) as part:
        assert (part / "file").read_text() == "half"
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_half_done_folders_of_other_content_are_told_apart(tmp_path: Path) -> None:
    assert part_of(tmp_path / "made", "9f86d0").name == ".made.9f86d0.part"
    with whole_folder(tmp_path / "made", mark="9f86d0") as part:
        assert part == part_of(tmp_path / "made", "9f86d0")


def test_one_process_at_a_time_has_it(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "made") as part:
        (part / "file").write_text("first")
        with pytest.raises(BusyError, match="another process is writing it"), whole_folder(tmp_path / "made"):
            pytest.fail("was entered")
    assert (tmp_path / "made/file").read_text() == "first"


def test_who_waits_for_the_same_folder_finds_it_done(tmp_path: Path) -> None:
    seen: list[str] = []

    def wait() -> None:
        try:
            with whole_folder(tmp_path / "made", wait=True):
                seen.append("entered")
        except OccupiedError:
            seen.append("done by another")

    with whole_folder(tmp_path / "made") as part:
        (part / "file").write_text("text")
        waiting = threading.Thread(target=wait)
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
    waiting.join()
    assert seen == ["done by another"]
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


KILLED = """
import sys, time
from pathlib import Path
from physai.infrastructure.aside import whole_folder
with whole_folder(Path(sys.argv[1]), keep=sys.argv[2] == "keep") as part:
    (part / "file").write_text("half")
    print("half way", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("kept", ["keep", "sweep"])
def test_a_killed_process_leaves_no_lock_and_nothing_that_looks_whole(tmp_path: Path, kept: str) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "made"), kept]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half way\n"
        os.kill(process.pid, signal.SIGKILL)
    assert not (tmp_path / "made").exists()
    with whole_folder(tmp_path / "made", keep=kept == "keep") as part:
        assert (part / "file").exists() == (kept == "keep")
        (part / "file").write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep/file"
    with whole_file(path) as part:
        part.write_text("old")

    def fail() -> None:
        with whole_file(path) as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_a_lock_waits_for_the_one_before(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with locked(tmp_path / "lock"):
            order.append("second")

    with locked(tmp_path / "lock"):
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.2)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]
