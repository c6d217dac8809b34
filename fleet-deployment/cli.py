"""Release policy packages to cohorts of robots, and run them there."""

import typer

from .benchmark.cli import benchmark
from .gating.cli import app as gate_app
from .gitops.cli import app as release_app
from .gitops.repo_cli import app as repo_app
from .gitops.repo_cli import bootstrap
from .robot.cli import app as robot_app
from .rollout.cli import app as rollout_app
from .runtime.cli import run

app = typer.Typer(help=__doc__, no_args_is_help=True)
app.add_typer(release_app, name="release")
app.add_typer(repo_app, name="repo")
app.add_typer(robot_app, name="robot")
app.add_typer(gate_app, name="gate")
app.add_typer(rollout_app, name="rollout")
app.command()(benchmark)
app.command()(bootstrap)
app.command()(run)
