"""Validate, curate, merge, split, trace and see LeRobot datasets."""

from typer import Typer

from .benchmark.cli import benchmark
from .tools.cli import app as dataset
from .viewer.cli import viewer

app = Typer(help=__doc__, no_args_is_help=True)


@app.callback()
def group() -> None:
    """Validate, curate, merge, split and trace LeRobot datasets."""


app.add_typer(dataset, name="dataset")
app.command()(benchmark)
app.command()(viewer)
