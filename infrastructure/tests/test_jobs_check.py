from pathlib import Path
from textwrap import dedent, indent

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from physai.infrastructure.jobs import Problem, WorkflowError
from physai.infrastructure.jobs.check import read_workflow
from physai.infrastructure.jobs.spec import ExitAction

TASK = """\
- name: make
  image: ubuntu:24.04
  command: [echo]
"""


def tasks(*texts: str, head: str = "") -> str:
    body = "".join(text.rstrip("\n") + "\n" for text in texts)
    return f"workflow:\n  name: w\n{indent(head, '  ')}  tasks:\n{indent(body, '  ')}"


def more(text: str) -> str:
    """A field for the task above."""
    return indent(text, "  ")


def write(folder: Path, text: str) -> Path:
    path = folder / "w.yaml"
    path.write_text(text)
    return path


def check(folder: Path, text: str) -> str:
    with pytest.raises(WorkflowError) as caught:
        read_workflow(write(folder, text))
    return str(caught.value).replace(str(folder) + "/", "")


GROUP_HEAD = "workflow:\n  name: w\n  groups:\n  - name: g\n    tasks:\n"
SECOND = "- name: use\n  image: i\n  command: [cat]\n"

BROKEN = {
    "unknown field of a task": (
        tasks(TASK, more("comand: [x]")),
        "w.yaml:7: task 'make': comand: unknown field. Did you mean 'command'?",
    ),
    "unknown field of the workflow": (
        tasks(TASK, head="timeouts: {exec_timeout: 1h}\n"),
        "w.yaml:3: workflow.timeouts: unknown field. Did you mean 'timeout'?",
    ),
    "unknown field of a file": (
        tasks(TASK, more("files:\n- path: /a\n  contents: x\n  mode: 755")),
        "w.yaml:10: task 'make': files[0].mode: unknown field. Known: base64, contents, path.",
    ),
    "unknown field of a profile": (
        tasks(TASK, head="resources:\n  default: {cpus: 1}\n"),
        "w.yaml:4: workflow.resources.default.cpus: unknown field. Did you mean 'cpu'?",
    ),
    "a field of another tool": (
        tasks(TASK, more("depends_on: [a]")),
        "w.yaml:7: task 'make': depends_on: unknown field. Name the task under 'inputs'",
    ),
    "no command": (
        tasks("- name: make\n  image: i\n"),
        "w.yaml:4: task 'make': command: is missing.",
    ),
    "an empty command": (tasks("- name: make\n  image: i\n  command: []\n"), "w.yaml:6: task 'make': command: "),
    "no image": (tasks("- name: make\n  command: [x]\n"), "task 'make': image: is missing."),
    "a command that is text": (
        tasks("- name: make\n  image: i\n  command: echo\n"),
        "w.yaml:6: task 'make': command: Input should be a valid tuple (got 'echo').",
    ),
    "a bad name": (
        tasks("- name: 9lives\n  image: i\n  command: [x]\n"),
        "w.yaml:4: task '9lives': name: '9lives' is no name",
    ),
    "tasks and groups": (
        tasks(TASK) + "  groups:\n  - name: g\n    tasks:\n    - {name: a, image: i, command: [x]}\n",
        "w.yaml:1: workflow: a workflow has either 'tasks' or 'groups'",
    ),
    "neither tasks nor groups": ("workflow:\n  name: w\n", "w.yaml:1: workflow: a workflow has either"),
    "a group without tasks": (
        "workflow:\n  name: w\n  groups:\n  - name: g\n    tasks: []\n",
        "workflow.groups[0].tasks: ",
    ),
    "no lead": (
        "workflow:\n  name: w\n  groups:\n  - name: g\n    tasks:\n    - {name: a, image: i, command: [x]}\n"
        "    - {name: b, image: i, command: [x]}\n",
        "w.yaml:4: groups[0]: group 'g' has no lead.",
    ),
    "two leads": (
        GROUP_HEAD + "    - {name: a, image: i, command: [x], lead: true}\n"
        "    - {name: b, image: i, command: [x], lead: true}\n",
        "w.yaml:7: task 'b': lead: group 'g' has 2 leads (a, b). Keep one.",
    ),
    "a name taken twice": (tasks(TASK, TASK), "task 'make': name: the name is taken twice (make, make)"),
    "names that differ in case and dash only": (
        tasks("- {name: a_b, image: i, command: [x]}\n- {name: A-b, image: i, command: [x]}\n"),
        "the name is taken twice (a_b, A-b)",
    ),
    "a missing task": (
        tasks(TASK, SECOND, more("inputs: [{task: mke}]")),
        "w.yaml:10: task 'use': inputs[0].task: there is no task 'mke'. Did you mean 'make'?",
    ),
    "its own input": (
        tasks(TASK, more("inputs: [{task: make}]")),
        "w.yaml:7: task 'make': inputs[0].task: a task cannot",
    ),
    "a cycle": (
        tasks(TASK, more("inputs: [{task: use}]"), SECOND, more("inputs: [{task: make}]")),
        "tasks wait for one another: ",
    ),
    "a task that comes later": (
        tasks(TASK, more("inputs: [{task: use}]"), SECOND),
        "w.yaml:7: task 'make': inputs[0].task: 'use' comes later in the file.",
    ),
    "an input from its own group": (
        GROUP_HEAD + "    - {name: a, image: i, command: [x], lead: true}\n"
        "    - {name: b, image: i, command: [x], inputs: [{task: a}]}\n",
        "w.yaml:7: task 'b': inputs[0].task: 'a' is in the same group",
    ),
    "an input that is two things": (
        tasks(TASK, more("inputs: [{task: a, url: 's3://b'}]")),
        "w.yaml:7: task 'make': inputs[0]: an input has either 'task' or 'url'.",
    ),
    "an input out of range": (
        tasks(TASK, SECOND, more('args: ["{{input:1}}/x"]\ninputs: [{task: make}]')),
        "w.yaml:10: task 'use': args[0]: {{input:1}} names no input of this task: it has 1 (from 0).",
    ),
    "an input token without inputs": (
        tasks(TASK, more("environment:\n  A: '{{input:0}}'")),
        "w.yaml:8: task 'make': environment.A: {{input:0}} names no input of this task: it has none.",
    ),
    "an input token in a file": (
        tasks(TASK, more("files:\n- path: /a\n  contents: |\n    cat {{input:3}}")),
        "w.yaml:9: task 'make': files[0].contents: {{input:3}} names no input",
    ),
    "a host of no group": (
        tasks(TASK, SECOND, more('args: ["{{host:make}}"]')),
        "w.yaml:10: task 'use': args[0]: {{host:make}} names no task of its group. Known: use.",
    ),
    "a missing profile": (
        tasks(TASK, more("resource: big"), head="resources:\n  default: {cpu: 1}\n  bigger: {cpu: 8}\n"),
        "w.yaml:10: task 'make': resource: resource profile 'big' is not under workflow.resources. Did you mean 'big",
    ),
    "no default profile": (
        tasks(TASK, head="resources:\n  other: {cpu: 1}\n"),
        "task 'make': resource: resource profile 'default' is not under",
    ),
    "a dataset as input": (
        tasks(TASK, more("inputs:\n- dataset: {name: d}")),
        "w.yaml:8: task 'make': inputs[0].dataset: 'dataset' was removed in OSMO 6.3. Use `url:`",
    ),
    "an updated dataset": (
        tasks(TASK, more("outputs:\n- update_dataset: {name: d}")),
        "task 'make': outputs[0].update_dataset: 'update_dataset' was removed in OSMO 6.3.",
    ),
    "a local file": (
        tasks(TASK, more("files:\n- path: /a\n  localpath: a.py")),
        "w.yaml:9: task 'make': files[0].localpath: there is no a.py. A local path is",
    ),
    "a local file that is a folder": (
        tasks(TASK, more("files:\n- path: /a\n  localpath: .")),
        "is a folder. Name a file; OSMO takes data of a folder from a `url:` input.",
    ),
    "a file with two sources": (
        tasks(TASK, more("files:\n- {path: /a, localpath: w.yaml, contents: x}")),
        "w.yaml:8: task 'make': files[0].localpath: a file has either 'contents' or 'localpath'. Keep one.",
    ),
    "base64 that is none": (
        tasks(TASK, more("files:\n- {path: /a, contents: '@@', base64: true}")),
        "w.yaml:8: task 'make': files[0]: contents of '/a' are no base64",
    ),
    "two files at one path": (
        tasks(TASK, more("files:\n- {path: /a, contents: x}\n- {path: /a, contents: y}")),
        "task 'make': files: two files have the path '/a'",
    ),
    "a file outside the task": (
        tasks(TASK, more("files:\n- {path: ../../a, contents: x}")),
        "task 'make': files[0].path: '../../a' leaves the task's folder",
    ),
    "an exit action that is none": (
        tasks(TASK, more("exitActions: {RETRY: 1}")),
        "w.yaml:7: task 'make': exitActions: 'RETRY' is no exit action. Known: COMPLETE, FAIL, RESCHEDULE",
    ),
    "an exit code with two actions": (
        tasks(TASK, more("exitActions: {COMPLETE: 0-10, RESCHEDULE: '9,20'}")),
        "exit code 9 is under COMPLETE and under RESCHEDULE",
    ),
    "a mixed duration": (
        tasks(TASK, head="timeout:\n  exec_timeout: 10h5m\n"),
        "w.yaml:4: workflow.timeout.exec_timeout: '10h5m' is no duration.",
    ),
    "a bad size": (
        tasks(TASK, head="resources:\n  default: {memory: 16 GB}\n"),
        "w.yaml:4: workflow.resources.default.memory: '16 GB' is no size.",
    ),
    "half a core": (
        tasks(TASK, head="resources:\n  default: {cpu: 0.5}\n"),
        "w.yaml:4: workflow.resources.default.cpu: Input should be a valid integer",
    ),
    "a bad regex": (
        tasks(TASK, more("inputs: [{url: 's3://b', regex: '('}]")),
        "w.yaml:7: task 'make': inputs[0].regex: '(' is no regular expression",
    ),
    "a label that Kubernetes refuses": (
        tasks(TASK, head="labels: {team: 'a b'}\n"),
        "workflow.labels: 'a b' of 'team'",
    ),
    "version 1": ("version: 1\n" + tasks(TASK), "w.yaml:1: version: version 1 is not supported."),
    "a key that is there twice": (tasks(TASK, more("image: j")), "w.yaml:7: workflow.tasks[0].image: is there twice."),
    "no YAML": ("workflow:\n  name: [w\n", "not valid YAML"),
    "a tab": ("workflow:\n\tname: w\n", "w.yaml:2: not valid YAML"),
    "a date that is none": (tasks(TASK, head="labels: {day: 2026-13-45}\n"), "not valid YAML: month must be in 1..12"),
    "a default that is no date": (
        tasks(TASK) + "default-values: {day: 2026-13-45}\n",
        "default-values: not valid YAML",
    ),
    "a list": ("workflow:\n- a\n", "w.yaml:1: workflow: "),
    "a null task": ("workflow:\n  name: w\n  tasks:\n  -\n", "workflow.tasks[0]: "),
    "a checkpoint without frequency": (
        tasks(TASK, more("checkpoint:\n- {path: /a, url: 's3://b'}")),
        "task 'make': checkpoint[0].frequency: is missing.",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_refused_by_name(tmp_path: Path, name: str) -> None:
    text, expected = BROKEN[name]
    message = check(tmp_path, text)
    assert expected in message
    assert "\n" not in message


def test_all_problems_are_found_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = tasks(TASK, more("resource: a\ninputs: [{task: b}]\nargs: ['{{input:9}}']"))
    with pytest.raises(WorkflowError) as caught:
        read_workflow(write(tmp_path, text))
    assert [problem.line for problem in caught.value.problems] == [7, 8, 9]
    assert "(2 more: `physai jobs validate" in str(caught.value)


def test_a_line_inside_a_template_is_that_of_the_file(tmp_path: Path) -> None:
    loop = "{%- for i in range(4) %}\n  - name: t{{ i }}\n    image: i\n    comand: [x]\n{%- endfor %}\n"
    text = f"workflow:\n  name: w\n  tasks:\n{loop}"
    assert "w.yaml:7: task 't0': comand: unknown field" in check(tmp_path, text)


def test_a_missing_file_a_folder_and_bytes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkflowError, match="there is no such file"):
        read_workflow(tmp_path / "nowhere.yaml")
    with pytest.raises(WorkflowError, match="cannot be read: Is a directory"):
        read_workflow(tmp_path)
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00workflow")
    with pytest.raises(WorkflowError, match="not UTF-8"):
        read_workflow(tmp_path / "b.yaml")


def test_numbers_and_booleans_may_stand_where_text_is_meant(tmp_path: Path) -> None:
    text = tasks(TASK, more("args: [1, 2.5]\nenvironment: {DEBUG: true, N: 3}\nexitActions: {reschedule: 3}"))
    (task,) = read_workflow(write(tmp_path, text)).workflow.tasks
    assert task.args == ("1", "2.5")
    assert task.environment == {"DEBUG": "True", "N": "3"}
    assert task.exit_action(3) is ExitAction.RESCHEDULE


def test_without_a_rule_zero_completes_and_the_rest_fails(tmp_path: Path) -> None:
    (task,) = read_workflow(write(tmp_path, tasks(TASK, more("exitActions: {COMPLETE: 16}")))).workflow.tasks
    assert [task.exit_action(code) for code in (0, 16, 17)] == [
        ExitAction.COMPLETE,
        ExitAction.COMPLETE,
        ExitAction.FAIL,
    ]


def test_everything_the_specification_knows_is_accepted(tmp_path: Path) -> None:
    text = """\
    version: 2
    workflow:
      name: all_of-it
      labels: {team: robotics, example.com/run: r-1}
      pool: p
      timeout: {exec_timeout: 8h, queue_timeout: PT6H}
      resources:
        default: {cpu: 1, gpu: 0, memory: 1Gi, storage: 1Gi, platform: x, nodesExcluded: [a],
                  topology: [{key: rack, group: g, requirementType: preferred}]}
      groups:
      - name: g
        barrier: false
        ignoreNonleadStatus: false
        tasks:
        - name: lead
          lead: true
          image: i
          command: [sh]
          args: [/tmp/run.sh, "{{host:other}}", "{{workflow_id}}"]
          environment: {A: "{{output}}"}
          files: [{path: /tmp/run.sh, contents: "echo"}, {path: b, contents: aGk=, base64: true}]
          inputs: [{url: "s3://b/x", regex: ".*"}, {task: "earlier-1:task"}]
          outputs: [{url: "azure://account/container/{{workflow_id}}", regex: ".*json"}]
          credentials: {hub: {TOKEN: key}, keys: /opt/keys}
          checkpoint: [{path: /ckpt, url: "s3://b/c", frequency: 30m, regex: ".*"}]
          exitActions: {COMPLETE: "0-3,7", RESCHEDULE: 137}
          kpis: [{index: a, path: b.json}]
          privileged: true
          hostNetwork: true
          volumeMounts: [/dev/shm, "/opt:/home/opt"]
          downloadType: download
          cacheSize: 50%
        - {name: other, image: i, command: [sh], resource: default}
    """
    workflow = read_workflow(write(tmp_path, dedent(text))).workflow
    assert [task.name for task in workflow.all_tasks()] == ["lead", "other"]
    assert workflow.timeout.exec_timeout == 8 * 3600


def test_what_osmo_would_ignore_or_limit_is_noted(tmp_path: Path) -> None:
    many = "{% for i in range(21) %}\n  - {name: t{{i}}, image: i, command: [x]}\n{% endfor %}"
    path = write(tmp_path, f"workflow:\n  name: w\n  tasks:\n{many}\ndefault-values: {{output: x}}\n")
    notes = read_workflow(path).notes
    assert any("'output' is never used" in note for note in notes)
    assert any("21 tasks; OSMO accepts 20" in note for note in notes)


FIELDS = ["name", "image", "command", "inputs", "tasks", "groups", "files", "resources", "default", "task", "url", "x"]
YAML_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab:{}%'- ", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(value=YAML_VALUES)
def test_any_yaml_under_workflow_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    path = tmp_path_factory.mktemp("any") / "w.yaml"
    path.write_text("workflow: " + yaml.safe_dump(value, default_flow_style=True, width=10_000).replace("...\n", ""))
    problems: tuple[Problem, ...] = ()
    try:
        read_workflow(path)
    except WorkflowError as error:
        problems = error.problems
    assert all("\n" not in problem.text("w") for problem in problems)
