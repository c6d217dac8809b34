"""Take in what the robots say, and see how often they succeed and what their signals did."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from physai.infrastructure.console import Json, show, stderr
from physai.infrastructure.contracts import Contract, Digest, EpisodeEvent, Rate

from ..errors import AmbiguousPolicyError
from .buckets import quantile
from .ingest import ingest as ingest_files
from .signals import read_signals
from .store import TelemetryStore
from .store_option import StorePath, open_telemetry
from .summary import summarize
from .transport_cli import app as transport

app = typer.Typer(help=__doc__, no_args_is_help=True)
app.add_typer(transport)


class Episodes(Contract):
    """Events of the store, in order of time."""

    events: tuple[EpisodeEvent, ...]


def find_policy(store: TelemetryStore, text: str) -> Digest:
    """The digest of a policy in the store that begins so, with or without `sha256:`; the text itself if none does.

    Raises:
        AmbiguousPolicyError: If several do.
    """
    wanted = f"sha256:{text.removeprefix('sha256:')}"
    found = [policy for policy in store.policies() if policy.startswith(wanted)]
    if len(found) > 1:
        raise AmbiguousPolicyError(store.path, text, found)
    return found[0] if found else text


def short(digest: str) -> str:
    """The first twelve digits of a digest: enough to tell a few apart."""
    return digest.removeprefix("sha256:")[:12]


def percent(rate: Rate) -> str:
    """A rate with its interval, e.g. `83 % (72-91)`."""
    return f"{rate.value:.0%} ({rate.lower:.0%}-{rate.upper:.0%}) of {rate.episodes}"


@app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Event files, or folders that hold some.")],
    store: StorePath = None,
    as_json: Json = False,
) -> None:
    """Take in events, each exactly once; lines that are none are named and left out.

    Example: physai fleet-intelligence telemetry ingest out/operate-robot-1 out/operate-robot-2
    """
    with open_telemetry(store) as opened:
        done = ingest_files(opened, paths)
    table = Table("file", show_header=False, box=None)
    table.add_row(f"{done.added} added, {done.duplicates} known already, {len(done.refused)} refused")
    for refusal in done.refused:
        table.add_row(escape(f"refused {refusal.where}: {refusal.why}"), style="red")
    for file in done.torn:
        table.add_row(
            f"torn    {file}: its last line was cut off; ingest it again when the robot is back", style="yellow"
        )
    show(done, as_json, table)


@app.command("list")
def list_events(
    policy: Annotated[str | None, typer.Option(help="Package digest, or how it begins.")] = None,
    robot: Annotated[str | None, typer.Option(help="Only of this robot.")] = None,
    site: Annotated[str | None, typer.Option(help="Only of this site.")] = None,
    last: Annotated[int, typer.Option(min=1, help="Only the newest of them.")] = 50,
    store: StorePath = None,
    as_json: Json = False,
) -> None:
    """List production episodes in order of time.

    Example: physai fleet-intelligence telemetry list --robot robot-1 --last 10
    """
    with open_telemetry(store) as opened:
        asked = find_policy(opened, policy) if policy else None
        events = opened.events(policy=asked, robot=robot, site=site)[-last:]
    table = Table("time", "site", "robot", "release", "episode", "success", "steps", "policy")
    for event in events:
        data = event.data
        table.add_row(
            f"{event.time:%Y-%m-%d %H:%M:%S}",
            escape(data.site),
            escape(data.robot),
            escape(data.release),
            str(data.episode),
            "yes" if data.success else "no",
            str(data.steps),
            short(data.policy),
        )
    show(Episodes(events=events), as_json, table)


@app.command()
def summary(store: StorePath = None, as_json: Json = False) -> None:
    """Tell success by policy, robot and site, with 95 % intervals.

    Example: physai fleet-intelligence telemetry summary
    """
    with open_telemetry(store) as opened:
        counted = summarize(opened)
    table = Table("policy", "of", "success", "first", "last")
    for group in counted.groups:
        table.add_row(
            short(group.policy),
            "all" if group.by == "policy" else escape(f"{group.by} {group.name}"),
            percent(group.success),
            f"{group.first:%Y-%m-%d %H:%M:%S}",
            f"{group.last:%Y-%m-%d %H:%M:%S}",
        )
    show(counted, as_json, table)


@app.command()
def signals(
    signal: Annotated[str | None, typer.Option(help="Only this one.")] = None,
    robot: Annotated[str | None, typer.Option(help="Only of this robot.")] = None,
    site: Annotated[str | None, typer.Option(help="Only of this site.")] = None,
    hours: Annotated[float, typer.Option(min=0.01, help="Before the newest window.")] = 24.0,
    store: StorePath = None,
    as_json: Json = False,
) -> None:
    """Tell what signals of high rate did: the windows of each robot, merged into one.

    Example: physai fleet-intelligence telemetry signals --signal inference_ms --hours 1
    """
    with open_telemetry(store) as opened:
        read = read_signals(opened, signal, robot, site, timedelta(hours=hours))
    if not read.signals and not as_json:
        stderr.print(f"{opened.path}: no window of such a signal; `telemetry listen` makes them", highlight=False)
    table = Table(
        "site", "robot", "signal", "element", "samples", "late", "mean", "std", "min", "max", "newest", "p50", "p99"
    )
    for each in read.signals:
        parts = [f"{quantile(each.buckets, part):.4g}" if each.buckets else "" for part in (0.5, 0.99)]
        for element, values in enumerate(
            zip(each.mean, each.std, each.minimum, each.maximum, each.newest, strict=True)
        ):
            first = (escape(each.site), escape(each.robot), escape(each.signal)) if not element else ("", "", "")
            counts = (str(each.samples), str(each.late)) if not element else ("", "")
            table.add_row(
                *first,
                str(element),
                *counts,
                *(f"{value:.4g}" for value in values),
                *(parts if not element else ("", "")),
            )
    show(read, as_json, table)
