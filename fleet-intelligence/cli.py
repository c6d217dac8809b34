"""Hear the fleet, notice drift, ask for the right data, and tell the laps on one page."""

import typer

from .benchmark.cli import app as benchmark
from .dashboards.cli import app as dashboards
from .drift.cli import app as drift
from .page.cli import app as page
from .retrain.cli import app as retrain
from .setup.cli import setup
from .telemetry.cli import app as telemetry

app = typer.Typer(help=__doc__, no_args_is_help=True)
app.add_typer(telemetry, name="telemetry")
app.add_typer(drift, name="drift")
app.add_typer(retrain, name="retrain")
app.add_typer(dashboards, name="dashboards")
app.add_typer(page, name="page")
app.add_typer(benchmark, name="benchmark")
app.command()(setup)
