"""A report as a run of MLflow, which is what AzureML shows too."""

from collections.abc import Sequence
from pathlib import Path

from physai.infrastructure.contracts import EvaluationEvent
from physai.infrastructure.settings import Settings, settings
from physai.infrastructure.tracking import open_run

from .events import measures


class TrackingSink:
    """Keeps the numbers of every policy, the report and its page. One run per report, however often it is told."""

    def __init__(self, experiment: str = "evaluation", where: Settings | None = None) -> None:
        self._experiment, self._where = experiment, where

    @property
    def name(self) -> str:
        """What it is and where."""
        return f"mlflow at {(self._where or settings()).tracking_uri}, experiment '{self._experiment}'"

    def send(self, events: Sequence[EvaluationEvent], report: Path) -> None:
        """Log and end the run.

        Raises:
            TrackingError: If MLflow cannot do it.
        """
        first = events[0].data
        policies = {f"{each.data.role}.policy": each.data.policy for each in events if each.data.policy}
        run = open_run(self._experiment, f"{first.task} in {first.world}", key=first.report, where=self._where)
        run.log_params({"task": first.task, "world": first.world, "conditions": first.conditions, **policies})
        run.log_metrics(
            {f"{e.data.role}.{name}": [(0, value)] for e in events for name, value in measures(e.data).items()}
        )
        for path in (report, report.with_suffix(".html"), report.with_name("conditions.json")):
            if path.exists():
                run.log_file(path)
        run.finish()
