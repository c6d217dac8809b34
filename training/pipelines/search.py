"""A search for a learning rate and a width as a sweep job of Azure Machine Learning, which chooses what to try next.

Source: learn.microsoft.com/azure/machine-learning/reference-yaml-job-sweep.
"""

import os
import shlex
import tempfile
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError

from physai.infrastructure.contracts import Contract, TrainingSummary
from physai.infrastructure.jobs.azureml.check import check_job, quiet
from physai.infrastructure.jobs.azureml.engine import make_client
from physai.infrastructure.settings import settings
from physai.infrastructure.tracking import resume_run

from ..errors import NoHeldoutError, NoJobError, RecipeError
from ..run import SUMMARY_FILE

METRIC = "heldout_loss"
HEADER = "# Written by `physai training pipeline search`: change its defaults in search.py, then write it again."
RUN, TRACKING = "MLFLOW_RUN_ID", "MLFLOW_TRACKING_URI"
"""Set by AzureML in every job. Source: learn.microsoft.com/azure/machine-learning, "Configure MLflow"."""


class Search(Contract):
    """What is searched, and with how much."""

    dataset: str = "azure://robots/datasets/reach"
    """URI of a LeRobot v3.0 dataset."""
    policy: Literal["act", "diffusion"] = "act"
    steps: int = Field(default=1000, ge=1)
    """Gradient steps of each trial."""
    lr_min: float = Field(default=3e-4, gt=0)
    lr_max: float = Field(default=1e-2, gt=0)
    dims: tuple[int, ...] = Field(default=(32, 64, 128), min_length=1)
    """Widths to choose from."""
    trials: int = Field(default=16, ge=1)
    at_once: int = Field(default=4, ge=1)
    image: str = "physai:latest"
    compute: str = "aks"
    instance_type: str = "cpu"
    hours: int = Field(default=8, ge=1)
    """After which what is left is not tried."""

    @classmethod
    def of(cls, **chosen: Any) -> "Search":
        """The defaults, with what was chosen instead.

        Raises:
            RecipeError: If a value is out of range.
        """
        try:
            search = cls(**{name: value for name, value in chosen.items() if value is not None})
        except ValidationError as error:
            first = error.errors()[0]
            raise RecipeError(str(first["loc"][0]), f"{first['msg']}, got {first['input']}") from error
        if search.lr_min >= search.lr_max:
            raise RecipeError("lr_min", f"{search.lr_min:g} is not below --lr-max {search.lr_max:g}")
        return search


def sweep_text(search: Search) -> str:
    """The job, as azure-ai-ml and `az ml job create` take it."""
    return f"{HEADER}\n{yaml.safe_dump(_job(search), sort_keys=False, width=120)}"


def check(text: str) -> None:
    """Have azure-ai-ml's own schema look at the job, without a network.

    Raises:
        WorkflowError: With everything that is wrong.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "search.yaml"
        path.write_text(text)
        check_job(path)


def submit(text: str, client: Any = None) -> str:
    """Create the job; its name.

    Args:
        text: The job.
        client: An `MLClient`; default: that of the settings.

    Raises:
        AzureMLError: If the workspace is not known, or says no.
    """
    from ..packaging.azure import telling

    check(text)
    asked = client or make_client()
    with quiet(), tempfile.TemporaryDirectory() as folder, telling("search"):
        from azure.ai.ml import load_job

        path = Path(folder) / "search.yaml"
        path.write_text(text)
        return str(asked.jobs.create_or_update(load_job(str(path))).name)


def report(run: Path) -> float:
    """Log a training's loss on held-out episodes with the job that it ran in, where the sweep looks for it.

    Returns:
        The last of them.

    Raises:
        NoJobError: If this is no job of AzureML.
        NoHeldoutError: If there are none.
        TrackingError: If MLflow does not answer.
    """
    summary = TrainingSummary.read(run / SUMMARY_FILE)
    if not summary.heldout_loss:
        raise NoHeldoutError(run)
    if not (job := os.environ.get(RUN)):
        raise NoJobError(RUN)
    where = settings().model_copy(update={"tracking_uri": os.environ.get(TRACKING) or settings().tracking_uri})
    curve = zip(summary.heldout_steps, summary.heldout_loss, strict=True)
    resume_run(job, where).log_metrics({METRIC: curve})
    return summary.heldout_loss[-1]


def _job(search: Search) -> dict[str, Any]:
    dataset = shlex.quote(f"--dataset={search.dataset}")
    words = [
        f"physai training il train {dataset} --policy={search.policy} --steps={search.steps}",
        "--lr=${{search_space.lr}} --dim=${{search_space.dim}} --output=${{outputs.output}}/run",
    ]
    command = f"{' '.join(words)} && physai training pipeline report ${{{{outputs.output}}}}/run"
    return {
        "$schema": "https://azuremlschemas.azureedge.net/latest/sweepJob.schema.json",
        "type": "sweep",
        "experiment_name": "search",
        "display_name": "search",
        "compute": f"azureml:{search.compute}",
        "trial": {"command": command, "environment": {"image": search.image}},
        "outputs": {"output": {"type": "uri_folder", "mode": "upload"}},
        "sampling_algorithm": "bayesian",
        "search_space": {
            "lr": {"type": "uniform", "min_value": search.lr_min, "max_value": search.lr_max},
            "dim": {"type": "choice", "values": list(search.dims)},
        },
        "objective": {"goal": "minimize", "primary_metric": METRIC},
        "limits": {
            "max_total_trials": search.trials,
            "max_concurrent_trials": min(search.at_once, search.trials),
            "timeout": search.hours * 3600,
        },
        "resources": {"instance_type": search.instance_type},
    }
