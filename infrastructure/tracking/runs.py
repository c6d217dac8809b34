"""One training, evaluation or operation as an MLflow run that survives a kill without a gap or a repeat."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, RESOURCE_DOES_NOT_EXIST, ErrorCode

from ..settings import Settings, settings
from .client import artifact_location, open_client, tracking
from .errors import RunNotFoundError, TrackingError

KEY_TAG = "physai.key"
BATCH = 1000  # metrics per request; MLflow's limit

type Point = tuple[int, float]
"""Step and value."""


@dataclass
class Run:
    """An MLflow run that is open for writing."""

    id: str
    uri: str
    _client: MlflowClient
    _last_steps: dict[str, int] = field(default_factory=dict)

    def log_params(self, params: Mapping[str, object]) -> None:
        """Log parameters; the same again is no matter.

        Raises:
            TrackingError: If one was logged before with another value.
        """
        with tracking(self.uri, f"cannot log parameters of run '{self.id}'"):
            self._client.log_batch(self.id, params=[Param(name, str(value)) for name, value in params.items()])

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags, over what they were."""
        with tracking(self.uri, f"cannot tag run '{self.id}'"):
            self._client.log_batch(self.id, tags=[RunTag(name, value) for name, value in tags.items()])

    def log_metrics(self, metrics: Mapping[str, Iterable[Point]]) -> int:
        """Log what is new: points at steps beyond the last one logged, also by an earlier process.

        So a caller may always give its whole history, and a resumed training repeats nothing.

        Args:
            metrics: Name → points in order of step.

        Returns:
            Number of points logged.
        """
        now_ms = time.time_ns() // 1_000_000
        with tracking(self.uri, f"cannot log metrics of run '{self.id}'"):
            new = [
                Metric(name, value, now_ms, step)
                for name, points in metrics.items()
                for step, value in points
                if step > self._last_step(name)
            ]
            for start in range(0, len(new), BATCH):
                self._client.log_batch(self.id, metrics=new[start : start + BATCH])
        for metric in new:
            self._last_steps[metric.key] = metric.step
        return len(new)

    def history(self, metric: str) -> list[Point]:
        """Every logged point of one metric, in order of step."""
        with tracking(self.uri, f"cannot read metric '{metric}' of run '{self.id}'"):
            return sorted((point.step, point.value) for point in self._client.get_metric_history(self.id, metric))

    def log_file(self, path: Path) -> None:
        """Keep a file, or all files of a folder, as artifacts of the run."""
        with tracking(self.uri, f"cannot keep {path} with run '{self.id}'"):
            (self._client.log_artifacts if path.is_dir() else self._client.log_artifact)(self.id, str(path))

    def finish(self, status: Literal["FINISHED", "FAILED", "KILLED"] = "FINISHED") -> None:
        """Say how it ended; a run that goes on later is running again."""
        with tracking(self.uri, f"cannot end run '{self.id}'"):
            self._client.set_terminated(self.id, status)

    def _last_step(self, metric: str) -> int:
        if metric not in self._last_steps:
            history = self._client.get_metric_history(self.id, metric)
            self._last_steps[metric] = max((point.step for point in history), default=-1)
        return self._last_steps[metric]


def open_run(
    experiment: str, name: str, *, key: str, tags: Mapping[str, str] | None = None, where: Settings | None = None
) -> Run:
    """Go on with the run of this key, or start it.

    Args:
        experiment: Name of the experiment; created if need be.
        name: Shown by MLflow.
        key: Tells this run from all others of the experiment, e.g. a digest of what goes into it.
        tags: Set in either case.
        where: Other settings than this process's own.

    Raises:
        TrackingError: If MLflow cannot do it.
    """
    config = where or settings()
    uri, client = str(config.tracking_uri), open_client(config)
    with tracking(uri, f"cannot open a run of experiment '{experiment}'"):
        experiment_id = _experiment(client, experiment, artifact_location(config))
        found = client.search_runs([experiment_id], f"tags.`{KEY_TAG}` = '{key}'", max_results=1)
        if found:
            client.update_run(found[0].info.run_id, status="RUNNING")
        started = found[0] if found else client.create_run(experiment_id, tags={KEY_TAG: key}, run_name=name)
    run = Run(started.info.run_id, uri, client)
    run.set_tags(tags or {})
    return run


def resume_run(run_id: str, where: Settings | None = None) -> Run:
    """Go on with a run that is known by its id.

    Raises:
        RunNotFoundError: If there is no such run.
        TrackingError: If MLflow cannot do it.
    """
    config = where or settings()
    uri, client = str(config.tracking_uri), open_client(config)
    try:
        client.update_run(run_id, status="RUNNING")
    except MlflowException as error:
        if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            raise RunNotFoundError(uri, run_id) from error
        raise TrackingError(uri, f"cannot resume run '{run_id}'", error) from error
    return Run(run_id, uri, client)


def _experiment(client: MlflowClient, name: str, artifacts: str | None) -> str:
    """Id of the experiment; whoever comes second finds it there."""
    try:
        return str(client.create_experiment(name, artifact_location=artifacts))
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
            raise
    found = client.get_experiment_by_name(name)
    assert found is not None, "MLflow has just said that it is there"
    return str(found.experiment_id)
