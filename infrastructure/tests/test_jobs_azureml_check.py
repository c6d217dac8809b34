"""Broken AzureML files, each refused with its line and what to write instead."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from physai.infrastructure.jobs import WorkflowError
from physai.infrastructure.jobs.azureml.check import check_job
from physai.infrastructure.jobs.azureml.errors import SecretError
from physai.infrastructure.jobs.azureml.secret import read_secret
from physai.infrastructure.jobs.errors import SameTargetError
from physai.infrastructure.jobs.repo import render, validate, workflow_files
from physai.infrastructure.tests.azureml_service import Credential

JOB = """\
$schema: https://azuremlschemas.azureedge.net/latest/pipelineJob.schema.json
type: pipeline
inputs:
  rate: 3
settings:
  default_compute: azureml:aks
jobs:
  make:
    type: command
    environment:
      image: physai:1
    command: physai make --output="${{outputs.output}}/x"
    outputs:
      output: {type: uri_folder, mode: upload}
    resources: {instance_type: cpu}
  use:
    type: command
    environment: azureml:physai:1
    command: physai use ${{inputs.data}} ${{inputs.rate}}
    inputs:
      data:
        type: uri_folder
        path: ${{parent.jobs.make.outputs.output}}
      rate: ${{parent.inputs.rate}}
  tune:
    type: command
    component: ./tune.yaml
    inputs:
      steps: 100
"""
COMPONENT = """\
$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json
name: tune
version: "1"
type: command
command: echo ${{inputs.steps}}
environment: azureml:physai:1
inputs:
  steps: {type: integer, min: 1, max: 1000}
"""
BROKEN: dict[str, tuple[str, str, str]] = {
    "a reference to a step that is not there": (
        "jobs.make.outputs", "jobs.mkae.outputs", "w.yaml:23: jobs.use.inputs.data.path: ${{parent.jobs.mkae.outputs"
        ".output}}: there is no step 'mkae'. Did you mean 'make'?"),
    "a reference to an output that is not there": (
        "make.outputs.output", "make.outputs.out", "w.yaml:23: jobs.use.inputs.data.path: ${{parent.jobs.make.outputs"
        ".out}}: step 'make' has no output 'out'. Did you mean 'output'?"),
    "a reference to no output": (
        "make.outputs.output", "make", "names no output. Write ${{parent.jobs.make.outputs.NAME}}."),
    "a reference to the step itself": (
        "jobs.make.outputs.output", "jobs.use.outputs.output", "a step cannot be its own input. Known: make, tune."),
    "a reference to a pipeline input that is not there": (
        "parent.inputs.rate", "parent.inputs.rat", "w.yaml:24: jobs.use.inputs.rate: ${{parent.inputs.rat}}: the "
        "pipeline has no input 'rat'. Did you mean 'rate'?"),
    "a reference to nothing of a pipeline": (
        "parent.inputs.rate", "parent.job.rate", "'job' is nothing of a pipeline. Write jobs, inputs or outputs."),
    "a command that reads an input that is not there": (
        "${{inputs.data}}", "${{inputs.dta}}", "w.yaml:19: jobs.use.command: ${{inputs.dta}} is not among the step's "
        "inputs. Did you mean 'data'?"),
    "a command that writes an output that is not there": (
        "${{outputs.output}}", "${{outputs.o}}", "w.yaml:12: jobs.make.command: ${{outputs.o}} is not among the "
        "step's outputs. Known: output."),
    "an input that the component does not have": (
        "steps: 100", "step: 100", "w.yaml:29: jobs.tune.inputs.step: the component has no such input. Did you mean "
        "'steps'?"),
    "a value above its range": (
        "steps: 100", "steps: 5000", "w.yaml:29: jobs.tune.inputs.steps: 5000 is outside [1, 1000]. Choose a value"),
    "a value below its range": ("steps: 100", "steps: 0", "w.yaml:29: jobs.tune.inputs.steps: 0 is outside [1, 1000]"),
    "a component that is not there": ("./tune.yaml", "./tnue.yaml", "w.yaml:"),
    "a malformed asset": (
        "path: ${{parent.jobs.make.outputs.output}}", "path: azureml:a:b:c:3", "w.yaml:21: jobs.use.inputs.data: "
        "'azureml:a:b:c:3' is no asset. Write azureml:name:version"),
    "an unknown field of a step": (
        "resources: {instance_type: cpu}", "resource: {instance_type: cpu}", "w.yaml:15: jobs.make.resource: unknown "
        "field. Did you mean 'resources'?"),
    "an unknown field of the pipeline": (
        "settings:", "seting:", "w.yaml:5: seting: unknown field. Did you mean 'settings'?"),
    "no command": (
        "command: physai make", "cmd: physai make", "w.yaml:8: jobs.make: has neither 'command' nor 'component'."),
    "no environment": ("environment: azureml:physai:1", "description: x", "w.yaml:16: jobs.use: has no environment."),
    "an environment without its prefix": (
        "azureml:physai:1", "physai:1", "w.yaml:18: jobs.use.environment: 'physai:1' is no environment. Write"),
    "no compute": (
        "default_compute", "default_comput", "no compute is set. Write `settings: {default_compute: azureml:NAME}`."),
    "an unknown type of a step": (
        "type: command\n    environment: azureml", "type: comand\n    environment: azureml", "w.yaml:17: jobs.use."
        "type: 'comand' is no type of a step. Did you mean 'command'?"),
    "an unknown type of an input": (
        "type: uri_folder\n        path", "type: uri_foldr\n        path", "w.yaml:22: jobs.use.inputs.data.type: "
        "'uri_foldr' is no type here. Did you mean 'uri_folder'?"),
    "an unknown mode": ("mode: upload", "mode: uplaod", "w.yaml:14: jobs.make.outputs.output.mode: 'uplaod' is"),
    "an unknown distribution": (
        "resources: {instance_type: cpu}", "distribution: {type: torch}", "w.yaml:15: jobs.make.distribution.type: "
        "'torch' is no type here. Did you mean 'pytorch'?"),
    "an unknown identity": (
        "resources: {instance_type: cpu}", "identity: {type: manged}", "jobs.make.identity.type: 'manged' is no type"),
    "a timeout that is no number": (
        "resources: {instance_type: cpu}", "limits: {timeout: 1h}", "w.yaml:15: jobs.make.limits.timeout: Value passed "
        "is not a data binding string: 1h; Not a valid integer."),
    "a count that is no number": (
        "{instance_type: cpu}", "{instance_count: two}", "w.yaml:15: jobs.make.resources.instance_count: "),
    "steps that wait for one another": (
        "type: uri_folder, mode: upload}", "type: uri_folder, mode: upload}\n    inputs: {x: '${{parent.jobs.use."
        "outputs.o}}'}", "steps wait for one another: "),
    "a key that is there twice": ("  rate: 3", "  rate: 3\n  rate: 4", "w.yaml:5: inputs.rate: is there twice. Keep"),
    "an unknown instance type": (
        "instance_type: cpu", "instance_type: h100", "w.yaml:15: jobs.make.resources.instance_type: there is no "
        "instance type 'h100'. Known: a10, cpu."),
    "no steps": (JOB[JOB.index("jobs:"):], "jobs: {}\n", "w.yaml:7: jobs: a pipeline has at least one step"),
    "steps that are a list": (JOB[JOB.index("jobs:"):], "jobs: [1]\n", "w.yaml:7: jobs: a pipeline has at least one"),
    "a step that is text": (JOB[JOB.index("  make:"):], "  make: x\n", "w.yaml:8: jobs.make: a step is a mapping"),
    "no YAML": ("inputs:\n  rate: 3", "inputs: [", "w.yaml:"),
}  # fmt: skip


def problems(folder: Path, text: str) -> list[str]:
    path = folder / "w.yaml"
    path.write_text(text)
    (folder / "tune.yaml").write_text(COMPONENT)
    [file] = validate([path], profile="dev").files
    assert file.kind == "azureml"
    return [problem.replace(f"{folder}/", "") for problem in file.problems]


def test_a_good_file_is_valid(tmp_path: Path) -> None:
    assert problems(tmp_path, JOB) == []


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_refused_with_line_and_mend(tmp_path: Path, name: str) -> None:
    old, new, said = BROKEN[name]
    assert JOB.count(old) >= 1
    found = problems(tmp_path, JOB.replace(old, new, 1))
    assert any(said in problem for problem in found), found
    assert all(problem.startswith("w.yaml:") for problem in found)
    assert all("component: Missing data" not in problem for problem in found)


def test_what_trips_azure_ai_ml_itself_is_still_one_line(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text("type: command\ncommand: 3\n# azuremlschemas\n")
    with pytest.raises(WorkflowError) as caught:
        check_job(path)
    assert "\n" not in str(caught.value)


FILES = [path for path in workflow_files([Path(__file__).resolve().parents[2]]) if path.parent.name == "osmo"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_workflow_of_the_repository_has_its_azureml_form_beside_it(path: Path) -> None:
    [rendering] = render([path], write=False)
    assert not rendering.changed, f"run `physai jobs render {path}`"
    [file] = validate([Path(rendering.file)], profile="dev").files
    assert (file.kind, file.problems) == ("azureml", ())


def test_a_change_of_the_workflow_is_noticed_and_rendered(tmp_path: Path) -> None:
    source = tmp_path / "workflows/osmo/w.yaml"
    source.parent.mkdir(parents=True)
    source.write_text("workflow: {name: w, tasks: [{name: a, image: i, command: [x]}]}")
    [first] = render([tmp_path])
    assert (first.changed, first.file) == (True, str(tmp_path / "workflows/azureml/w.yaml"))
    assert not render([tmp_path])[0].changed
    source.write_text("workflow: {name: w, tasks: [{name: a, image: j, command: [x]}]}")
    assert render([tmp_path], write=False)[0].changed
    assert yaml.safe_load(Path(first.file).read_text())["jobs"]["a"]["environment"] == {"image": "i"}
    [elsewhere] = render([source], output=tmp_path / "out")
    assert elsewhere.file == str(tmp_path / "out/w.yaml")


def test_two_workflows_of_one_name_do_not_take_each_others_place(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        source = tmp_path / folder / "workflows/osmo/w.yaml"
        source.parent.mkdir(parents=True)
        source.write_text("workflow: {name: w, tasks: [{name: a, image: i, command: [x]}]}")
    assert len(render([tmp_path])) == 2
    with pytest.raises(SameTargetError, match=r"one/workflows/osmo/w\.yaml and .*two/workflows/osmo/w\.yaml"):
        render([tmp_path], output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("status", "said"), [(200, ""), (403, "403 Forbidden"), (404, "404 Not Found")])
def test_a_secret_is_read_with_the_identity_of_the_job(monkeypatch: pytest.MonkeyPatch, status: int, said: str) -> None:
    seen: list[httpx.Request] = []

    def vault(url: str, **more: Any) -> httpx.Response:
        request = httpx.Request("GET", url, params=more["params"], headers=more["headers"])
        seen.append(request)
        return httpx.Response(status, json={"value": "s3cret"}, request=request)

    monkeypatch.setattr(httpx, "get", vault)
    if status == 200:
        assert read_secret("hub-token", "https://v.vault.azure.net/", Credential()) == "s3cret"
    else:
        with pytest.raises(SecretError, match=f"secret 'hub-token' cannot be read: {said}"):
            read_secret("hub-token", "https://v.vault.azure.net/", Credential())
    assert str(seen[0].url) == "https://v.vault.azure.net/secrets/hub-token?api-version=7.4"
    assert seen[0].headers["Authorization"].startswith("Bearer e30.")
