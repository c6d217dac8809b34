"""Record robot episodes, and convert them into LeRobot datasets."""

from typer import Typer

from .capture.cli import app as capture
from .convert.cli import app as convert

app = Typer(help=__doc__, no_args_is_help=True)
app.add_typer(capture, name="capture")
app.add_typer(convert, name="convert")
