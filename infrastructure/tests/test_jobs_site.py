"""What cannot run is refused before it starts: here, on the platform, and between its layers."""

import json
from pathlib import Path
from textwrap import indent

import pytest

from physai.infrastructure.jobs import WorkflowError, run_workflow
from physai.infrastructure.jobs.check import read_workflow
from physai.infrastructure.jobs.cost import make_cost_plan
from physai.infrastructure.jobs.images import image_python
from physai.infrastructure.jobs.layers import check_layers
from physai.infrastructure.jobs.repo import validate
from physai.infrastructure.jobs.site import check_site
from physai.infrastructure.jobs.state import RunState, Status, TaskRecord
from physai.infrastructure.setup.profile import Profile, load_profile, profile_names

TASK = "- name: go\n  image: physai:1\n  command: [physai, storage, ls, azure://a/b]\n"


def write(folder: Path, tasks: str = TASK, head: str = "", tail: str = "") -> Path:
    path = folder / "w.yaml"
    path.write_text(f"workflow:\n  name: w\n{indent(head, '  ')}  tasks:\n{indent(tasks, '  ')}{tail}")
    return path


def problems(path: Path, profile: str | None = "dev") -> list[str]:
    [file] = validate([path], profile=profile).files
    return [problem.replace(f"{path.parent}/", "") for problem in file.problems]


def test_a_workflow_that_fits_is_valid(tmp_path: Path) -> None:
    assert problems(write(tmp_path, head="resources: {default: {gpu: 1, platform: a10, memory: 300Gi}}\n")) == []


def test_a_pool_that_is_too_small_is_named(tmp_path: Path) -> None:
    head = "resources:\n  default: {gpu: 4}\n"
    assert problems(write(tmp_path, head=head)) == [
        "w.yaml:6: task 'go': resource: asks for 4; a node has at most 1: cpu (7 cores, 26 Gi, 0 GPUs a node); "
        "a10 (34 cores, 400 Gi, 1 GPUs a node). Ask for less under workflow.resources.default.gpu, or change "
        "node_pools in infrastructure/terraform/profiles/dev.tfvars.json."
    ]


def test_a_pool_with_too_few_nodes_for_a_group_is_named(tmp_path: Path) -> None:
    members = "".join(
        f"    - {{name: n{rank}, image: physai:1, command: [x], lead: {str(rank == 0).lower()}}}\n" for rank in range(3)
    )
    path = tmp_path / "w.yaml"
    path.write_text(
        "workflow:\n  name: w\n  resources: {default: {gpu: 1, platform: a10}}\n  groups:\n"
        f"  - name: train\n    tasks:\n{members}"
    )
    [problem] = problems(path)
    assert problem.startswith("w.yaml:5: groups[0]: group 'train' needs 3 nodes of 'a10' at once; the pool grows to 1.")
    assert "Raise node_pools.a10.max_count in infrastructure/terraform/profiles/dev.tfvars.json" in problem
    assert problems(path, "prod") == []


def test_a_wrong_platform_label_is_named(tmp_path: Path) -> None:
    [problem] = problems(write(tmp_path, head="resources:\n  default: {gpu: 1, platform: a100}\n"))
    assert "task 'go': resource: there is no platform 'a100'. Known: cpu, a10. Ask for less under" in problem
    assert problems(write(tmp_path, head="resources:\n  default: {gpu: 1, platform: a100}\n"), "prod") == []


def test_a_request_that_the_default_platform_does_not_hold_must_name_one(tmp_path: Path) -> None:
    [problem] = problems(write(tmp_path, head="resources:\n  default: {gpu: 1}\n"))
    assert "names no platform, so OSMO puts it on 'cpu', which is too small. Write `platform: a10`." in problem


def test_a_wrong_pool_is_named(tmp_path: Path) -> None:
    [problem] = problems(write(tmp_path, head="pool: gpus\n"))
    assert "pool 'gpus' has no such platform. Pools: default." in problem


def test_a_missing_credential_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    path = write(tmp_path, f"{TASK}  credentials: {{hub: {{HF_TOKEN: token}}}}\n")
    with pytest.raises(
        WorkflowError, match=r"w.yaml:7: task 'go': credentials.hub.HF_TOKEN: is not there. Set HF_TOKEN"
    ):
        run_workflow(path, run_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("image", "command", "said"),
    [
        ("python:3.11-slim", "[lerobot-train]", "has Python 3.11 (by its name); LeRobot needs 3.12."),
        ("acr.io/train:py310-cuda12", "[bash, -c, 'pip install lerobot']", "has Python 3.10 (by its name); LeRobot"),
        ("nvcr.io/nvidia/isaac-lab:2.3.0", "[physai, robots]", "has Python 3.11 (Isaac Lab 2.x stands on Isaac Sim 5)"),
    ],
)
def test_an_image_whose_python_is_too_old_is_named(tmp_path: Path, image: str, command: str, said: str) -> None:
    path = write(tmp_path, f"- name: go\n  image: {image}\n  command: {command}\n")
    assert any(f"w.yaml:5: task 'go': image: '{image}' {said}" in problem for problem in problems(path, None))


def test_images_tell_their_python_only_where_their_name_does() -> None:
    assert image_python("python:3.12") == ((3, 12), "by its name")
    for silent in (
        "physai:latest",
        "pytorch/pytorch:2.8.0-cuda12.8",
        "ubuntu:24.04",
        "nvcr.io/nvidia/pytorch:25.10-py3",
    ):
        assert image_python(silent) is None


def test_a_dataset_input_is_named(tmp_path: Path) -> None:
    [problem] = problems(write(tmp_path, f"{TASK}  inputs:\n  - dataset: {{name: cubes}}\n"))
    assert problem.startswith("w.yaml:8: task 'go': inputs[0].dataset: 'dataset' was removed in OSMO 6.3. Use `url:`")


def test_a_dangling_task_reference_is_named(tmp_path: Path) -> None:
    [problem] = problems(write(tmp_path, f"{TASK}  inputs:\n  - task: mke\n"))
    assert problem == "w.yaml:8: task 'go': inputs[0].task: there is no task 'mke'. Known: none."


def test_a_missing_default_is_named(tmp_path: Path) -> None:
    [problem] = problems(write(tmp_path, TASK.replace("azure://a/b", "'{{ where }}'")))
    assert problem == (
        "w.yaml:6: variable 'where' has no value. Pass --set where=…, or give it a line under default-values."
    )


def test_an_output_that_no_cluster_reaches_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, f"{TASK}  outputs:\n  - url: file:///data/out\n")
    assert problems(path, None) == []  # fine on this machine
    [problem] = problems(path)
    assert problem == (
        "w.yaml:8: task 'go': outputs[0].url: file:///data/out cannot be reached from a cluster. "
        "Write azure://account/container/path."
    )


def test_an_output_that_this_machine_does_not_reach_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    path = write(tmp_path, f"{TASK}  outputs:\n  - url: file://{blocked}/out\n")
    with pytest.raises(WorkflowError, match=r"w.yaml:8: task 'go': outputs\[0\].url: .*a-file is no folder"):
        run_workflow(path, run_dir=tmp_path / "run")
    path = write(tmp_path, f"{TASK}  outputs:\n  - url: ftp://host/out\n")
    with pytest.raises(WorkflowError, match=r"w.yaml:8: task 'go': outputs\[0\].url: "):
        run_workflow(path, run_dir=tmp_path / "run")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("[physai, trainng, il]", "command[1]: physai has no command 'trainng'. Did you mean 'training'?"),
        ("[physai, jobs, rnu]", "command[2]: `physai jobs` has no command 'rnu'. Did you mean 'run'?"),
        ("[physai, jobs, run, x.yaml, --sett=a]", "`physai jobs run`: No such option: --sett"),
        ("[physai, jobs, run]", "`physai jobs run`: Missing argument 'file'"),
        ("[physai, jobs, show, a.yaml, b.yaml]", "`physai jobs show`: Got unexpected extra argument(s) (b.yaml)"),
    ],
)
def test_a_command_that_does_not_exist_is_named(tmp_path: Path, command: str, said: str) -> None:
    [problem] = problems(write(tmp_path, f"- name: go\n  image: i\n  command: {command}\n"), None)
    assert problem.startswith("w.yaml:6: task 'go': ")
    assert said in problem


@pytest.mark.parametrize("name", profile_names())
def test_the_layers_of_every_shipped_profile_agree(name: str) -> None:
    assert check_layers(name) == ()


CHANGES = {
    "more GPUs than the machine has": (("a10", "job_limit", "gpu"), 4, "node_pools.a10.job_limit.gpu: a task may ask"),
    "no GPU where the machine has one": (("a10", "job_limit", "gpu"), 0, "Standard_NV36ads_A10_v5 has 1. Write 1."),
    "all cores of the machine": (("cpu", "job_limit", "cpu"), 8, "node_pools.cpu.job_limit.cpu: a task may ask for 8"),
    "all memory": (("cpu", "job_limit", "memory_gib"), 32, "has 32, and Kubernetes keeps some of it"),
    "an unknown machine": (("a10", "vm_size"), "Standard_X1", "no price of 'Standard_X1'"),
    "one platform for two machines": (("a10", "platform"), "cpu", "'cpu' is also 'cpu', whose job_limit is another."),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_contradiction_between_layers_names_the_file_to_change(tmp_path: Path, name: str) -> None:
    place, value, said = CHANGES[name]
    source = json.loads(load_profile("dev").model_dump_json())
    at = source["node_pools"]
    for word in place[:-1]:
        at = at[word]
    at[place[-1]] = value
    file = tmp_path / "site.tfvars.json"
    file.write_text(json.dumps(source))
    found = check_layers(str(file))
    assert found
    assert all(contradiction.file == str(file) for contradiction in found)
    assert any(said in contradiction.text() for contradiction in found)


def test_a_plan_adds_up(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        TASK + "- name: train\n  image: i\n  command: [x]\n  resource: gpu\n  inputs: [{task: go}]\n"
        "- name: look\n  image: i\n  command: [x]\n  resource: gpu\n  inputs: [{task: go}]\n",
        head="timeout: {exec_timeout: 2h}\nresources: {default: {cpu: 1}, gpu: {gpu: 1, platform: a10}}\n",
    )
    checked = read_workflow(path)
    profile: Profile = load_profile("prod")
    check_site(checked, profile, "prod")
    before = RunState(workflow="w", file="w.yaml", uuid="u").model_copy(
        update={"tasks": {"go": TaskRecord(status=Status.COMPLETED, seconds=1800.0, result="r")}}
    )
    plan = make_cost_plan(checked, profile, "prod", before)
    assert [(task.task, task.wave, task.platform, task.hours) for task in plan.tasks] == [
        ("go", 0, "cpu", 0.5),
        ("train", 1, "a10", 2.0),
        ("look", 1, "a10", 2.0),
    ]
    cpu, gpu = plan.tasks[0].usd_per_hour, plan.tasks[1].usd_per_hour
    assert plan.usd == pytest.approx(0.5 * cpu + 2.0 * gpu + 2.0 * gpu, abs=1e-3)
    assert plan.hours == 2.5  # the two trainings run at the same time
    assert {quota.vcpus for quota in plan.quotas} == {8, 72}  # one D8 node; two A10 nodes of 36 cores at once
    assert plan.price_source.startswith("azure eastus, 20")
    unknown = make_cost_plan(read_workflow(write(tmp_path)), profile, "prod", None)
    assert (unknown.usd, unknown.tasks[0].hours_source) == (
        None, "not known: run it here once, or set timeout.exec_timeout"
    )  # fmt: skip
