"""The option by which commands name the telemetry store, and the store that it means."""

from pathlib import Path
from typing import Annotated

import typer

from physai.infrastructure.settings import settings

from .store import TelemetryStore

StorePath = Annotated[Path | None, typer.Option("--store", help="DuckDB file; default: the setting 'telemetry'.")]


def open_telemetry(path: Path | None) -> TelemetryStore:
    """The store at a path, or where the settings say."""
    return TelemetryStore(path or Path(str(settings().telemetry)))
