"""Ends of every kind, and what the next run makes of them."""

import errno
import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physai.infrastructure import contracts
from physai.infrastructure.jobs import BusyRunError, RunFolderError, RunResult, RunStateError, Status, run_workflow
from physai.infrastructure.jobs.book import Book
from physai.infrastructure.jobs.guard import kill_left
from physai.infrastructure.jobs.state import RunFolder, RunState, TaskRecord
from physai.infrastructure.settings import settings
from physai.infrastructure.tests.jobs_engine import EngineProcess, processes_of, until


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("PHYSAI_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield tmp_path / "home"
    settings.cache_clear()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        (tmp_path / "w.yaml").write_text(dedent(text))
        return tmp_path / "w.yaml"

    return write


CHAIN = """\
    workflow:
      name: chain
      tasks:
      - {name: a, image: i, command: [bash, -c, "echo {{ word }} > {{output}}/x; echo x >> %s/a"]}
      - name: b
        image: i
        command: [bash, -c, "cat {{input:0}}/x > {{output}}/x; echo x >> %s/b"]
        inputs: [{task: a}]
      - {name: c, image: i, command: [bash, -c, "echo alone > {{output}}/x; echo x >> %s/c"]}
    default-values: {word: one}
    """


@pytest.fixture
def chain(tmp_path: Path, write: Callable[[str], Path]) -> Callable[..., tuple[RunResult, str]]:
    """Runs three tasks; tells the result and which of them really ran this time."""
    starts = tmp_path / "starts"
    starts.mkdir()
    file = write(CHAIN.replace("%s", str(starts)))

    def run(**options: Any) -> tuple[RunResult, str]:
        for path in starts.iterdir():
            path.unlink()
        result = run_workflow(file, **options)
        return result, "".join(sorted(path.name for path in starts.iterdir()))

    return run


def test_a_second_run_starts_nothing(chain: Callable[..., tuple[RunResult, str]]) -> None:
    assert chain()[1] == "abc"
    result, ran = chain()
    assert (ran, result.up_to_date, result.status) == ("", True, Status.COMPLETED)


def test_a_new_value_redoes_what_depends_on_it(chain: Callable[..., tuple[RunResult, str]]) -> None:
    chain()
    result, ran = chain(values={"word": "two"})
    assert ran == "ab"
    assert (result.output("b") / "x").read_text() == "two\n"
    assert chain()[1] == "ab"  # back to the default
    assert chain()[1] == ""


def test_another_environment_redoes_everything(chain: Callable[..., tuple[RunResult, str]]) -> None:
    chain()
    assert chain(environment={"A": "1"})[1] == "abc"


def test_an_output_that_is_damaged_is_made_again_with_what_follows(chain: Callable[..., tuple[RunResult, str]]) -> None:
    result, _ = chain()
    (result.output("a") / "x").write_text("")
    assert chain()[1] == "ab"
    (result.output("b") / "x").unlink()
    assert chain()[1] == "b"


def test_a_completed_task_that_is_made_again_starts_in_an_empty_folder(write: Callable[[str], Path]) -> None:
    command = "mkdir {{output}}/made; echo x > {{output}}/made/x"
    file = write(f"workflow: {{name: w, tasks: [{{name: t, image: i, command: [bash, -c, '{command}']}}]}}")
    result = run_workflow(file)
    (result.output("t") / "made/x").unlink()
    assert run_workflow(file).status is Status.COMPLETED


def test_a_new_file_in_an_output_is_nobody_s_business(chain: Callable[..., tuple[RunResult, str]]) -> None:
    result, _ = chain()
    (result.output("a") / "cache").write_text("x")
    assert chain()[1] == ""


def test_a_script_that_an_argument_names_is_part_of_the_task(write: Callable[[str], Path], tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("print(1)")
    file = write(f"workflow: {{name: s, tasks: [{{name: t, image: i, command: [python3, '{script}']}}]}}")
    run_workflow(file)
    assert run_workflow(file).up_to_date
    script.write_text("print(2)")
    result = run_workflow(file)
    assert not result.up_to_date
    assert Path(result.tasks["t"].log).read_text() == "2\n"


def test_a_task_whose_input_was_away_for_a_while_starts_afresh(write: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/x").touch()
    url = (tmp_path / "data").as_uri()
    task = f"{{name: t, image: i, command: [mkdir, '{{{{output}}}}/made'], inputs: [{{url: '{url}'}}]}}"
    file = write(f"workflow: {{name: w, tasks: [{task}]}}")
    assert run_workflow(file).status is Status.COMPLETED
    (tmp_path / "data/x").rename(tmp_path / "away")
    assert run_workflow(file).tasks["t"].exit_code == 2010
    (tmp_path / "away").rename(tmp_path / "data/x")
    assert run_workflow(file).status is Status.COMPLETED


FAILS_ONCE = """\
    workflow:
      name: fails-once
      tasks:
      - name: t
        image: i
        command: [bash, -c]
        args: ["echo {{ word }} | tee -a {{output}}/steps; [ $(wc -l < {{output}}/steps) -gt 1 ]"]
    default-values: {word: step}
    """


def test_a_failed_task_finds_its_output_again_and_logs_go_on(write: Callable[[str], Path]) -> None:
    file = write(FAILS_ONCE)
    assert run_workflow(file).status is Status.FAILED
    result = run_workflow(file)
    assert result.status is Status.COMPLETED
    assert (result.output("t") / "steps").read_text() == "step\nstep\n"
    assert "=== attempt 1, " in Path(result.tasks["t"].log).read_text()


def test_a_failed_task_that_is_another_one_now_starts_afresh(write: Callable[[str], Path]) -> None:
    file = write(FAILS_ONCE)
    run_workflow(file)
    result = run_workflow(file, values={"word": "other"})
    assert result.status is Status.FAILED
    assert (result.output("t") / "steps").read_text() == "other\n"


def test_one_engine_at_a_time_works_in_a_run_folder(write: Callable[[str], Path], tmp_path: Path) -> None:
    file = write("workflow: {name: s, tasks: [{name: t, image: i, command: [sleep, 600]}]}")
    first = EngineProcess(file, tmp_path / "run")
    until(lambda: bool(processes_of(tmp_path / "run")), "the task starts")
    with pytest.raises(BusyRunError, match=rf"in use by process {first.process.pid}, since 20"):
        run_workflow(file, run_dir=tmp_path / "run")
    first.process.send_signal(signal.SIGINT)
    first.end()


def test_a_state_that_is_none_is_refused(write: Callable[[str], Path], tmp_path: Path) -> None:
    file = write("workflow: {name: s, tasks: [{name: t, image: i, command: [echo]}]}")
    (tmp_path / "run").mkdir()
    for content in ("", "{}", '{"kind": "workflow-run", "version": 2}', "\0\0"):
        (tmp_path / "run/state.json").write_text(content)
        with pytest.raises(RunStateError, match="Remove the file, and the run starts afresh"):
            run_workflow(file, run_dir=tmp_path / "run")


def test_a_full_disk_stops_the_run_in_one_line_and_the_next_one_continues(
    write: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write("""\
        workflow:
          name: full
          resources: {default: {cpu: 1}}
          tasks:
          - {name: quick, image: i, command: [bash, -c, "echo x > {{output}}/x"]}
          - {name: slow, image: i, command: [bash, -c, "sleep 0.5; echo x > {{output}}/x"]}
        """)
    run_dir = tmp_path / "run"

    def write_whole(path: Path, content: bytes) -> Path:
        if b'"COMPLETED"' in content:  # the first task is done, the second one runs
            raise OSError(errno.ENOSPC, "No space left on device")
        return contracts.write_whole(path, content)

    with monkeypatch.context() as full:
        full.setattr("physai.infrastructure.jobs.state.write_whole", write_whole)
        with pytest.raises(RunFolderError, match=r"state.json: cannot be written: No space left on device. Make room"):
            run_workflow(file, run_dir=run_dir)
    until(lambda: not processes_of(run_dir), "the kernel has ended every process")
    assert run_workflow(file, run_dir=run_dir).status is Status.COMPLETED


LONG = """\
    workflow:
      name: long
      resources: {default: {cpu: 1}}
      tasks:
      {%- for i in range(2) %}
      - name: t{{ i }}
        image: i
        command: [bash, -c]
        args:
        - |
          (while true; do date +%N > {{output}}/grandchild; sleep 0.01; done) &
          echo started
          wait
      {%- endfor %}
    """


def ticking(run_dir: Path) -> bool:
    return all((run_dir / f"outputs/t{i}/grandchild").exists() for i in range(2))


def still(run_dir: Path) -> bool:
    """Whether nothing writes any more."""
    ticks = [run_dir / f"outputs/t{i}/grandchild" for i in range(2)]
    before = [tick.read_bytes() for tick in ticks]
    time.sleep(0.2)
    return before == [tick.read_bytes() for tick in ticks]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_by_hand_leaves_no_process_and_a_run_that_continues(
    write: Callable[[str], Path], tmp_path: Path, number: signal.Signals
) -> None:
    engine = EngineProcess(write(LONG), tmp_path / "run")
    until(lambda: ticking(tmp_path / "run"), "both tasks work")
    engine.process.send_signal(number)
    code, _, err = engine.end()
    assert code == 130
    assert err.splitlines()[-1] == f"error: {tmp_path / 'run'}: stopped by hand. Run the command again: it continues."
    until(lambda: not processes_of(tmp_path / "run"), "the kernel has ended every process")
    state = RunFolder(tmp_path / "run").read()
    assert state is not None
    assert state.status is Status.FAILED_CANCELED
    assert {task.status for task in state.tasks.values()} == {Status.FAILED_CANCELED}


def test_a_signal_that_is_ignored_from_outside_stays_ignored(write: Callable[[str], Path], tmp_path: Path) -> None:
    file = write("workflow: {name: w, tasks: [{name: t, image: i, command: [bash, -c, 'kill -HUP $PPID; sleep 0.2']}]}")
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        assert run_workflow(file, run_dir=tmp_path / "run").status is Status.COMPLETED
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.timeout(60)
def test_a_second_ctrl_c_does_not_wait(
    write: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("physai.infrastructure.jobs.member.GRACE_S", 3600.0)  # longer than this test may last
    run_dir = tmp_path / "run"
    deaf = write(LONG.replace("(while true", "trap '' TERM; (while true"))

    def press_twice() -> None:
        until(lambda: ticking(run_dir), "both tasks work")
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.3)
        assert processes_of(run_dir) != []
        os.kill(os.getpid(), signal.SIGINT)

    hand = threading.Thread(target=press_twice)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        hand.start()
        assert run_workflow(deaf, run_dir=run_dir).status is Status.FAILED_CANCELED
        hand.join()
    finally:
        signal.signal(signal.SIGINT, before)
    until(lambda: not processes_of(run_dir), "the kernel has ended every process")


def test_a_killed_engine_leaves_nothing_that_writes(write: Callable[[str], Path], tmp_path: Path) -> None:
    engine = EngineProcess(write(LONG), tmp_path / "run")
    until(lambda: ticking(tmp_path / "run"), "both tasks work")
    engine.kill()
    until(lambda: still(tmp_path / "run"), "the guard ends the tasks")
    until(lambda: not processes_of(tmp_path / "run"), "the kernel has ended every process")


def test_a_new_engine_ends_what_the_guard_could_not(write: Callable[[str], Path], tmp_path: Path) -> None:
    # Processes that left their group, and a guard that is killed together with its engine.
    escaping = LONG.replace("(while true", "setsid bash -c 'while true").replace("; done) &", "; done' &")
    run_dir = tmp_path / "run"
    engine = EngineProcess(write(escaping), run_dir)
    until(lambda: ticking(run_dir), "both tasks work")
    for child in psutil.Process(engine.process.pid).children():
        if "guard.py" in " ".join(child.cmdline()):
            child.kill()
    engine.kill()
    assert processes_of(run_dir) != []
    orphans = {process.pid for process in processes_of(run_dir)}
    second = EngineProcess(tmp_path / "w.yaml", run_dir)
    until(lambda: not orphans & {process.pid for process in processes_of(run_dir)}, "the orphans are ended")
    second.process.send_signal(signal.SIGTERM)
    second.end()
    for process in processes_of(run_dir):  # what escaped from the second one, too
        process.kill()


STEPS = """\
    workflow:
      name: steps
      tasks:
      {%- for i in range(8) %}
      - name: t{{ i }}
        image: i
        command: [bash, -c]
        args:
        - |
          set -e
          for step in 1 2 3; do
            [ -e {{output}}/step$step ] || { sleep 0.03; echo t{{ i }} >> STARTS; echo $step > {{output}}/step$step; }
          done
          rm -f {{output}}/all
          {%- for j in inputs[i] %}
          cat {{ "{{input:" ~ loop.index0 ~ "}}" }}/all >> {{output}}/all
          {%- endfor %}
          echo t{{ i }} >> {{output}}/all
        inputs: [{%- for j in inputs[i] %}{task: t{{ j }}},{%- endfor %}]
      {%- endfor %}
    default-values:
      inputs: [[], [], [0], [0, 1], [2], [2, 3], [4, 5], [6]]
    """


def outputs(run_dir: Path) -> dict[str, str]:
    files = (run_dir / "outputs").rglob("*")
    return {str(path.relative_to(run_dir)): path.read_text() for path in files if path.is_file()}


def test_killed_at_random_moments_it_ends_as_if_never_killed(write: Callable[[str], Path], tmp_path: Path) -> None:
    reference = run_workflow(write(STEPS.replace("STARTS", f"{tmp_path}/none")), run_dir=tmp_path / "reference")
    assert reference.status is Status.COMPLETED
    file = write(STEPS.replace("STARTS", f"{tmp_path}/starts"))
    run_dir = tmp_path / "run"
    chance = random.Random(7)
    for _ in range(8):
        engine = EngineProcess(file, run_dir)
        until(run_dir.exists, "the engine begins")
        time.sleep(chance.uniform(0.0, 0.35))
        done = {name for name, task in tasks(run_dir).items() if task["result"]}
        results = {name: tasks(run_dir)[name]["result"] for name in done}
        engine.kill()
        assert all(tasks(run_dir)[name]["result"] == results[name] for name in done)
    code, out, err = EngineProcess(file, run_dir, "--json").end()
    assert code == 0, err
    assert json.loads(out)["status"] == "COMPLETED"
    assert outputs(run_dir) == outputs(tmp_path / "reference")
    # A step that was finished is never done twice: its file is written last.
    starts = (tmp_path / "starts").read_text().split()
    assert 24 <= len(starts) <= 24 + 8 * 2
    code, out, _ = EngineProcess(file, run_dir, "--json").end()
    assert json.loads(out)["up_to_date"] is True


def tasks(run_dir: Path) -> dict[str, Any]:
    state = RunFolder(run_dir).read()
    return json.loads(state.model_dump_json())["tasks"] if state else {}


def test_the_guard_kills_the_groups_that_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []

    def kill(group: int, number: int) -> None:
        if group == 30:
            raise ProcessLookupError
        if group == 40:
            raise PermissionError  # macOS, of a group of zombies
        killed.append(group)

    monkeypatch.setattr("os.killpg", kill)
    kill_left(["+a 10\n", "+b 20\n", "-a\n", "+c 30\n", "-never\n", "+d 40\n", "+e 50\n"])
    assert killed == [20, 50]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(Status), st.booleans()), max_size=20), st.integers(0))
def test_what_was_written_down_is_read_again_whatever_was_torn(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, Status, bool]], cut: int
) -> None:
    folder = RunFolder(tmp_path_factory.mktemp("run"))
    state = RunState(workflow="w", file="f", uuid="u", tasks=dict.fromkeys("abc", TaskRecord()))
    book = Book(folder, state, lambda event: None)
    book.save(Status.RUNNING)
    for task, status, whole in steps:
        book.change(task, status=status)
        book.save(Status.RUNNING if whole else None)
    assert folder.read() == book.state
    stale = folder.changes_file.read_bytes() if folder.changes_file.exists() else b""
    with folder.changes_file.open("ab") as file:  # a kill in the middle of a line
        file.write(b'{"revision":1,"task":"a","rec'[: cut % 30])
    assert folder.read() == book.state
    book.save(Status.COMPLETED)
    folder.changes_file.write_bytes(stale)  # a kill between the new state and the end of its old journal
    assert folder.read() == book.state


def test_a_journal_that_is_none_is_refused(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write(RunState(workflow="w", file="f", uuid="u"))
    folder.changes_file.write_text("[]\n")
    with pytest.raises(RunStateError, match=r"changes.jsonl: not the state of a workflow run"):
        folder.read()
