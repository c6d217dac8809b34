"""Flux on an Arc cluster, through an `az` on PATH that answers from a file and records what it was asked."""

import json
import os
import stat
from pathlib import Path

import pytest

from physai.fleet_deployment.errors import AzureError
from physai.fleet_deployment.gitops.bootstrap import Target, apply, azure, plan

AZ = """\
#!/usr/bin/env python3
import json, os, sys
from pathlib import Path
folder, words = Path(os.environ["AZ_FOLDER"]), sys.argv[1:]
state = json.loads((folder / "state.json").read_text())
with (folder / "asked.jsonl").open("a") as log:
    log.write(json.dumps(words) + "\\n")
value = lambda name: words[words.index(name) + 1]
if state.get("refuse") == " ".join(words[:2]):
    sys.exit("ERROR: (ResourceNotFound) The cluster plant-1 was not found.")
if words[:2] == ["k8s-extension", "list"]:
    print(json.dumps(state["extensions"]))
elif words[:3] == ["k8s-configuration", "flux", "list"]:
    print(json.dumps(state["configurations"]))
elif words[:2] == ["k8s-extension", "create"]:
    state["extensions"].append({"extensionType": value("--extension-type")})
else:
    path = next(word for word in words if word.startswith("path=")).removeprefix("path=")
    git = {"url": value("--url"), "repositoryRef": {"branch": value("--branch")}}
    state["configurations"] = [{"name": "fleet", "gitRepository": git, "kustomizations": {"fleet": {"path": path}}}]
(folder / "state.json").write_text(json.dumps(state))
"""

TARGET = Target(
    subscription="00000000-0000-0000-0000-000000000000",
    resource_group="robots",
    cluster="plant-1",
    cluster_type="connectedClusters",
    repository="https://git.example/fleet",
    path="clusters/plant-1",
)


@pytest.fixture
def az(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "bin/az"
    program.parent.mkdir()
    program.write_text(AZ)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("AZ_FOLDER", str(tmp_path))
    (tmp_path / "state.json").write_text(json.dumps({"extensions": [], "configurations": []}))
    return tmp_path


def asked(az: Path) -> list[list[str]]:
    return [json.loads(line) for line in (az / "asked.jsonl").read_text().splitlines()]


def test_a_plan_shows_every_command_and_changes_nothing(az: Path) -> None:
    steps = plan(TARGET, azure)
    assert [step.done for step in steps] == [False, False]
    assert steps[0].command[:3] == ("az", "k8s-extension", "create")
    assert steps[1].command[:4] == ("az", "k8s-configuration", "flux", "create")
    assert all("list" in words for words in asked(az))


def test_applied_twice_nothing_is_left_to_do(az: Path) -> None:
    apply(plan(TARGET, azure), azure)
    assert [step.done for step in plan(TARGET, azure)] == [True, True]
    before = len(asked(az))
    apply(plan(TARGET, azure), azure)
    assert all("list" in words for words in asked(az)[before:])


def test_another_folder_is_an_update(az: Path) -> None:
    apply(plan(TARGET, azure), azure)
    moved = plan(TARGET.model_copy(update={"path": "clusters/plant-2"}), azure)
    assert [step.done for step in moved] == [True, False]
    assert moved[1].command[3] == "update"


def test_what_az_refuses_is_one_line(az: Path) -> None:
    (az / "state.json").write_text(json.dumps({"extensions": [], "configurations": [], "refuse": "k8s-extension list"}))
    with pytest.raises(AzureError, match=r"az k8s-extension list --subscription: ERROR: \(ResourceNotFound\)"):
        plan(TARGET, azure)


def test_a_machine_without_az_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AzureError, match="az is not installed"):
        plan(TARGET, azure)
