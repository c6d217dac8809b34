"""Record robot episodes, convert them into LeRobot datasets, bring them into a store, and set up the edge."""

from typer import Typer

from .benchmark.cli import app as benchmark
from .capture.cli import app as capture
from .convert.cli import app as convert
from .setup.cli import setup
from .transfer.cli import app as transfer

app = Typer(help=__doc__, no_args_is_help=True)
app.add_typer(benchmark, name="benchmark")
app.add_typer(capture, name="capture")
app.add_typer(convert, name="convert")
app.add_typer(transfer, name="transfer")
app.command()(setup)
