"""Laps of the loop: the retrain request of one fills in the values of the next."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from physai.infrastructure.contracts import RetrainRequest
from physai.infrastructure.jobs import Event, RunResult, run_workflow

WORKFLOW = Path(__file__).parents[1] / "workflows" / "osmo" / "flywheel.yaml"
REQUEST = "retrain-request.json"

type Values = Mapping[str, str | int | float]


def next_values(values: Values, request: RetrainRequest) -> Values:
    """What a retrain request asks of the next lap.

    New episodes come from the world that production meets, are merged with the dataset of the policy that drifted,
    and that policy is the champion which the new one is compared with.
    """
    return {
        **values,
        "champion": request.policy,
        "parent_dataset": request.dataset,
        "world": values["production_world"],
        "task": request.collect.task,
        "site": request.collect.site,
        "episodes": request.collect.episodes,
        "seed": int(values["seed"]) + 1,
    }


def spin(folder: Path, values: Values, laps: int, on_event: Callable[[Event], None]) -> Iterator[RunResult]:
    """Go round the loop as often as retrain requests ask for it, at most `laps` times.

    Args:
        folder: Holds one run folder a lap; a lap that was interrupted continues there.
        values: Workflow values of the first lap; must hold `production_world` and `seed`.
        laps: Upper bound, at least 1.
        on_event: Called with each event of each lap.

    Raises:
        WorkflowError: If the workflow cannot be run.
        RunCanceledError: If a lap was stopped by hand.
        TaskFailedError: If a task failed, with its name and its log.
    """
    for lap in range(1, laps + 1):
        result = run_workflow(WORKFLOW, values=values, run_dir=folder / f"lap-{lap}", on_event=on_event)
        result.raise_for_failure()
        yield result
        request = result.output("detect") / REQUEST
        if not request.exists():
            return
        values = next_values(values, RetrainRequest.read(request))
