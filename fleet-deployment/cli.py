"""Release policy packages to cohorts of robots, and run them there."""

import typer

from .gitops.cli import app as release_app
from .robot.cli import app as robot_app

app = typer.Typer(help=__doc__, no_args_is_help=True)
app.add_typer(release_app, name="release")
app.add_typer(robot_app, name="robot")
