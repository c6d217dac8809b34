"""The commands, as people use them."""

import io
import json
import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from rich.console import Console

from physai.infrastructure import cli
from physai.infrastructure.jobs import RunStarted, Status, TaskChanged
from physai.infrastructure.jobs.logs import follow, last_line
from physai.infrastructure.jobs.state import RunFolder
from physai.infrastructure.jobs.view import Lines, duration
from physai.infrastructure.settings import settings
from physai.infrastructure.tests.jobs_engine import MAIN, EngineProcess, until

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def physai(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Runs `physai …` with its state in a folder of the test; gives exit code, stdout and stderr."""
    monkeypatch.setenv("PHYSAI_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    settings.cache_clear()

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["physai", *map(str, arguments)])
        with pytest.raises(SystemExit) as done:
            cli.main()
        said = capsys.readouterr()
        return int(done.value.code or 0), said.out, said.err

    yield run
    settings.cache_clear()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "w.yaml"
    path.write_text(
        dedent("""\
        workflow:
          name: two
          resources: {default: {cpu: 1, memory: 1Gi}}
          tasks:
          - {name: say, image: i, command: [bash, -c, "echo '{{ word }}' $WHO; exit {{ code }}"]}
          - {name: after, image: i, command: [echo, "{{input:0}}"], inputs: [{task: say}]}
        default-values: {word: hello, code: 0}
        """)
    )
    return path


def test_run_tells_each_change_on_stderr_and_the_result_on_stdout(physai: Run, file: Path, tmp_path: Path) -> None:
    code, out, err = physai("jobs", "run", file)
    assert code == 0
    lines = [line[9:] for line in err.splitlines()]
    assert lines[0] == f"two: 2 tasks in {tmp_path}/home/runs/two"
    assert lines[2:3] == ["say: running"]
    assert [line.partition(" after ")[0] for line in lines[3:]] == [
        "say: completed",
        "after: running",
        "after: completed",
        lines[-1],
    ]
    assert re.match(r"two: completed in [\d.]+ s: 2 of 2 tasks done", out)
    assert physai("jobs", "run", file)[1].startswith("two: all 2 tasks are up to date\n")


def test_run_as_json_prints_the_result_itself(physai: Run, file: Path) -> None:
    code, out, _ = physai("jobs", "run", file, "--json", "--set-string", "word=3", "--set-env", "WHO=me")
    result = json.loads(out)
    assert code == 0
    assert result["status"] == "COMPLETED"
    assert Path(result["tasks"]["say"]["log"]).read_text() == "3 me\n"


def test_a_failure_is_one_line_with_task_code_log_and_last_words(physai: Run, file: Path, tmp_path: Path) -> None:
    code, out, err = physai("jobs", "run", file, "--set", "code=3")
    log = tmp_path / "home/runs/two/logs/say.log"
    assert code == 1
    assert out.startswith("two: failed in ")
    assert err.splitlines()[-1] == (
        f"error: task 'say' failed: exit code 3. Last line: 'hello'. Log: {log}. "
        "Mend it and run the command again: it continues."
    )
    assert f"say: log {log}, last line: hello" in err
    assert "after: failed upstream ('say' failed)" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "nowhere.yaml"), "error: nowhere.yaml: there is no such file. Check the path."),
        (("run", "w.yaml", "--set", "word"), "error: --set word: not of the form name=value."),
        (("run", "w.yaml", "--set", "wrod=1"), "error: w.yaml: has no variable 'wrod'. Did you mean 'word'?"),
        (("run", "w.yaml", "--set-env", "=1"), "error: --set-env =1: not of the form name=value."),
        (("run", "w.yaml", "--run-dir", "w.yaml"), "/w.yaml: File exists."),
        (("show", "nowhere.yaml"), "error: nowhere.yaml: there is no such file."),
        (("status", "nothing"), "no run 'nothing'. Known: none. Start one with `physai jobs run`."),
        (("logs", "nothing", "say"), "no run 'nothing'."),
    ],
)
def test_bad_input_is_one_line_and_exit_code_1(physai: Run, file: Path, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = physai("jobs", *arguments)
    assert (code, out) == (1, "")
    assert said in err
    assert len(err.splitlines()) == 1


def test_misuse_is_exit_code_2(physai: Run, file: Path) -> None:
    assert physai("jobs", "run")[0] == 2
    assert physai("jobs", "run", file, "--sett", "a=1")[0] == 2


def test_validate_tells_every_problem_of_every_file(physai: Run, file: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(
        "workflow:\n  name: w\n  tasks:\n  - {name: a, image: i, command: [x], resource: r, args: ['{{input:0}}']}\n"
    )
    code, out, err = physai("jobs", "validate", file, broken, "nowhere.yaml")
    assert (code, out) == (1, "")
    assert [line.partition(": ")[0] for line in err.splitlines()] == [
        f"{broken}:4",
        f"{broken}:4",
        "nowhere.yaml",
        "2 of 3 files cannot be used",
    ]
    assert physai("jobs", "validate", file) == (0, "1 valid\n", "")
    assert json.loads(physai("jobs", "validate", file, "--json")[1]) == {
        "files": [{"file": str(file), "kind": "osmo", "problems": [], "notes": []}]
    }


def test_show_tells_order_shares_and_rendered_commands(physai: Run, file: Path) -> None:
    plan = json.loads(physai("jobs", "show", file, "--set", "word=hi", "--json")[1])
    assert [(task["task"], task["wave"], task["after"]) for task in plan["tasks"]] == [
        ("say", 0, []),
        ("after", 1, ["say"]),
    ]
    assert plan["tasks"][0]["command"] == ["bash", "-c", "echo 'hi' $WHO; exit 0"]
    assert plan["tasks"][1]["command"] == ["echo", "{{input:0}}"]
    assert plan["tasks"][0]["memory_bytes"] == 2**30
    code, out, err = physai("jobs", "show", file, "--set", "word=[/red]")
    assert code == 0
    assert "'[/red]'" in out  # not taken for markup
    assert err.startswith("note: tasks run as processes of this machine")


def test_status_and_logs_know_runs_by_name_and_by_folder(physai: Run, file: Path, tmp_path: Path) -> None:
    physai("jobs", "run", file)
    assert json.loads(physai("jobs", "status", "two", "--json")[1])["status"] == "COMPLETED"
    assert "completed" in physai("jobs", "status", tmp_path / "home/runs/two")[1]
    assert physai("jobs", "logs", "two", "say")[1] == "hello\n"
    assert physai("jobs", "logs", "two", "say", "--follow")[1] == "hello\n"
    code, _, err = physai("jobs", "logs", "two", "sya")
    assert (code, err) == (1, "error: run 'two': no task 'sya'. Did you mean 'say'? Known: after, say.\n")
    assert "no run 'tow'. Did you mean 'two'?" in physai("jobs", "status", "tow")[2]


def test_status_tells_that_an_engine_was_killed(physai: Run, tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text("workflow: {name: s, tasks: [{name: t, image: i, command: [sleep, 600]}]}")
    engine = EngineProcess(tmp_path / "w.yaml", tmp_path / "run")

    def running() -> bool:
        state = RunFolder(tmp_path / "run").read()
        return state is not None and state.tasks["t"].status is Status.RUNNING

    until(running, "the task starts")
    code, out, err = physai("jobs", "status", tmp_path / "run")
    assert (code, err) == (0, "")
    assert re.search(r"t +│ running +│ \d", out)
    engine.kill()
    code, out, err = physai("jobs", "status", tmp_path / "run")
    assert "interrupted" in out
    assert "its engine is gone: `physai jobs run" in err


def test_logs_can_be_followed_while_they_grow(tmp_path: Path) -> None:
    log, over = tmp_path / "x.log", threading.Event()
    pieces = follow(log, over.is_set, pause_s=0.01)
    log.write_text("one\n")
    assert next(pieces) == "one\n"
    log.write_text("one\ntwo\n")
    over.set()
    assert list(pieces) == ["two\n"]


def test_the_last_line_is_what_a_person_would_read(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    assert last_line(log) == ""
    log.write_bytes(b"first\nstep 1/9\rstep 2/9\r\x1b[32mstep 3/9\x1b[0m  \n\n\xff")
    assert last_line(log) == "\ufffd"
    log.write_bytes(b"first\nstep 1/9\rstep 2/9\r\x1b[32mstep 3/9\x1b[0m  \n\n")
    assert last_line(log) == "step 3/9"


def test_lines_tell_attempts_and_reasons() -> None:
    out = io.StringIO()
    lines = Lines(Console(file=out))
    lines(RunStarted("w", Path("/run"), ("t",), {"t": Path("/run/t.log")}))
    lines(TaskChanged("t", Status.RUNNING, attempt=2))
    lines(TaskChanged("t", Status.RUNNING, attempt=2, seconds=1.0))  # told already
    lines(TaskChanged("t", Status.FAILED_EXEC_TIMEOUT, attempt=2, seconds=75, reason="too long"))
    assert [line[9:] for line in out.getvalue().splitlines()] == [
        "w: 1 tasks in /run",
        "t: running, attempt 2",
        "t: failed exec timeout after 0:01:15 (too long)",
    ]


def test_durations_are_short() -> None:
    assert [duration(seconds) for seconds in (None, 0.04, 9.96, 59.4, 60, 3723)] == [
        "", "0.0 s", "10.0 s", "59 s", "0:01:00", "1:02:03",
    ]  # fmt: skip


def test_a_terminal_shows_a_live_table(file: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    environ = {**os.environ, "PHYSAI_HOME": str(tmp_path / "home"), "COLUMNS": "100", "TERM": "xterm-256color"}
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, "jobs", "run", str(file)], stdout=subprocess.PIPE, stderr=theirs, env=environ
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # Linux: the other end is closed
            break
        if not piece:
            break
        seen += piece
    os.close(ours)
    out, _ = process.communicate()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode())
    assert process.returncode == 0
    assert out.startswith(b"two: completed in ")
    assert "note: tasks run as processes of this machine" in text
    assert re.search(r"say +completed +0\.\d s", text)
    assert re.search(r"after +(waiting|running|completed)", text)
