"""What the machine does while a run goes on."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .runs import Run


@contextmanager
def system_metrics(run: Run) -> Iterator[None]:
    """MLflow's own monitor, every 10 s: CPU, memory, disk, network and NVIDIA's GPUs, as `system/…`."""
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    logging.getLogger("mlflow.system_metrics").setLevel(logging.WARNING)
    monitor: Any = SystemMetricsMonitor(  # type: ignore[no-untyped-call]  # MLflow's own
        run.id, resume_logging=True, tracking_uri=run.uri
    )
    monitor.start()
    try:
        yield
    finally:
        monitor.finish()
