"""Laps of the loop: the retrain request of one fills in the values of the next."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from physai.infrastructure.contracts import RetrainRequest
from physai.infrastructure.jobs import Event, RunResult, run_workflow

from ..retrain.ledger import Ledger

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
        **request.submit.values,
        "world": values["production_world"],
        "seed": int(values["seed"]) + 1,
    }


def spin(
    folder: Path, values: Values, laps: int, on_event: Callable[[Event], None], ledger: Ledger
) -> Iterator[RunResult]:
    """Go round the loop as often as retrain requests ask for it, at most `laps` times.

    A request that waits for a person ends it; once approved, the next call goes on from there.

    Args:
        folder: Holds one run folder a lap; a lap that was interrupted continues there.
        values: Workflow values of the first lap; must hold `production_world` and `seed`.
        laps: Upper bound, at least 1.
        on_event: Called with each event of each lap.
        ledger: Knows whether a request has been approved.

    Raises:
        WorkflowError: If the workflow cannot be run.
        RunCanceledError: If a lap was stopped by hand.
        TaskFailedError: If a task failed, with its name and its log.
    """
    for lap in range(1, laps + 1):
        result = run_workflow(WORKFLOW, values=values, run_dir=folder / f"lap-{lap}", on_event=on_event)
        result.raise_for_failure()
        yield result
        request = asked(result, ledger)
        if request is None or not request.may_start:
            return
        values = next_values(values, request)


def asked(result: RunResult, ledger: Ledger) -> RetrainRequest | None:
    """What a lap asks for, with the approval that may have been given since; None if it asks for nothing."""
    path = result.output("retrain") / REQUEST
    if not path.exists():
        return None
    request = RetrainRequest.read(path)
    return request if request.may_start else ledger.get(request.name)
