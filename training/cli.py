"""Train policies and package them for a robot."""

from typer import Typer

from .benchmark.cli import benchmark
from .il.cli import app as il
from .packaging.cli import app as package
from .pipelines.cli import app as pipeline
from .rl.cli import app as rl
from .vla.cli import app as vla

app = Typer(help=__doc__, no_args_is_help=True)
app.add_typer(il, name="il")
app.add_typer(rl, name="rl")
app.add_typer(vla, name="vla")
app.add_typer(package, name="package")
app.add_typer(pipeline, name="pipeline")
app.command()(benchmark)
