"""Describe, check, judge, edit and trace LeRobot datasets."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from typer import Argument, Option, Typer

from physai.infrastructure.console import Json, show, told, tracked, watched

from .edit_cli import Author
from .edit_cli import app as edit_commands
from .judge_cli import app as judge_commands
from .label_cli import app as label_commands
from .roots import AnyRoot, Root
from .undo_cli import app as undo_commands

app = Typer(help=__doc__, no_args_is_help=True)
for more in (edit_commands, undo_commands, label_commands, judge_commands):
    app.registered_commands += more.registered_commands

MaxSpeed = Annotated[float, Option(help="Fastest plausible joint, rad/s.", min=0)]


def _facts(title: str, facts: dict[str, object]) -> Table:
    table = Table(title=title, show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name, str(value))
    return table


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "unknown"


@app.command()
def info(dataset: AnyRoot, as_json: Json = False) -> None:
    """Say what a dataset holds.

    Example: physai data-management dataset info OUT/dataset
    """
    from .summary import summarise

    summary = summarise(dataset)
    facts: dict[str, object] = {
        "content": summary.content or "no provenance",
        "robot, task": f"{summary.robot}, {', '.join(summary.tasks)}",
        "episodes": f"{summary.episodes} of {summary.shortest} to {summary.longest} rows",
        "rows": f"{summary.rows} at {summary.rate_hz} Hz",
        "splits": _counts(summary.splits),
        "worlds": _counts(summary.worlds),
        "generators": _counts(summary.generators),
        "outcomes": _counts(summary.outcomes),
    }
    facts |= {name: f"{f.dtype} {f.shape} {', '.join(f.names)}" for name, f in summary.features.items()}
    show(summary, as_json, _facts(summary.dataset, facts))


@app.command()
def validate(
    dataset: Root,
    max_speed: MaxSpeed = 10.0,
    decode: Annotated[bool, Option("--decode/--no-decode", help="Decode every frame.")] = True,
    html: Annotated[Path | None, Option(help="Also write a page, e.g. OUT/validation.html.")] = None,
    as_json: Json = False,
) -> None:
    """Look for every known kind of defect; exit 1 if something fails.

    Example: physai data-management dataset validate OUT/dataset --html OUT/validation.html
    """
    from .checks import Limits
    from .validate import validate as run
    from .validation_page import write_validation_page

    report = run(dataset, Limits(speed_rad_s=max_speed), tracked("validating"), decode=decode)
    title = f"{dataset}: {report.episodes} episodes, {report.rows} rows, {report.kinds} kinds of defect looked for"
    table = Table("", "defect", "episode", "finding", "mend", title=title)
    for f in report.findings:
        table.add_row(f.severity, f.defect, "" if f.episode is None else str(f.episode), f.detail, f.mend)
    if not report.findings:
        table.add_row("fit", "", "all", "", "")
    if html is not None:
        write_validation_page(report, html)
    show(report, as_json, table)
    if not report.passed:
        raise typer.Exit(1)


@app.command()
def curate(
    dataset: Root,
    output: Annotated[Path, Option(help="Where the curated dataset appears.")],
    merge: Annotated[
        list[str] | None, Option(help="Another dataset, by path or by the digest it was published under.")
    ] = None,
    heldout: Annotated[float, Option(help="Fraction of episodes to hold out.", min=0, max=0.9)] = 0.1,
    seed: Annotated[int, Option(help="Chooses the held-out episodes.", min=0)] = 0,
    max_speed: MaxSpeed = 10.0,
    author: Author = None,
    publish_it: Annotated[
        bool, Option("--publish/--no-publish", help="Put the result into the store under its digest.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Drop unfit episodes, merge datasets, split by episode, publish.

    Example: physai data-management dataset curate OUT/dataset --heldout 0.1 --output OUT/curated
    """
    from .checks import Limits
    from .curate import curate as run
    from .curate import located

    with (
        located([str(dataset), *(merge or [])], output) as sources,
        watched("writing", late=True) as progress,
    ):
        report = run(
            sources,
            output,
            heldout=heldout,
            seed=seed,
            limits=Limits(speed_rad_s=max_speed),
            publish_it=publish_it,
            track=tracked("checking"),
            author=author,
            progress=progress,
        )
    facts: dict[str, object] = {
        "content": report.content,
        "episodes": f"{report.train} train, {report.heldout} held out, {len(report.dropped)} dropped",
        "rows": report.rows,
        "published": "yes" if report.published else "no",
    }
    facts |= {f"dropped {d.source[7:15]}…/{d.source_episode}": d.reason for d in report.dropped}
    show(report, as_json, _facts(report.dataset, facts))


@app.command()
def publish(dataset: Root) -> None:
    """Put a dataset into the store; prints the digest under which it can be fetched.

    Example: physai data-management dataset publish OUT/dataset
    """
    from physai.infrastructure.datasets import publish as run

    with told("publishing") as tell:
        digest = run(dataset, tell)
    typer.echo(digest)


@app.command()
def fetch(
    digest: Annotated[str, Argument(help="Digest that a dataset was published under.")],
    output: Annotated[Path, Option(help="Where the dataset appears.")],
) -> None:
    """Get a published dataset, verified.

    Example: physai data-management dataset fetch sha256:91efaaab… --output OUT/dataset
    """
    from physai.infrastructure.datasets import fetch as run
    from physai.infrastructure.datasets import is_digest

    if not is_digest(digest):
        raise typer.BadParameter(f"'{digest}' is no digest; it looks like sha256:91efaaab…", param_hint="DIGEST")
    with told("fetching") as tell:
        fetched = run(digest, output, tell)
    typer.echo(fetched)


@app.command()
def lineage(
    dataset: Annotated[
        str, Argument(help="Folder or azure:// URI of a dataset, or the digest it was published under.")
    ],
    as_json: Json = False,
) -> None:
    """Walk from a dataset back to the recordings its episodes were.

    Example: physai data-management dataset lineage sha256:91efaaab…
    """
    from .lineage import trace

    found = trace(dataset)
    table = Table("episode", "through", "recording", "world", title=f"{found.dataset} stems from")
    for episode in found.episodes:
        through = " ← ".join(f"{step.dataset[7:15]}/{step.episode}" for step in episode.steps)
        table.add_row(str(episode.episode), through, episode.raw[7:23], episode.world)
    show(found, as_json, table)
