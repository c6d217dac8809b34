"""How commands speak: results on stdout, progress on stderr."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from pydantic import BaseModel
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

stdout = Console()
stderr = Console(stderr=True)
READABLE = 120  # columns of a log: where words may wrap, they do
WIDE = 10_000  # columns: no table of ours comes near

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
"""The option that every command with a result has: `as_json: Json = False`."""


def show(result: BaseModel, as_json: bool, human: RenderableType) -> None:
    """Print a result: the model itself as JSON, or its table."""
    if as_json:
        typer.echo(result.model_dump_json(indent=2))
    elif isinstance(human, Table):
        print_table(human)
    else:
        stdout.print(human, soft_wrap=isinstance(human, str))  # a path or digest in a line stays in one piece


def print_table(table: Table) -> None:
    """Print a table with nothing cut off: a terminal folds long words, in a log paths and digests stay whole."""
    if table.title:  # a line of its own, since in the table it would be folded to the width of the columns
        stdout.print(table.title, style="italic", highlight=False, soft_wrap=True)
        table.title = None
    for column in table.columns:
        column.overflow = "fold"
        if not stdout.is_terminal and all(" " not in str(cell) for cell in column.cells):
            column.no_wrap = True
    if stdout.is_terminal:
        stdout.print(table)
    else:
        needed = stdout.measure(table, options=stdout.options.update(width=WIDE))
        Console(width=max(stdout.width, needed.minimum, min(needed.maximum, READABLE))).print(table)


def progress() -> Progress:
    """Bar for long work on stderr.

    Example: `with progress() as bar: bar.track(items, description="recording")`
    """
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=stderr,
        transient=stderr.is_terminal,
    )


def tracked[T](description: str) -> Callable[[Iterable[T]], Iterator[T]]:
    """Wrap any items in a bar that is there only while they are worked on.

    Example: `convert(folder, track=tracked("converting"))`
    """

    def track(items: Iterable[T]) -> Iterator[T]:
        with progress() as bar:
            yield from bar.track(list(items), description=description)

    return track


@contextmanager
def watched(description: str, *, late: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A bar that is told (done, total).

    Args:
        description: What is going on.
        late: Show it when it is first told something, where another bar comes before it.

    Example: `with watched("recording") as progress: record(folder, progress=progress)`
    """
    bar = progress()
    line = bar.add_task(description, total=None)

    def tell(done: int, total: int) -> None:
        bar.start()
        bar.update(line, completed=done, total=total)

    try:
        if not late and stderr.is_terminal:  # elsewhere a bar that was told nothing would say nothing
            bar.start()
        yield tell
    finally:
        if bar.live.is_started:
            bar.stop()


@contextmanager
def told(description: str) -> Iterator[Callable[[str, bool], None]]:
    """A line that is told each file that was copied, or was there already.

    Example: `with told("comparing") as tell: store.sync_up(folder, tell=tell)`
    """
    with stderr.status(description) as status:
        yield lambda key, transferred: status.update(f"{'copied' if transferred else 'equal '} {key}")
