"""Experiments and their metrics in MLflow: on SQLite here, anywhere else by the setting `tracking_uri`."""

from .errors import RunNotFoundError, TrackingError
from .runs import Point, Run, open_run, resume_run
from .system import system_metrics

__all__ = ["Point", "Run", "RunNotFoundError", "TrackingError", "open_run", "resume_run", "system_metrics"]
