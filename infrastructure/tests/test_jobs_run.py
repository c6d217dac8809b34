"""Workflows that the engine has never seen, run for real."""

import base64
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from physai.infrastructure.jobs import Event, Note, RunResult, Status, TaskChanged, TaskFailedError, WorkflowError
from physai.infrastructure.jobs import run_workflow as run_file
from physai.infrastructure.jobs.machine import Machine
from physai.infrastructure.settings import settings

TWO_CORES = Machine(cores=2, memory_bytes=4 * 2**30)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("PHYSAI_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield tmp_path / "home"
    settings.cache_clear()


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., RunResult]:
    def run(text: str, **options: Any) -> RunResult:
        path = tmp_path / "w.yaml"
        path.write_text(dedent(text))
        return run_file(path, **{"machine": TWO_CORES, **options})

    return run


def test_a_serial_workflow_hands_on_its_outputs(run: Callable[..., RunResult], home: Path) -> None:
    result = run("""\
        workflow:
          name: serial
          tasks:
          - name: first
            image: ubuntu:24.04
            command: [bash, -c]
            args: ["echo one > {{output}}/a.txt"]
          - name: second
            image: ubuntu:24.04
            command: [bash, -c]
            args: ["cat {{input:0}}/a.txt {{input:first}}/a.txt > {{output}}/b.txt; pwd"]
            inputs: [{task: first}]
        """)
    assert result.status is Status.COMPLETED
    assert result.output("second") == home / "runs/serial/outputs/second"
    assert (result.output("second") / "b.txt").read_text() == "one\none\n"
    assert Path(result.tasks["second"].log).read_text() == f"{home}/runs/serial/work/second\n"
    assert not result.up_to_date
    assert result.tasks["second"].exit_code == 0


def test_a_diamond_runs_its_sides_at_the_same_time(run: Callable[..., RunResult]) -> None:
    # Each side waits until the other one has begun, so they only end if both run at once.
    meet = "touch {{output}}/here; until [ -e {{output}}/../%s/here ]; do sleep 0.01; done"
    result = run(f"""\
        workflow:
          name: diamond
          timeout: {{exec_timeout: 60s}}
          tasks:
          - {{name: top, image: i, command: [bash, -c, "echo x > {{{{output}}}}/x"]}}
          - {{name: left, image: i, command: [bash, -c, "{meet % "right"}"], inputs: [{{task: top}}]}}
          - {{name: right, image: i, command: [bash, -c, "{meet % "left"}"], inputs: [{{task: top}}]}}
          - name: bottom
            image: i
            command: [test, -e, "{{{{input:0}}}}/here", -a, -e, "{{{{input:1}}}}/here"]
            inputs: [{{task: left}}, {{task: right}}]
        """)
    assert {task.status for task in result.tasks.values()} == {Status.COMPLETED}


def test_no_more_runs_at_once_than_the_machine_holds(run: Callable[..., RunResult]) -> None:
    # A task counts those that run beside it. Of four with 1 Gi each, 2 Gi of memory let two run; 2 cores do, too.
    count = "touch {{output}}/../../$$.on; sleep 0.5; set -- {{output}}/../../*.on; echo $#; rm {{output}}/../../$$.on"
    text = """\
        workflow:
          name: crowd
          resources: {default: {cpu: %d, memory: %s}}
          tasks:
          {%% for i in range(4) %%}
          - {name: t{{ i }}, image: i, command: [bash, -c, "COUNT"]}
          {%% endfor %%}
        """
    for cpu, memory, most in ((1, "1Gi", 2), (1, "4Gi", 1), (2, "1Gi", 1)):
        name = f"crowd-{cpu}-{memory}"
        result = run(
            dedent(text % (cpu, memory)).replace("COUNT", count).replace("name: crowd", f"name: {name}"),
            machine=Machine(cores=2, memory_bytes=4 * 2**30),
        )
        seen = max(int(Path(task.log).read_text()) for task in result.tasks.values())
        assert seen == most, name


def test_cores_are_divided_and_the_task_s_own_environment_wins(
    run: Callable[..., RunResult], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "1")  # a limit from outside stays
    result = run(
        """\
        workflow:
          name: threads
          resources: {default: {cpu: 3}}
          tasks:
          - name: show
            image: i
            command: [bash, -c]
            args: ["echo $OMP_NUM_THREADS $MKL_NUM_THREADS $NUMBA_NUM_THREADS $OPENBLAS_NUM_THREADS $A $B $PHYSAI_HOME"]
            environment: {NUMBA_NUM_THREADS: 7, A: "{{workflow_id}}", B: own}
        """,
        machine=Machine(cores=8, memory_bytes=2**30),
        environment={"B": "given"},
    )
    assert Path(result.tasks["show"].log).read_text() == f"3 1 7 3 threads given {home}\n"


def test_a_request_beyond_the_machine_is_clamped_and_said(run: Callable[..., RunResult]) -> None:
    events: list[Event] = []
    result = run(
        """\
        workflow:
          name: big
          pool: p
          resources: {default: {cpu: 64, gpu: 8, memory: 900Gi}}
          tasks:
          - {name: show, image: i, command: [bash, -c, "echo $OMP_NUM_THREADS"]}
        """,
        on_event=events.append,
        machine=Machine(cores=2, memory_bytes=4 * 2**30),
    )
    notes = [event.text for event in events if isinstance(event, Note)]
    assert Path(result.tasks["show"].log).read_text() in ("2\n", "1\n")
    assert notes == [
        "tasks run as processes of this machine; the image is not used",
        "of no meaning on one machine: pool",
        "'show' asks for 64 cores; this machine has 2, so it gets those",
        "'show' asks for 900.0 Gi of memory; this machine has 4.0 Gi: it runs alone",
        "'show' asks for 8 GPUs; this machine has 0, so it gets those",
    ]


def test_tasks_get_gpus_of_their_own(run: Callable[..., RunResult]) -> None:
    result = run(
        """\
        workflow:
          name: gpus
          resources: {default: {gpu: 2}}
          groups:
          - name: g
            tasks:
            - {name: a, lead: true, image: i, command: [bash, -c, "echo $CUDA_VISIBLE_DEVICES; sleep 0.2"]}
            - {name: b, image: i, command: [bash, -c, "echo $CUDA_VISIBLE_DEVICES"]}
        """,
        machine=Machine(cores=4, memory_bytes=2**30, gpus=("0", "1", "2", "5")),
    )
    assert [Path(result.tasks[name].log).read_text().strip() for name in "ab"] == ["0,1", "2,5"]


def test_a_rescheduled_member_keeps_its_own_gpus(run: Callable[..., RunResult]) -> None:
    result = run(
        """\
        workflow:
          name: gpus-again
          resources: {default: {gpu: 1}}
          groups:
          - name: g
            tasks:
            - name: a
              lead: true
              image: i
              command: [bash, -c, "until [ -e {{output}}/../b/2 ]; do sleep 0.01; done"]
            - name: b
              image: i
              command: [bash, -c]
              args:
              - |
                echo $CUDA_VISIBLE_DEVICES
                [ -e {{output}}/1 ] || { touch {{output}}/1; exit 4; }
                touch {{output}}/2; sleep 600
              exitActions: {RESCHEDULE: 4}
        """,
        machine=Machine(cores=4, memory_bytes=2**30, gpus=("0", "1")),
    )
    assert result.status is Status.COMPLETED
    words = Path(result.tasks["b"].log).read_text().split()
    assert (words[0], words[-1]) == ("1", "1")


def test_files_are_written_with_tokens_filled_in_and_bytes_as_they_are(run: Callable[..., RunResult]) -> None:
    data = base64.b64encode(bytes(range(256))).decode()
    result = run(f"""\
        workflow:
          name: files
          tasks:
          - name: make
            image: i
            command: [/opt/run.sh]
            args: [--config=/etc/app/config.json]
            files:
            - path: /opt/run.sh
              contents: |
                #!/bin/bash
                cat ${{1#--config=}} /etc/app/config.json relative/note.txt
                cp /data/bytes.bin {{{{output}}}}/
            - {{path: /etc/app/config.json, contents: '"{{{{workflow_id}}}}"'}}
            - {{path: relative/note.txt, contents: hello}}
            - {{path: /data/bytes.bin, contents: {data}, base64: true}}
            - {{path: "{{{{output}}}}/placed.txt", contents: there}}
        """)
    assert Path(result.tasks["make"].log).read_text() == '"files""files"hello'
    assert (result.output("make") / "bytes.bin").read_bytes() == bytes(range(256))
    assert (result.output("make") / "placed.txt").read_text() == "there"
    assert not Path("/opt/run.sh").exists()


def test_a_template_with_a_condition_and_a_loop_runs(run: Callable[..., RunResult]) -> None:
    text = """\
        workflow:
          name: {{ name }}
          tasks:
          {%- for letter in letters %}
          - name: say-{{ letter }}
            image: i
            command: [echo]
            args:
            - {{ letter }}
            {%- if extra %}
            - --extra={{ extra }}
            {%- endif %}
          {%- endfor %}
        default-values:
          name: conditional
          letters: [a, b]
          extra: ""
        """
    plain = run(text)
    assert [Path(task.log).read_text() for task in plain.tasks.values()] == ["a\n", "b\n"]
    extra = run(text, values={"extra": "é'x", "letters": ["c"]})
    assert Path(extra.tasks["say-c"].log).read_text() == "c --extra=é'x\n"


GROUP = """\
    workflow:
      name: group
      timeout: {{exec_timeout: 60s}}
      resources: {{default: {{cpu: 4}}}}
      groups:
      - name: pair
        ignoreNonleadStatus: {ignore}
        tasks:
        - name: server
          image: i
          command: [python3, -c]
          args:
          - |
            {server}
        - name: client
          lead: true
          image: i
          command: [python3, -c]
          args:
          - |
            {client}
      - name: after
        tasks:
        - name: read
          image: i
          command: [cat, "{{{{input:0}}}}/said.txt"]
          inputs: [{{task: client}}]
    """


def group(server: str, client: str, ignore: bool = True) -> str:
    def block(code: str) -> str:
        return dedent(code).strip().replace("\n", "\n            ")

    return dedent(GROUP).format(
        server=block(server).replace("\n    ", "\n"),
        client=block(client).replace("\n    ", "\n"),
        ignore=str(ignore).lower(),
    )


SERVER = """
import socket
with socket.create_server(("{{host:server}}", 0)) as s:
    open("{{output}}/.port", "w").write(str(s.getsockname()[1]))
    import os; os.rename("{{output}}/.port", "{{output}}/port")
    while True:
        c, _ = s.accept(); c.sendall(b"hello"); c.close()
"""
CLIENT = """
import socket, time, pathlib
port = pathlib.Path("{{output}}/../server/port")
while not port.exists(): time.sleep(0.01)
with socket.create_connection(("{{host:server}}", int(port.read_text()))) as s:
    pathlib.Path("{{output}}/said.txt").write_text(s.recv(99).decode())
"""


def test_a_group_runs_together_finds_its_hosts_and_ends_with_its_lead(run: Callable[..., RunResult]) -> None:
    result = run(group(SERVER, CLIENT))
    assert result.status is Status.COMPLETED
    assert Path(result.tasks["read"].log).read_text() == "hello"
    assert result.tasks["server"].reason == "its lead ended"


FOREVER = "import time; time.sleep(600)"


def test_a_member_that_fails_is_ignored_by_default(run: Callable[..., RunResult]) -> None:
    client = "import time, pathlib; time.sleep(0.5); pathlib.Path('{{output}}/said.txt').write_text('ok')"
    result = run(group("raise SystemExit(3)", client))
    assert result.status is Status.COMPLETED
    assert (result.tasks["server"].status, result.tasks["server"].exit_code) == (Status.FAILED, 3)
    assert run(group("raise SystemExit(3)", client)).up_to_date


def test_a_member_that_fails_ends_the_group_when_it_counts(run: Callable[..., RunResult]) -> None:
    result = run(group("raise SystemExit(3)", FOREVER, ignore=False))
    assert result.status is Status.FAILED
    assert result.tasks["client"].reason == "'server' of its group failed"
    assert result.tasks["read"].status is Status.FAILED_UPSTREAM


def test_a_member_that_does_not_listen_is_killed(
    run: Callable[..., RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("physai.infrastructure.jobs.member.GRACE_S", 0.2)
    server = """
        import signal, time, pathlib
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        pathlib.Path("{{output}}/port").touch()
        time.sleep(600)
        """
    client = """
        import time, pathlib
        while not pathlib.Path("{{output}}/../server/port").exists(): time.sleep(0.01)
        pathlib.Path("{{output}}/said.txt").write_text("x")
        """
    assert run(group(dedent(server), dedent(client))).status is Status.COMPLETED


def test_a_failed_task_stops_what_follows_but_not_what_is_beside_it(run: Callable[..., RunResult]) -> None:
    result = run("""\
        workflow:
          name: failing
          tasks:
          - {name: bad, image: i, command: [bash, -c, "echo trying; echo out of paper >&2; exit 7"]}
          - {name: after-bad, image: i, command: [echo], inputs: [{task: bad}]}
          - {name: last, image: i, command: [echo], inputs: [{task: after-bad}]}
          - {name: beside, image: i, command: [echo]}
        """)
    assert result.status is Status.FAILED
    assert result.tasks["bad"].exit_code == 7
    assert result.tasks["beside"].status is Status.COMPLETED
    assert [result.tasks[name].status for name in ("after-bad", "last")] == [Status.FAILED_UPSTREAM] * 2
    with pytest.raises(TaskFailedError) as caught:
        result.raise_for_failure()
    message = str(caught.value)
    assert message.startswith("task 'bad' failed: exit code 7. Last line: 'out of paper'. Log: /")


def test_exit_actions_decide_what_a_code_means(run: Callable[..., RunResult]) -> None:
    result = run("""\
        workflow:
          name: actions
          tasks:
          - {name: fine, image: i, command: [bash, -c, "exit 16"], exitActions: {COMPLETE: "0-10,16"}}
          - {name: strict, image: i, command: [bash, -c, "exit 0"], exitActions: {FAIL: 0}}
        """)
    assert result.tasks["fine"].status is Status.COMPLETED
    assert result.tasks["strict"].status is Status.FAILED


def test_a_rescheduled_task_runs_again_and_finds_its_output(run: Callable[..., RunResult]) -> None:
    events: list[Event] = []
    result = run(
        """\
        workflow:
          name: again
          tasks:
          - name: third-time-lucky
            image: i
            command: [bash, -c]
            args: ["echo x >> {{output}}/tries; [ $(wc -l < {{output}}/tries) -eq 3 ] || exit 42"]
            exitActions: {RESCHEDULE: 40-49}
        """,
        on_event=events.append,
    )
    assert result.status is Status.COMPLETED
    assert (result.output("third-time-lucky") / "tries").read_text() == "x\nx\nx\n"
    attempts = [event.attempt for event in events if isinstance(event, TaskChanged) and event.status is Status.RUNNING]
    assert max(attempts) == 3


def test_a_task_that_always_asks_for_a_reschedule_fails_in_the_end(run: Callable[..., RunResult]) -> None:
    result = run("""\
        workflow:
          name: never
          tasks:
          - {name: t, image: i, command: [bash, -c, "echo x >> {{output}}/n; exit 9"], exitActions: {RESCHEDULE: 9}}
        """)
    assert result.status is Status.FAILED
    assert (result.output("t") / "n").read_text() == "x\n" * 6  # once, and five times more
    assert result.tasks["t"].reason == "exit code 9 asks for a reschedule once more after 5"


def test_a_rescheduled_lead_restarts_its_group(run: Callable[..., RunResult]) -> None:
    result = run("""\
        workflow:
          name: lead-again
          groups:
          - name: g
            tasks:
            - name: lead
              lead: true
              image: i
              command: [bash, -c]
              args:
              - |
                echo x >> {{output}}/starts; starts=$(wc -l < {{output}}/starts)
                until [ "$(cat {{output}}/../worker/n | wc -l)" -ge $starts ]; do sleep 0.01; done
                [ $starts -eq 2 ] || exit 3
              exitActions: {RESCHEDULE: 3}
            - {name: worker, image: i, command: [bash, -c, "echo x >> {{output}}/n; sleep 600"]}
        """)
    assert result.status is Status.COMPLETED
    assert (result.output("worker") / "n").read_text() == "x\nx\n"


def test_a_group_that_takes_too_long_fails_by_timeout_and_its_siblings_go_on(run: Callable[..., RunResult]) -> None:
    result = run("""\
        workflow:
          name: slow
          timeout: {exec_timeout: 300ms}
          tasks:
          - {name: slow, image: i, command: [sleep, 600]}
          - {name: quick, image: i, command: [echo]}
          - {name: after, image: i, command: [echo], inputs: [{task: slow}]}
        """)
    assert result.status is Status.FAILED_EXEC_TIMEOUT
    assert result.tasks["slow"].status is Status.FAILED_EXEC_TIMEOUT
    assert result.tasks["slow"].reason == "ran longer than exec_timeout, 0.3 s"
    assert result.tasks["quick"].status is Status.COMPLETED
    assert result.tasks["after"].status is Status.FAILED_UPSTREAM


def test_a_command_that_cannot_be_started_fails_its_task(run: Callable[..., RunResult]) -> None:
    result = run("""\
        workflow:
          name: start
          tasks:
          - name: t
            image: i
            command: [/run.sh]
            files: [{path: /run.sh, contents: "#!/no/such/interpreter\\n"}]
        """)
    assert result.tasks["t"].status is Status.FAILED_START_ERROR
    assert "could not be started" in result.tasks["t"].reason


def test_what_a_task_leaves_in_the_background_ends_with_it(run: Callable[..., RunResult]) -> None:
    result = run("""\
        workflow:
          name: background
          tasks:
          - name: t
            image: i
            command: [bash, -c]
            args: ["(while true; do date +%N > {{output}}/tick; sleep 0.01; done) & sleep 0.1"]
        """)
    tick = result.output("t") / "tick"
    before = tick.read_text()
    time.sleep(0.3)
    assert tick.read_text() == before


def test_urls_are_brought_and_sent_with_a_filter(run: Callable[..., RunResult], tmp_path: Path) -> None:
    store = tmp_path / "store"
    (store / "in/deep").mkdir(parents=True)
    (store / "in/a.txt").write_text("A")
    (store / "in/deep/b.txt").write_text("B")
    (store / "in/c.bin").write_text("C")
    text = f"""\
        workflow:
          name: urls
          tasks:
          - name: copy
            image: i
            command: [bash, -c]
            args:
            - |
              cd {{{{input:0}}}} && find . -type f | sort
              cp -r . {{{{output}}}}; touch {{{{output}}}}/x.tmp; cat {{{{input:1}}}}/c.bin
            inputs:
            - {{url: "{(store / "in").as_uri()}", regex: '.*\\.txt$'}}
            - {{url: "{(store / "in/c.bin").as_uri()}"}}
            outputs: [{{url: "{(store / "out").as_uri()}/{{{{workflow_id}}}}", regex: '.*\\.txt$'}}]
          - name: filtered
            image: i
            command: [bash, -c, "ls {{{{input:0}}}}"]
            inputs: [{{task: copy, regex: 'a'}}]
        """
    result = run(text)
    assert Path(result.tasks["copy"].log).read_text() == "./a.txt\n./deep/b.txt\nC"
    assert sorted(path.name for path in (store / "out/urls").rglob("*.*")) == ["a.txt", "b.txt"]
    assert Path(result.tasks["filtered"].log).read_text() == "a.txt\n"
    assert run(text).up_to_date
    (store / "in/deep/b.txt").write_text("changed")
    again = run(text)
    assert not again.tasks["copy"].up_to_date
    assert (store / "out/urls/deep/b.txt").read_text() == "changed"


def test_a_checkpoint_is_uploaded_while_the_task_runs_and_after_it_failed(
    run: Callable[..., RunResult], tmp_path: Path
) -> None:
    url = (tmp_path / "ckpt").as_uri()
    result = run(f"""\
        workflow:
          name: checkpoint
          timeout: {{exec_timeout: 60s}}
          tasks:
          - name: train
            image: i
            command: [bash, -c]
            args:
            - |
              ls {{{{input:0}}}}
              mkdir -p /models; echo 1 > /models/step.txt; echo no > /models/no.log
              until [ -e {tmp_path}/ckpt/step.txt ]; do sleep 0.01; done
              echo 2 > /models/step.txt; exit 1
            inputs: [{{url: "{url}"}}]
            checkpoint: [{{path: /models, url: "{url}", frequency: 50ms, regex: '.*txt'}}]
        """)
    assert result.tasks["train"].exit_code == 1
    assert (tmp_path / "ckpt/step.txt").read_text() == "2\n"
    assert not (tmp_path / "ckpt/no.log").exists()


def test_a_mount_and_credentials_come_from_this_machine(
    run: Callable[..., RunResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shelf").mkdir()
    (tmp_path / "shelf/book.txt").write_text("words")
    (tmp_path / "secret").write_text("s3cret")
    text = f"""\
        workflow:
          name: credentials
          tasks:
          - name: t
            image: i
            command: [bash, -c]
            args: ['cat /home/shelf/book.txt /opt/keys; echo $TOKEN $OTHER']
            volumeMounts: ["{tmp_path}/shelf:/home/shelf", /tmp]
            credentials:
              hub: {{TOKEN: key, OTHER: second-key}}
              keys: /opt/keys
        """
    with pytest.raises(WorkflowError) as caught:
        run(text)
    message = "\n".join(problem.text("w") for problem in caught.value.problems)
    assert "w:10: task 't': credentials.hub.TOKEN: is not there. Set TOKEN or HUB_KEY in the environment." in message
    assert "credentials.keys: is not there. Set KEYS_FILE to the path of its file." in message
    monkeypatch.setenv("TOKEN", "wrong")
    monkeypatch.setenv("HUB_KEY", "right")
    monkeypatch.setenv("OTHER", "own-name")
    monkeypatch.setenv("KEYS_FILE", str(tmp_path / "secret"))
    result = run(text)
    assert Path(result.tasks["t"].log).read_text() == "wordss3cretright own-name\n"
    assert "right" not in (Path(result.run_dir) / "state.json").read_text()


def test_the_output_of_another_run_can_be_an_input(run: Callable[..., RunResult]) -> None:
    second = """\
        workflow:
          name: second
          tasks:
          - {name: read, image: i, command: [cat, "{{input:0}}/x"], inputs: [{task: "first:make"}]}
        """
    with pytest.raises(
        WorkflowError, match=r"w.yaml:4: task 'read': inputs\[0\].task: no run 'first' with a task 'make'"
    ):
        run(second)
    first = "workflow: {name: first, tasks: [{name: make, image: i, command: [bash, -c, 'echo %s > {{output}}/x']}]}"
    run((first % "one").replace("{{output}}", "{{output}}"))
    assert Path(run(second).tasks["read"].log).read_text() == "one\n"
    run(first % "two")
    assert Path(run(second).tasks["read"].log).read_text() == "two\n"


def test_what_this_machine_lacks_is_told_before_anything_runs(
    run: Callable[..., RunResult], tmp_path: Path, home: Path
) -> None:
    with pytest.raises(WorkflowError) as caught:
        run(f"""\
            workflow:
              name: lacking
              tasks:
              - {{name: a, image: img, command: [touch, "{tmp_path}/ran"]}}
              - {{name: b, image: img, command: [no-such-program]}}
              - {{name: c, image: img, command: [./run.sh]}}
              - {{name: d, image: img, command: [echo], inputs: [{{url: "{tmp_path.as_uri()}/nowhere"}}]}}
              - {{name: e, image: img, command: [echo], outputs: [{{url: "s3://bucket/x"}}]}}
              - {{name: f, image: img, command: [echo], volumeMounts: [/no/such/folder]}}
            """)
    texts = [problem.text("w.yaml") for problem in caught.value.problems]
    assert texts[0] == (
        "w.yaml:5: task 'b': command[0]: 'no-such-program' is not installed on this machine; "
        "in image img it may be. Install it."
    )
    assert [text.partition(": '")[0].partition(": there")[0].partition(": s3")[0] for text in texts[1:]] == [
        "w.yaml:6: task 'c': command[0]",
        "w.yaml:7: task 'd': inputs[0].url",
        "w.yaml:8: task 'e': outputs[0].url",
        "w.yaml:9: task 'f': volumeMounts[0]",
    ]
    assert not (tmp_path / "ran").exists()
    assert not (home / "runs").exists()


def test_an_input_that_vanishes_during_the_run_fails_its_task(run: Callable[..., RunResult], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/x").touch()
    result = run(f"""\
        workflow:
          name: vanishing
          tasks:
          - {{name: thief, image: i, command: [rm, "{tmp_path}/data/x"]}}
          - name: reader
            image: i
            command: [echo]
            inputs: [{{task: thief}}, {{url: "{(tmp_path / "data").as_uri()}"}}]
        """)
    reader = result.tasks["reader"]
    assert (reader.status, reader.exit_code) == (Status.FAILED, 2010)
    assert reader.reason.startswith("input not there: ")


def test_an_output_that_cannot_be_sent_fails_its_task(run: Callable[..., RunResult], tmp_path: Path) -> None:
    text = f"""\
        workflow:
          name: unsent
          tasks:
          - name: t
            image: i
            command: [bash, -c, "touch {{{{output}}}}/x; cd {tmp_path}; [ -e again ] || touch file again"]
            outputs: [{{url: "{(tmp_path / "file").as_uri()}/under-a-file"}}]
        """
    task = run(text).tasks["t"]
    assert (task.status, task.exit_code) == (Status.FAILED, 2012)
    (tmp_path / "file").unlink()
    assert run(text).status is Status.COMPLETED


def test_a_run_in_another_thread_works(run: Callable[..., RunResult]) -> None:
    results: list[RunResult] = []
    text = "workflow: {name: thread, tasks: [{name: t, image: i, command: [echo]}]}"
    thread = threading.Thread(target=lambda: results.append(run(text)))
    thread.start()
    thread.join()
    assert results[0].status is Status.COMPLETED
