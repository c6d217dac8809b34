"""The MLflow client of these settings. Needs `physai-infrastructure[tracking]`."""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # its own 7 take minutes to say that nobody answers

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from ..settings import Settings
from .errors import TrackingError

SQLITE = "sqlite:///"


@contextmanager
def tracking(uri: str, what: str) -> Iterator[None]:
    """Turn what MLflow says into one line that names the server and what was being done."""
    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise TrackingError(uri, what, error) from error


def open_client(config: Settings) -> MlflowClient:
    """Connect; a local database is created, by one process at a time, where there is none.

    Raises:
        TrackingError: If there is no such server, or it is of another version.
    """
    uri = str(config.tracking_uri)
    for name in ("mlflow.store.db.utils", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with tracking(uri, "cannot be opened"):
        if not uri.startswith(SQLITE):
            return MlflowClient(uri)
        database = Path(uri.removeprefix(SQLITE))
        database.parent.mkdir(parents=True, exist_ok=True)
        with database.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            client = MlflowClient(uri)
            client.search_experiments(max_results=1)  # creates the tables
        return client


def artifact_location(config: Settings) -> str | None:
    """Where a new experiment keeps its artifacts; None: where the server wants them."""
    return (config.home / "mlartifacts").as_uri() if str(config.tracking_uri).startswith(SQLITE) else None
