"""The workflow: load a policy, let it play, collect, publish, decide; every task the process that it is anywhere."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from physai.evaluation.examples.classic_control import CARTPOLE, balancing, falling
from physai.evaluation.sinks.publish import Receipt
from physai.infrastructure.contracts import EvaluationReport, GateVerdict
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.datasets.publish import fetch
from physai.infrastructure.jobs import RunResult, run_workflow
from physai.infrastructure.registry.open import open_registry
from physai.infrastructure.settings import settings

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # inside MLflow

EVALUATE = Path(__file__).parents[1] / "sil/workflows/osmo/evaluate.yaml"
PLAY = {"task": CARTPOLE, "success": "steps >= 200", "episodes": 16, "expert": False}


@pytest.fixture
def evaluate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., RunResult]]:
    """Runs the workflow with a balancing candidate and a falling one in the registry."""
    monkeypatch.setenv("PHYSAI_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    registry = open_registry(settings().registry or "")
    registry.push(balancing(tmp_path / "balancing"), "balancing")
    registry.push(falling(tmp_path / "falling"), "falling")

    def run(**values: object) -> RunResult:
        return run_workflow(EVALUATE, values=PLAY | {"port": free_port()} | values, run_dir=tmp_path / "run")

    yield run
    settings.cache_clear()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def result(run: RunResult, task: str, name: str) -> Path:
    return Path(run.output(task)) / name


def test_a_policy_is_loaded_played_collected_published_and_let_pass(
    evaluate: Callable[..., RunResult], tmp_path: Path
) -> None:
    run = evaluate(candidate="balancing", champion="falling")
    run.raise_for_failure()
    report = EvaluationReport.read(result(run, "simulate-policy", "evaluation/report.json"))
    assert {each.role: each.success.successes for each in report.policies} == {"candidate": 16, "champion": 0}
    assert GateVerdict.read(result(run, "check-gate", "verdict.json")).verdict == "PASS"

    (sink,) = Receipt.read(result(run, "publish-report", "published.json")).sinks
    assert sink == f"mlflow at {settings().tracking_uri}, experiment 'evaluation'"
    client = MlflowClient(str(settings().tracking_uri))
    experiment = client.get_experiment_by_name("evaluation")
    (logged,) = client.search_runs([experiment.experiment_id])
    assert logged.data.metrics["candidate.success"] == 1
    assert "report.html" in {each.path for each in client.list_artifacts(logged.info.run_id)}

    digest = Path(run.tasks["collect-rollouts"].log).read_text().split()[-1]
    stored = fetch(digest, tmp_path / "fetched")
    assert {source.outcome for source in Dataset(stored).required_provenance.episodes} == {"success"}


def test_a_sink_that_is_down_is_told_later_without_playing_again_also_of_a_policy_that_is_turned_away(
    evaluate: Callable[..., RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHYSAI_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    settings.cache_clear()
    port = free_port()
    first = evaluate(candidate="falling", port=port)
    assert statuses(first) == {"collect-rollouts": "COMPLETED", "publish-report": "FAILED", "check-gate": "FAILED"}
    assert "Publish again: what was taken is not sent twice." in Path(first.tasks["publish-report"].log).read_text()
    assert GateVerdict.read(result(first, "check-gate", "verdict.json")).verdict == "FAIL"
    report = result(first, "simulate-policy", "evaluation/report.json")
    played = report.stat().st_mtime_ns

    monkeypatch.delenv("PHYSAI_TRACKING_URI")
    settings.cache_clear()
    second = evaluate(candidate="falling", port=port)
    assert statuses(second) == {"collect-rollouts": "COMPLETED", "publish-report": "COMPLETED", "check-gate": "FAILED"}
    assert report.stat().st_mtime_ns == played
    assert Receipt.read(result(second, "publish-report", "published.json")).sinks


def statuses(run: RunResult) -> dict[str, str]:
    """Of the tasks after the simulation."""
    return {name: run.tasks[name].status.value for name in ("collect-rollouts", "publish-report", "check-gate")}
