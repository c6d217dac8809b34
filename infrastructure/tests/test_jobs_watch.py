"""Tasks that take too much of the machine."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from physai.infrastructure.jobs import Event, Note, Status, run_workflow, watch
from physai.infrastructure.jobs.state import RunFolder
from physai.infrastructure.jobs.watch import memory_of, shorten
from physai.infrastructure.settings import settings

HUNGRY = "import time; held = bytearray(80 * 2**20); time.sleep({sleep}); print(len(held))"


@pytest.fixture(autouse=True)
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PHYSAI_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(watch, "PERIOD_S", 0.05)
    settings.cache_clear()
    yield
    settings.cache_clear()


def workflow(folder: Path, sleep: float, memory: str = "40Mi") -> Path:
    path = folder / "w.yaml"
    path.write_text(
        dedent(f"""\
        workflow:
          name: hungry
          resources: {{default: {{memory: {memory}}}}}
          tasks:
          - {{name: eat, image: i, command: [{sys.executable}, -c, "{HUNGRY.format(sleep=sleep)}"]}}
        """)
    )
    return path


def test_a_task_that_takes_more_memory_than_it_asks_for_is_told(tmp_path: Path) -> None:
    events: list[Event] = []
    result = run_workflow(workflow(tmp_path, 1), run_dir=tmp_path / "run", on_event=events.append)
    assert result.status is Status.COMPLETED
    notes = [event.text for event in events if isinstance(event, Note) and "'eat' used" in event.text]
    assert len(notes) == 1
    assert "and asks for 0.04 Gi. On a cluster it would be ended" in notes[0]
    state = RunFolder(tmp_path / "run").read()
    assert state is not None
    assert (state.tasks["eat"].peak_memory_bytes or 0) > 80 * 2**20


def test_a_limit_ends_it_as_a_cluster_does(tmp_path: Path) -> None:
    result = run_workflow(workflow(tmp_path, 600), run_dir=tmp_path / "run", limit_memory=True)
    task = result.tasks["eat"]
    assert (task.status, task.exit_code) == (Status.FAILED, 137)  # 128 + SIGKILL
    assert task.reason.endswith("Gi of memory and asks for 0.04 Gi")


def test_enough_memory_is_no_matter(tmp_path: Path) -> None:
    result = run_workflow(workflow(tmp_path, 0.3, "1Gi"), run_dir=tmp_path / "run", limit_memory=True)
    assert result.status is Status.COMPLETED


def test_memory_is_that_of_living_processes() -> None:
    assert memory_of(os.getpid()) > 2**20
    assert memory_of(2**22 + 1) == 0


def test_a_log_that_grows_too_large_keeps_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "KEPT_BYTES", 1000)
    path = tmp_path / "w.yaml"
    path.write_text(
        "workflow:\n  name: loud\n  tasks:\n"
        "  - {name: shout, image: i, command: [bash, -c, 'for i in $(seq 1 4000); do echo line $i; done; sleep 0.5; "
        "echo the end']}\n"
    )
    result = run_workflow(path, run_dir=tmp_path / "run", log_bytes=5000)
    log = Path(result.tasks["shout"].log).read_text()
    assert len(log) < 5000
    assert log.startswith("=== ")
    assert "bytes left out: a log is at most 5000 bytes" in log
    assert log.endswith("line 4000\nthe end\n")


def test_a_log_of_moderate_size_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    shorten(log, 10)
    assert not log.exists()
    log.write_text("0123456789")
    shorten(log, 10)
    assert log.read_text() == "0123456789"
