"""Bring recordings and datasets from the robot into a store."""

from pathlib import Path
from typing import Annotated

from rich.filesize import decimal
from rich.table import Table
from typer import Argument, Option, Typer

from physai.infrastructure.console import Json, progress, show

app = Typer(help=__doc__, no_args_is_help=True)

Edge = Annotated[Path, Argument(help="Folder with recordings and datasets, at any depth.")]


@app.command()
def run(
    edge: Edge,
    target: Annotated[str, Option(help="Storage URI: a folder, azure://account/container/path, https://….")],
    limit_mbit_s: Annotated[float | None, Option(min=0.01, help="Bandwidth that may be used.")] = None,
    window: Annotated[list[str] | None, Option(help="When, e.g. 22:00-06:00; may be repeated.")] = None,
    priority: Annotated[list[str] | None, Option(help="PATTERN=NUMBER; the highest goes first.")] = None,
    keep_h: Annotated[float | None, Option(min=0, help="Remove from the edge this long after it was verified.")] = None,
    azureml: Annotated[
        bool, Option(help="Make a data asset of each dataset, in the workspace of the settings.")
    ] = False,
    mqtt: Annotated[str | None, Option(help="Broker that is told, HOST:PORT.")] = None,
    mqtt_topic: Annotated[str, Option(help="Topic above sent, verified, failed, removed.")] = "physai/transfer",
    as_json: Json = False,
) -> None:
    """Send what is whole, go on where the line was cut, read every byte back, then let go of it.

    Example: physai data-pipeline transfer run OUT --target azure://robots/fleet --limit-mbit-s 20 --keep-h 24
    """
    from .news import News, Silent
    from .pace import Window
    from .run import Plan, priority_rule
    from .run import run as transfer

    plan = Plan(
        limit_mbit_s=limit_mbit_s,
        windows=tuple(Window.parse(text) for text in window or ()),
        priorities=tuple(priority_rule(text) for text in priority or ()),
        keep_h=keep_h,
        azureml=azureml,
    )
    with progress() as bar, News(mqtt, mqtt_topic, str(edge)) if mqtt else Silent() as news:
        line = bar.add_task("transferring", total=None)
        report = transfer(edge, target, plan, news, lambda done, total: bar.update(line, completed=done, total=total))
    show(report, as_json, _table(report))


@app.command()
def status(edge: Edge, as_json: Json = False) -> None:
    """Tell what waits, what was sent, and what was read back.

    Example: physai data-pipeline transfer status OUT
    """
    from .run import status as tell

    report = tell(edge)
    show(report, as_json, _table(report))


@app.command()
def verify(edge: Edge, as_json: Json = False) -> None:
    """Read every file back from the store and compare it with what was sent.

    Example: physai data-pipeline transfer verify OUT
    """
    from .run import verify as check

    report = check(edge)
    show(report, as_json, _table(report))


def _table(report: object) -> Table:
    from .run import TransferReport

    assert isinstance(report, TransferReport)
    table = Table("waiting", "sent", "verified", "removed", title=f"{report.folder} → {report.target}")
    table.add_row(
        f"{report.waiting} ({decimal(report.waiting_bytes)})", *map(str, (report.sent, report.verified, report.removed))
    )
    if report.datasets:
        named = (f"{d.name}:{d.version}{' (AzureML)' * bool(d.asset)}, episodes: {d.episodes}" for d in report.datasets)
        table.caption = "\n".join(("registered", *named))
    return table
