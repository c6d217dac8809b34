"""A search is a sweep job that azure-ai-ml takes, and its trials tell the sweep what it looks for."""

import shlex
from pathlib import Path

import pytest
import yaml

from physai.infrastructure.jobs.errors import WorkflowError
from physai.infrastructure.tests.azureml_service import workspace
from physai.infrastructure.tracking import open_run, resume_run
from physai.training.errors import NoHeldoutError, NoJobError, RecipeError
from physai.training.pipelines import search
from physai.training.pipelines.search import Search, sweep_text

from .test_training_pipelines import write_summary

pytestmark = pytest.mark.filterwarnings("ignore")  # inside azure-ai-ml and MLflow
COMMITTED = Path(search.__file__).parent / "workflows/azureml/search.yaml"


def test_the_committed_job_is_the_one_that_the_defaults_give() -> None:
    assert COMMITTED.read_text() == sweep_text(Search()), f"physai training pipeline search --output {COMMITTED}"


def test_azure_ai_ml_takes_the_job_as_a_sweep() -> None:
    from azure.ai.ml import load_job
    from azure.ai.ml.sweep import SweepJob

    search.check(sweep_text(Search()))
    job = load_job(str(COMMITTED))
    assert isinstance(job, SweepJob)
    assert (job.objective.primary_metric, job.limits.max_total_trials) == ("heldout_loss", 16)


def test_a_job_that_azure_ai_ml_does_not_take_is_refused() -> None:
    broken = yaml.safe_load(sweep_text(Search()))
    broken["search_space"]["lr"]["type"] = "gaussian"
    with pytest.raises(WorkflowError, match="search_space"):
        search.check(yaml.safe_dump(broken))


def test_the_real_sdk_creates_the_sweep() -> None:
    with workspace() as (arm, client):
        name = search.submit(sweep_text(Search(trials=3)), client)
    (job,) = arm.kind("jobs")
    assert job["name"] == name
    assert job["properties"]["jobType"] == "Sweep"
    assert job["properties"]["limits"]["maxTotalTrials"] == 3
    assert job["properties"]["objective"] == {"goal": "minimize", "primaryMetric": "heldout_loss"}


def test_a_trial_logs_its_loss_with_the_job_around_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_summary(tmp_path / "run", (0.5, 0.25))
    monkeypatch.delenv(search.RUN, raising=False)
    with pytest.raises(NoJobError, match="MLFLOW_RUN_ID is not set"):
        search.report(run)
    job = open_run("search", "trial", key="trial")
    monkeypatch.setenv(search.RUN, job.id)
    assert search.report(run) == 0.25
    assert resume_run(job.id).history("heldout_loss") == [(0, 0.5), (1, 0.25)]
    with pytest.raises(NoHeldoutError):
        search.report(write_summary(tmp_path / "blind", ()))


def test_bounds_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"--lr-min: 0\.1 is not below --lr-max 0\.01"):
        Search.of(lr_min=0.1)


def test_widths_and_hours_are_chosen_on_the_command_line() -> None:
    from typer.testing import CliRunner

    from physai.training.pipelines.cli import app

    found = CliRunner().invoke(app, ["search", "--dim", "48", "--dim", "96", "--hours", "2"])
    assert found.exit_code == 0
    job = yaml.safe_load(found.stdout)
    assert job["search_space"]["dim"]["values"] == [48, 96]
    assert job["limits"]["timeout"] == 2 * 3600


def test_a_policy_that_no_trial_could_train_is_refused_before_money_is_spent() -> None:
    with pytest.raises(RecipeError, match=r"--policy: Input should be 'act' or 'diffusion', got act2"):
        Search.of(policy="act2")


def test_the_dataset_is_one_word_to_the_shell_of_each_trial() -> None:
    job = yaml.safe_load(sweep_text(Search(dataset="azure://robots/my sets; reboot")))
    assert "--dataset=azure://robots/my sets; reboot" in shlex.split(job["trial"]["command"])
