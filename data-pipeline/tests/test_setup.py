"""Setting up an edge: what is planned, and what reaches `az`, `kubectl` and systemd."""

import shutil
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from typer.testing import CliRunner

from physai.data_pipeline.arc import manifests
from physai.data_pipeline.arc.edge import Edge
from physai.data_pipeline.arc.units import units
from physai.data_pipeline.cli import app
from physai.data_pipeline.setup.steps import STEPS, NeedsOptionError, UnknownStepError, commands_of

IMAGE = "registry.example/physai@sha256:" + "0" * 64
EDGE = Edge(name="lab-1", resource_group="rg", storage_account="robots", image=IMAGE)
PROGRAM = """#!/bin/sh
echo "$(basename "$0") $*" >> "{log}"
case "$*" in *show*|"get namespace"*) {probe};; esac
cat > /dev/null
"""


def fake(folder: Path, probe: str) -> Path:
    """`az` and `kubectl` that write down how they are called; a probe says whether the thing is there."""
    log = folder / "log"
    for name in ("az", "kubectl"):
        program = folder / name
        program.write_text(PROGRAM.format(log=log, probe=probe))
        program.chmod(0o755)
    return log


def apply(step: str) -> str:
    words = ["setup", step, "--name", "lab-1", "--storage-account", "robots", "--image", IMAGE, "--apply"]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_storage_is_installed_and_made_only_where_it_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    log = fake(tmp_path, "exit 3")
    assert "4 of 4 commands run" in apply("storage")
    said = log.read_text().splitlines()
    assert [line.split()[0:3] for line in said if "show" not in line and "get " not in line] == [
        ["az", "k8s-extension", "create"],
        ["az", "k8s-extension", "create"],
        ["kubectl", "create", "namespace"],
        ["kubectl", "apply", "--server-side"],
    ]
    log.unlink()
    fake(tmp_path, "exit 0")
    assert "1 of 4 commands run" in apply("storage")  # what kubectl applies is compared by the cluster itself


@pytest.mark.parametrize("step", STEPS)
def test_a_plan_shows_every_command_and_runs_none(step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    words = ["setup", step, "--storage-account", "robots", "--image", IMAGE, "--plan"]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0
    for command in commands_of(
        step, Edge(name="edge-1", resource_group="rg-physai", storage_account="robots", image=IMAGE)
    ):
        assert command.shown() in done.stdout


def test_manifests_ask_for_the_least_and_go_where_they_should() -> None:
    claim, ingest = manifests.storage(EDGE)
    assert claim["spec"]["storageClassName"] == "cloud-backed-sc"
    assert ingest["spec"]["edgevolume"] == claim["metadata"]["name"]
    assert ingest["spec"]["storageAccountEndpoint"] == "https://robots.blob.core.windows.net/"
    recorder, transfer = yaml.safe_load_all(manifests.text(manifests.workloads(EDGE)))
    assert recorder["spec"]["template"]["spec"]["containers"][0]["image"] == IMAGE
    assert transfer["spec"]["concurrencyPolicy"] == "Forbid"
    pod = transfer["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert "azure://robots/robots/fleet" in pod["containers"][0]["command"]


@pytest.mark.parametrize("made", [manifests.workloads(EDGE), manifests.storage(EDGE)[:1]], ids=["workloads", "claim"])
def test_kubernetes_knows_every_field_of_the_manifests(made: list[manifests.Manifest]) -> None:
    """By the schemas of Kubernetes; those of Azure Container Storage's own kinds are not published."""
    for manifest in made:
        kubernetes_validate.validate(manifest, "1.31", strict=True)
    spec = made[0]["spec"]
    with pytest.raises(kubernetes_validate.ValidationError, match="'replicaz' was unexpected"):
        kubernetes_validate.validate({**made[0], "spec": {**spec, "replicaz": 1}}, "1.31", strict=True)


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    for name, text in units(EDGE, "/bin/true").items():
        (tmp_path / name).write_text(text)
    files = [str(tmp_path / name) for name in units(EDGE, "/bin/true")]
    done = subprocess.run([analyze, "verify", "--man=no", *files], capture_output=True, text=True)
    assert str(tmp_path) not in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr


def test_what_is_missing_or_unknown_is_named() -> None:
    with pytest.raises(UnknownStepError, match="Did you mean 'storage'"):
        commands_of("storag", EDGE)
    with pytest.raises(NeedsOptionError, match="--storage-account"):
        commands_of("storage", Edge(name="a", resource_group="b"))
    assert CliRunner().invoke(app, ["setup", "storage", "--storage-account", "No!"]).exit_code == 1
