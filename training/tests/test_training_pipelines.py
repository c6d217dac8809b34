"""Pipelines are found by name, choose by evidence, and register only what the gate has passed."""

import sys
from pathlib import Path
from typing import Any

import pytest

from physai.infrastructure.aside import OccupiedError
from physai.infrastructure.cli import main
from physai.infrastructure.contracts import GateVerdict, PolicyPackage, RuleVerdict, TrainingSummary
from physai.infrastructure.jobs import run_workflow
from physai.infrastructure.registry import OciLayout, TamperedError, manifest_digest
from physai.infrastructure.registry.models import aliased
from physai.infrastructure.settings import settings
from physai.infrastructure.tests.registry_packages import make_package
from physai.training.errors import NoHeldoutError, NotPassedError, UnknownPipelineError
from physai.training.packaging.register import register
from physai.training.pipelines.best import choose
from physai.training.pipelines.cli import find, pipelines

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # inside MLflow

DIGEST = "sha256:" + "0" * 64


def write_summary(run: Path, heldout: tuple[float, ...]) -> Path:
    run.mkdir()
    steps = tuple(range(len(heldout)))
    TrainingSummary(
        run_id="0", policy="act", dataset=DIGEST, parameters=1, steps=(1,), loss=(0.5,),
        heldout_steps=steps, heldout_loss=heldout, seconds=1.0,
    ).write(run / "training.json")  # fmt: skip
    (run / "mine").write_text(run.name)
    return run


def write_verdict(path: Path, package: str, verdict: Any = "PASS") -> Path:
    rule = RuleVerdict(rule="success", verdict=verdict, value=0.9, bound=0.8)
    GateVerdict(report=DIGEST, package=package, verdict=verdict, rules=(rule,)).write(path)
    return path


def test_the_run_with_the_lowest_last_loss_is_chosen(tmp_path: Path) -> None:
    """Run b was at 0.1 for a while, and ended worse than c."""
    runs = [
        write_summary(tmp_path / name, loss) for name, loss in (("a", (1, 0.5)), ("b", (0.1, 0.4)), ("c", (1, 0.3)))
    ]
    assert choose(runs, tmp_path / "best") == {str(runs[0]): 0.5, str(runs[1]): 0.4, str(runs[2]): 0.3}
    assert (tmp_path / "best/mine").read_text() == "c"
    with pytest.raises(OccupiedError):
        choose(runs, tmp_path / "best")
    with pytest.raises(NoHeldoutError, match="no loss on held-out episodes"):
        choose([write_summary(tmp_path / "blind", ())], tmp_path / "other")


def test_a_passed_package_is_registered_by_its_digest_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHYSAI_REGISTRY", str(tmp_path / "registry"))
    settings.cache_clear()
    package = make_package(tmp_path / "package", name="pipelines")
    digest = manifest_digest(package)
    verdict = write_verdict(tmp_path / "verdict.json", digest)
    first, again = (register(package, verdict, "candidate") for _ in range(2))
    assert first == again
    assert first.package == digest == aliased("pipelines", "candidate")
    pulled = OciLayout(tmp_path / "registry").pull(digest, tmp_path / "pulled")
    assert PolicyPackage.read(pulled / "package.json").name == "pipelines"


def test_what_the_gate_did_not_pass_is_not_registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHYSAI_REGISTRY", str(tmp_path / "registry"))
    settings.cache_clear()
    package = make_package(tmp_path / "package")
    for verdict in ("FAIL", "INCONCLUSIVE"):
        path = write_verdict(tmp_path / "verdict.json", manifest_digest(package), verdict)
        with pytest.raises(NotPassedError, match=f"says {verdict}"):
            register(package, path)
    with pytest.raises(NotPassedError, match="is on sha256:0000"):
        register(package, write_verdict(tmp_path / "other.json", DIGEST))
    (package / "golden.npz").write_bytes(b"")
    with pytest.raises(TamperedError):
        register(package, write_verdict(tmp_path / "late.json", DIGEST))
    assert not (tmp_path / "registry").exists()


def test_a_misspelt_pipeline_is_guessed() -> None:
    with pytest.raises(UnknownPipelineError, match="Did you mean 'release-candidate'"):
        find("release-candidat")


@pytest.mark.parametrize("name", pipelines())
def test_every_pipeline_has_a_plan_with_its_defaults(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["physai", "training", "pipeline", "plan", name, "--json"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0, capsys.readouterr().err


@pytest.mark.slow
def test_a_sweep_runs_here(dataset: Path, tmp_path: Path) -> None:
    """Three trainings side by side, and the best of them."""
    result = run_workflow(find("sweep"), values={"dataset": str(dataset), "steps": 20}, run_dir=tmp_path / "sweep")
    result.raise_for_failure()
    assert (Path(result.output("choose")) / "run/training.json").exists()


@pytest.mark.slow
@pytest.mark.simulation
def test_a_candidate_that_learned_nothing_is_turned_away(dataset: Path, tmp_path: Path) -> None:
    """From a dataset to the gate in real processes; after FAIL nothing is registered."""
    values = {"dataset": str(dataset), "steps": 2, "evaluation_episodes": 50}
    result = run_workflow(find("release-candidate"), values=values, run_dir=tmp_path / "run")
    assert result.tasks["gate"].status == "FAILED"
    assert result.tasks["register"].status != "COMPLETED"
