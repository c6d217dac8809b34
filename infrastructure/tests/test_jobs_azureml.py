"""Workflows as AzureML pipeline jobs: what they are rendered to, what their commands do, and how they are submitted."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml

from physai.infrastructure.jobs import WorkflowError
from physai.infrastructure.jobs.azureml import make_pipeline, pipeline_text, rendered_path
from physai.infrastructure.jobs.azureml.check import check_job
from physai.infrastructure.jobs.azureml.engine import AzureMLEngine, make_client
from physai.infrastructure.jobs.azureml.errors import NoTaskError, NoVaultError, NoWorkspaceError, RefusedError
from physai.infrastructure.jobs.azureml.groups import rank_text
from physai.infrastructure.jobs.check import read_workflow
from physai.infrastructure.settings import settings
from physai.infrastructure.setup.profile import load_profile
from physai.infrastructure.tests.azureml_service import workspace


def job(folder: Path, text: str, profile: str = "dev") -> dict[str, Any]:
    path = folder / "w.yaml"
    path.write_text(dedent(text))
    return make_pipeline(read_workflow(path), load_profile(profile)).job


def refused(folder: Path, text: str) -> str:
    with pytest.raises(WorkflowError) as caught:
        job(folder, text)
    return str(caught.value).replace(f"{folder}/", "")


def execute(command: str, folder: Path, **places: str) -> subprocess.CompletedProcess[str]:
    """Run a step's command as AzureML does: paths in place of the references, then a shell."""
    for name, path in places.items():
        for section in ("inputs", "outputs"):
            command = command.replace(f"${{{{{section}.{name}}}}}", path)
    assert "${{" not in command
    environ = {**os.environ, "AZUREML_ROOT_RUN_ID": "run-1", "NODE_RANK": "1", "MASTER_ADDR": "10.0.0.4"}
    return subprocess.run(["sh", "-c", command], cwd=folder, env=environ, capture_output=True, text=True, check=False)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    settings.cache_clear()
    yield monkeypatch
    settings.cache_clear()


TWO = """\
workflow:
  name: two
  labels: {team: arms}
  timeout: {exec_timeout: 90m}
  resources:
    default: {cpu: 1, memory: 2Gi}
    big: {gpu: 1, cpu: 8, memory: 64Gi}
  tasks:
  - name: make-data
    image: physai:1
    command: [physai]
    args: [data, make, "--output={{output}}/x"]
    inputs: [{url: azure://acct/raw-data/a}]
    outputs: [{url: "azure://acct/sets/{{workflow_id}}/made"}]
  - name: use-data
    image: physai:1
    resource: big
    command: [physai, use, "{{input:0}}/x", "it's $HOME"]
    environment: {SEED: 3, WHERE: "{{output}}/w", NONE: ""}
    inputs: [{task: make-data}]
    checkpoint: [{path: /tmp/state, url: azure://acct/sets/state, frequency: 5m}]
"""


def test_tasks_become_steps_and_inputs_references(tmp_path: Path) -> None:
    steps = job(tmp_path, TWO)["jobs"]
    assert list(steps) == ["make_data", "use_data"]
    assert steps["use_data"]["inputs"] == {
        "input_0": {"type": "uri_folder", "path": "${{parent.jobs.make_data.outputs.output}}"}
    }
    assert [step["limits"] for step in steps.values()] == [{"timeout": 5400}] * 2


def test_requests_choose_the_cheapest_instance_type_that_holds_them(tmp_path: Path) -> None:
    steps = job(tmp_path, TWO)["jobs"]
    assert [step["resources"] for step in steps.values()] == [{"instance_type": "cpu"}, {"instance_type": "a10"}]


def test_locations_become_datastores(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(TWO)
    pipeline = make_pipeline(read_workflow(path), load_profile("dev"))
    make, use = pipeline.job["jobs"].values()
    assert make["inputs"]["input_0"]["path"] == "azureml://datastores/raw_data/paths/a"
    assert make["outputs"]["output"]["path"] == "azureml://datastores/sets/paths/${{name}}/made"
    assert use["outputs"]["checkpoint_0"] == {
        "type": "uri_folder", "mode": "rw_mount", "path": "azureml://datastores/sets/paths/state"
    }  # fmt: skip
    assert [(store.name, store.account, store.container) for store in pipeline.datastores] == [
        ("raw_data", "acct", "raw-data"),
        ("sets", "acct", "sets"),
    ]
    assert pipeline.notes == ("make-data: in locations, workflow_id is the name of the step's own job",)


def test_variables_with_tokens_are_exported_by_the_command(tmp_path: Path) -> None:
    use = job(tmp_path, TWO)["jobs"]["use_data"]
    assert use["environment_variables"] == {"SEED": "3"}
    assert 'export WHERE="${{outputs.output}}/w"' in use["command"]
    assert "export NONE=''" in use["command"]


def test_the_file_is_what_azure_ai_ml_takes(tmp_path: Path) -> None:
    path = tmp_path / "osmo" / "w.yaml"
    path.parent.mkdir()
    path.write_text(TWO)
    pipeline = make_pipeline(read_workflow(path), load_profile("dev"))
    target = rendered_path(path)
    assert target == tmp_path / "azureml" / "w.yaml"
    target.parent.mkdir()
    target.write_text(pipeline_text(pipeline, path))
    assert check_job(target).data == pipeline.job
    head = target.read_text().splitlines()[:4]
    assert head[0].startswith("# Rendered from ../osmo/w.yaml by `physai jobs render`")
    assert head[1] == "# Datastore raw_data: azure://acct/raw-data"
    assert rendered_path(tmp_path / "w.yaml") == tmp_path / "w.azureml.yaml"


def test_words_reach_the_program_as_they_were_written(tmp_path: Path) -> None:
    text = """\
    workflow:
      name: w
      tasks:
      - name: say
        image: i
        command: [printf, '%s\\n']
        args: ["it's $HOME", "{{output}}/`a` \\"b\\" $c \\\\d", "{{workflow_id}}", "", "two  spaces"]
    """
    done = execute(job(tmp_path, text)["jobs"]["say"]["command"], tmp_path, output="/out")
    assert done.stdout.splitlines() == ["it's $HOME", '/out/`a` "b" $c \\d', "run-1", "", "two  spaces"]


def test_files_are_written_before_the_command_runs(tmp_path: Path) -> None:
    text = f"""\
    workflow:
      name: w
      tasks:
      - name: go
        image: i
        command: [{tmp_path}/a/run.sh]
        environment: {{GREETING: hello}}
        files:
        - path: {tmp_path}/a/run.sh
          contents: |
            #!/bin/sh
            printf '%s|' "$GREETING" '`x`' '\\n' {{{{output}}}}
            cat {tmp_path}/b.bin
        - {{path: {tmp_path}/b.bin, contents: aGk=, base64: true}}
    """
    step = job(tmp_path, text)["jobs"]["go"]
    done = execute(f"export GREETING=hello\n{step['command']}", tmp_path, output="/out")
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == "hello|`x`|\\n|/out|hi"


GROUP = """\
workflow:
  name: w
  groups:
  - name: both
    tasks:
    - name: server
      image: i
      command: [sh, -c, "touch {{output}}/up; trap 'touch {{output}}/ended; exit' TERM; while :; do sleep 0.05; done"]
    - name: client
      lead: true
      image: i
      command: [sh, -c, "until [ -e %s/up ]; do sleep 0.05; done; echo {{host:server}}; exit %d"]
  - name: after
    tasks:
    - {name: look, image: i, command: [ls, "{{input:0}}"], inputs: [{task: server}], lead: true}
"""


@pytest.mark.parametrize("code", [0, 3])
def test_different_tasks_of_a_group_share_a_node_and_end_with_the_lead(tmp_path: Path, code: int) -> None:
    (tmp_path / "s").mkdir()
    steps = job(tmp_path, GROUP % (f"{tmp_path}/s", code))["jobs"]
    assert list(steps) == ["both", "look"]
    assert steps["look"]["inputs"]["input_0"]["path"] == "${{parent.jobs.both.outputs.server_output}}"
    assert "distribution" not in steps["both"]
    done = execute(steps["both"]["command"], tmp_path, client_output="c", server_output=str(tmp_path / "s"))
    assert (done.returncode, done.stdout) == (code, "127.0.0.1\n")


RANKS = """\
workflow:
  name: w
  resources: {default: {gpu: 1}}
  groups:
  - name: train
    tasks:
{% for rank in range(3) %}
    - name: node-{{ rank }}
      lead: {{ 'true' if rank == 0 else 'false' }}
      image: i
      command: [echo, --nnodes=3, --node_rank={{ rank }}, "--master={{host:node-0}}:29400", "{{output}}"]
      files:
      - {path: rank.txt, contents: "I am {{ rank }} of 3"}
{% endfor %}
"""


def test_ranks_of_one_command_become_a_distribution(tmp_path: Path) -> None:
    [step] = job(tmp_path, RANKS, "prod")["jobs"].values()
    assert step["distribution"] == {"type": "pytorch", "process_count_per_instance": 1}
    assert step["resources"]["instance_count"] == 3
    done = execute(f"{step['command']}\ncat rank.txt", tmp_path, output="/out")
    assert done.stdout == "--nnodes=3 --node_rank=1 --master=10.0.0.4:29400 /out\nI am 1 of 3\n"
    assert list(step["outputs"]) == ["output"]


def test_only_the_rank_may_differ_between_ranks() -> None:
    assert rank_text(["a0b4", "a1b4"]) == ["a", "$NODE_RANK", "b", "4", ""]
    assert rank_text(["a", "a"]) == ["a"]
    assert rank_text(["a1", "a0"]) is None
    assert rank_text(["a0", "b1"]) is None
    assert rank_text(["a", "a1"]) is None


def test_credentials_come_from_key_vault_when_the_step_starts(tmp_path: Path) -> None:
    text = """\
    workflow:
      name: w
      tasks:
      - name: go
        image: i
        command: [sh, -c, 'echo "$HF_TOKEN"; cat keys/file']
        credentials: {hub: {HF_TOKEN: my_token}, keys: keys/file}
    """
    step = job(tmp_path, text)["jobs"]["go"]
    assert step["identity"] == {"type": "managed"}
    fake = tmp_path / "physai"
    fake.write_text('#!/bin/sh\necho "value of $3"\n')
    fake.chmod(0o700)
    done = execute(f'PATH="{tmp_path}:$PATH"\n{step["command"]}', tmp_path)
    assert done.stdout == "value of hub-my-token\nvalue of keys-file\n"


CANNOT = {
    "privileged": ("privileged: true", "privileged: AzureML has nothing of the kind."),
    "a host network": ("hostNetwork: true", "hostNetwork: AzureML has nothing of the kind."),
    "host mounts": ("volumeMounts: [/opt]", "volumeMounts: AzureML has nothing of the kind."),
    "a local folder": ("inputs: [{url: 'file:///a'}]", "inputs[0].url: file:///a is a folder of one machine."),
    "an S3 bucket": ("outputs: [{url: 's3://b/c'}]", "outputs[0].url: s3://b/c: a job on AzureML writes to Azure"),
    "another run": ("inputs: [{task: 'run-1:make'}]", "inputs[0]: AzureML knows no task of another workflow."),
    "two outputs": (
        "outputs: [{url: 'azure://a/b/c'}, {url: 'azure://a/b/d'}]", "outputs: AzureML puts an output in one place."
    ),
    "no container": ("outputs: [{url: 'azure://a'}]", "outputs[0].url: azure://a names no container."),
    "two accounts with one container name": (
        "inputs: [{url: 'azure://a/b/c'}, {url: 'azure://z/b/c'}]", "datastore 'b' would be in a and in z."
    ),
    "references of AzureML's own": ("args: ['${{ '{{' }}inputs.x}}']", "args[0]: holds '${{' or '$[['"),
    "a checkpoint with a moving folder": (
        "checkpoint: [{path: '{{output}}/c', url: 'azure://a/b', frequency: 1m}]", "checkpoint[0].path: a checkpoint"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CANNOT)
def test_what_azureml_cannot_do_is_said_by_name(tmp_path: Path, name: str) -> None:
    line, said = CANNOT[name]
    text = f"workflow:\n  name: w\n  tasks:\n  - name: go\n    image: i\n    command: [x]\n    {line}\n"
    message = refused(tmp_path, text)
    assert message.startswith("w.yaml:7: task 'go': ")
    assert said in message


def test_members_of_one_node_have_one_image(tmp_path: Path) -> None:
    text = (GROUP % ("x", 0)).replace("image: i", "image: other", 1)
    assert "task 'server': image: a step has one image; this group has i, other." in refused(tmp_path, text)


def test_members_of_one_node_have_one_environment(tmp_path: Path) -> None:
    server, client = "image: i\n      environment: {MODE: serve}", "image: i\n      environment: {MODE: ask}"
    text = GROUP % ("x", 0)
    other = text.replace("image: i\n", f"{server}\n", 1).replace(
        "lead: true\n      image: i", f"lead: true\n      {client}"
    )
    assert "environment.MODE: a step has one environment; in 'client' this is 'ask'" in refused(tmp_path, other)
    same = other.replace("ask}", "serve}")
    assert job(tmp_path, same)["jobs"]["both"]["environment_variables"] == {"MODE": "serve"}


def test_a_request_that_no_node_holds_is_refused(tmp_path: Path) -> None:
    text = "workflow:\n  name: w\n  resources: {default: {gpu: 8}}\n  tasks:\n  - {name: a, image: i, command: [x]}\n"
    assert "w.yaml:5: task 'a': resource: asks for 8; a node has at most 1: " in refused(tmp_path, text)


def test_a_job_is_created_and_read_by_the_real_sdk(tmp_path: Path, site: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(TWO)
    with workspace() as (arm, client):
        engine = AzureMLEngine(client)
        run = engine.submit(path, values={}, environment={"SITE": "plant"})
        assert run.handle.startswith("azureml:")
        [created] = arm.kind("jobs")
        steps = created["properties"]["jobs"]
        assert created["properties"]["tags"] == {"team": "arms"}
        assert steps["use_data"]["resources"] == {"instance_type": "a10"}
        assert [body["properties"]["containerName"] for body in arm.kind("datastores")] == ["raw-data", "sets"]
        components = [body["properties"]["componentSpec"] for body in arm.kind("components")]
        assert {spec["command"].splitlines()[-1].split()[0] for spec in components} == {"physai"}
        arm.children = [
            {"runId": "c1", "displayName": "make-data", "status": "Completed", "runType": "azureml.StepRun"}
        ]
        state = engine.look(run.id)
        assert (state.status, [(task.name, task.status) for task in state.tasks]) == (
            "RUNNING", [("make-data", "COMPLETED")]
        )  # fmt: skip
        arm.status = "Failed"
        assert engine.look(run.id).over
        engine.cancel(run.id)
        assert arm.asked[-1][1].endswith(f"/jobs/{run.id}/cancel")
        with pytest.raises(NoTaskError, match="no step 'mk' has begun"):
            list(engine.logs(run.id, "mk"))
        arm.refuse = (403, {"error": {"code": "AuthorizationFailed", "message": "You may not."}})
        with pytest.raises(RefusedError, match=r"AzureML refused: .*You may not"):
            engine.look(run.id)


def test_credentials_need_a_vault_before_anything_is_created(tmp_path: Path, site: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(
        "workflow:\n  name: w\n  tasks:\n  - {name: a, image: i, command: [x], credentials: {hub: {HF_TOKEN: token}}}\n"
    )
    with workspace() as (arm, client):
        with pytest.raises(NoVaultError, match="credentials hub-token: no Key Vault"):
            AzureMLEngine(client).submit(path)
        assert arm.asked == []
        settings.cache_clear()
        site.setenv("PHYSAI_KEY_VAULT_URL", "https://v.vault.azure.net")
        AzureMLEngine(client).submit(path)
        [created] = arm.kind("jobs")
        variables = created["properties"]["jobs"]["a"]["environment_variables"]
        assert variables == {"PHYSAI_KEY_VAULT_URL": "https://v.vault.azure.net"}


def test_without_a_workspace_nothing_is_tried(site: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoWorkspaceError, match="PHYSAI_SUBSCRIPTION_ID, PHYSAI_RESOURCE_GROUP, PHYSAI_AZUREML_WORK"):
        make_client()


def test_yaml_keeps_scripts_as_blocks(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(TWO)
    text = pipeline_text(make_pipeline(read_workflow(path), load_profile("dev")), path)
    assert "command: |-\n" in text
    assert yaml.safe_load(text)["jobs"].keys() == {"make_data", "use_data"}
