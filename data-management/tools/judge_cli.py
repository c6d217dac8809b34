"""Commands that judge a dataset, add up its numbers, and compare two."""

from pathlib import Path
from typing import Annotated

from rich.table import Table
from typer import Argument, Option, Typer

from physai.infrastructure.console import Json, show, tracked

from .roots import Root, here

app = Typer()


@app.command()
def quality(
    dataset: Root,
    reasons: Annotated[bool, Option("--reasons", help="Also why, for each score.")] = False,
    as_json: Json = False,
) -> None:
    """Score every episode, the worst first, and how varied the dataset is.

    Example: physai data-management dataset quality OUT/dataset --reasons
    """
    from .quality import quality as run

    report = run(dataset, tracked("judging"))
    varied = report.diversity
    title = f"{dataset}: coverage {_number(varied.coverage)}, spread {_number(varied.spread)}"
    names = ("score", "outcome", "smoothness", "idle", "efficiency", "coverage", "sharpness")
    table = Table("episode", *names, *(["why"] if reasons else []), title=title)
    for episode in sorted(report.episodes, key=lambda episode: episode.score):
        values = [getattr(episode, name) for name in names]
        cells = [value if isinstance(value, str) else _number(value) for value in values]
        why = "; ".join(episode.reasons.values())
        table.add_row(str(episode.episode), *cells, *([why] if reasons else []))
    for one, other in varied.near_duplicates:
        table.add_row(f"{one}, {other}", "nearly the same")
    show(report, as_json, table)


@app.command()
def stats(dataset: Root, as_json: Json = False) -> None:
    """Statistics of every channel, computed from the rows.

    Example: physai data-management dataset stats OUT/dataset
    """
    from .stats import NAMES
    from .stats import stats as run

    report = run(dataset)
    table = Table("feature", "channel", *NAMES, title=f"{dataset}: {report.rows} rows")
    for channel in report.channels:
        table.add_row(channel.feature, channel.name, *(f"{channel.values[name]:.4g}" for name in NAMES))
    show(report, as_json, table)


@app.command()
def diff(
    dataset: Root,
    other: Annotated[Path, Argument(help="Another one, e.g. the same before an edit.", parser=here)],
    as_json: Json = False,
) -> None:
    """Say which episodes two datasets share, and what only one of them has.

    Example: physai data-management dataset diff OUT/dataset OUT/curated
    """
    from .diff import diff as run

    report = run(dataset, other)
    table = Table("", "", title=f"{dataset} and {other}", show_header=False)
    table.add_row("same episodes", str(len(report.same)))
    table.add_row("of one recording, but not the same", ", ".join(f"{a} and {b}" for a, b in report.changed))
    table.add_row(f"only in {dataset}", ", ".join(map(str, report.only_here)))
    table.add_row(f"only in {other}", ", ".join(map(str, report.only_there)))
    for difference in report.info:
        table.add_row(difference.what, f"{difference.here} | {difference.there}")
    show(report, as_json, table)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
