"""Compare production with the evaluation of that very package."""

import re
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from physai.infrastructure.console import Json, show, stderr, stdout
from physai.infrastructure.contracts import Digest, DriftReport, EvaluationReport
from physai.infrastructure.settings import settings

from ..errors import DriftNotTakenError, EmptyTelemetryError
from ..telemetry.cli import find_policy, percent, short
from ..telemetry.store_option import StorePath, open_telemetry

app = typer.Typer(help=__doc__, no_args_is_help=True)

LEAST_EPISODES = 25  # with fewer every feature would be unknown
FALSE_ALARM = 0.05
HORIZON = 1000
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

FalseAlarm = Annotated[
    float, typer.Option(min=1e-6, max=0.5, help="Bound on the probability of a call in vain within the horizon.")
]
Horizon = Annotated[int, typer.Option(min=10, max=100_000, help="Production episodes that bound holds for.")]

Alerts = Annotated[Path | None, typer.Option("--folder", help="Of alerts and silences; default: <home>/alerts.")]


def identify(package: Path | None, policy: str | None) -> Digest:
    """The package's digest: itself, or from a folder, or by a tag from the registry."""
    from physai.infrastructure.registry import manifest_digest, open_registry

    if package is not None and policy is None:
        return manifest_digest(package)
    if policy is not None and package is None:
        if DIGEST.fullmatch(policy):  # an evaluation of another package is refused by name
            return policy
        return open_registry(str(settings().registry)).show(policy).digest
    raise typer.BadParameter("give one of --package and --policy")


@app.command()
def check(
    report: Annotated[Path, typer.Option(help="Evaluation report with the package's baseline.")],
    output: Annotated[Path, typer.Option(help="Drift report to write.")],
    package: Annotated[Path | None, typer.Option(help="Package folder.")] = None,
    policy: Annotated[str | None, typer.Option(help="Package digest, or its tag in the registry.")] = None,
    site: Annotated[str | None, typer.Option(help="Only production of this site.")] = None,
    false_alarm: FalseAlarm = FALSE_ALARM,
    horizon: Horizon = HORIZON,
    html: Annotated[Path | None, typer.Option(help="Chart to write.")] = None,
    store: StorePath = None,
    as_json: Json = False,
) -> None:
    """Tell whether production of a package has dropped below its evaluation; the exit code is 0 either way.

    Example: physai fleet-intelligence drift check --report report.json --package out/package --output drift.json
    """
    from .check import check_drift, find_baseline, in_order_of_start
    from .cusum import Level

    digest = identify(package, policy)
    evaluation = EvaluationReport.read(report)
    baseline = find_baseline(evaluation, digest, str(report))
    with open_telemetry(store) as telemetry:
        events = telemetry.events(policy=digest, site=site)
        if not events:
            raise EmptyTelemetryError(telemetry.path, digest, site, telemetry.policies())
    drift = check_drift(evaluation, baseline, events, Level(false_alarm, horizon))
    drift.write(output)
    if html is not None:
        from ..page.drift_page import write_drift_page

        write_drift_page(drift, html, [event.data.success for event in in_order_of_start(events)])
    show(drift, as_json, _table(drift))


def _table(drift: DriftReport) -> Table:
    table = Table("", short(drift.policy))
    table.add_row("evaluation", percent(drift.baseline))
    table.add_row("production", percent(drift.production))
    strongest = max(drift.statistic)
    table.add_row("evidence", f"{strongest:.1f} failures in excess at most; drift from {drift.threshold:.1f} on")
    over = f", {len(drift.spells)} before that are over" if drift.spells else ""
    verdict = (f"called after {drift.detected_at} episodes" if drift.detected_at else "none") + over
    table.add_row("drift", verdict, style="bold red" if drift.detected_at else "bold green")
    if drift.attribution is not None:
        found = drift.attribution
        table.add_row("where", "everywhere" if found.level == "policy" else escape(f"{found.level} {found.name}"))
    return table


@app.command()
def power(
    success: Annotated[float, typer.Option(min=0.05, max=1.0, help="True success rate in the evaluation.")] = 0.9,
    baseline_episodes: Annotated[int, typer.Option(min=20, max=500, help="Length of the evaluation.")] = 64,
    production_episodes: Annotated[int, typer.Option(min=1, max=1000, help="Length of production.")] = 96,
    false_alarm: FalseAlarm = FALSE_ALARM,
    horizon: Horizon = HORIZON,
    as_json: Json = False,
) -> None:
    """Tell before production what drop will be found, how surely and how soon; computed, not simulated.

    Example: physai fleet-intelligence drift power --success 0.9 --production-episodes 96
    """
    from .cusum import Level
    from .operating import power as compute

    plan = compute(success, baseline_episodes, production_episodes, Level(false_alarm, horizon))
    table = Table("success in production", "found", "half of them within", "9 of 10 within")
    for row in plan.rows:
        name = "unchanged (false alarm)" if row.production_rate == success else f"{row.production_rate:.2f}"
        table.add_row(name, f"{row.found:.1%}", *(str(each or "") for each in (row.median_episodes, row.p90_episodes)))
    show(plan, as_json, table)


@app.command()
def explain(
    policy: Annotated[str, typer.Option(help="Package digest, or how it begins.")],
    recent: Annotated[int, typer.Option(min=LEAST_EPISODES, help="Newest episodes, compared with all before.")] = 100,
    site: Annotated[str | None, typer.Option(help="Only production of this site.")] = None,
    store: StorePath = None,
    as_json: Json = False,
) -> None:
    """Tell where the failures are, and what changed there in observations and actions, sensor by sensor.

    Example: physai fleet-intelligence drift explain --policy sha256:9f86d081884c7d65... --recent 100
    """
    from .explain import explain as compute

    with open_telemetry(store) as telemetry:
        events = telemetry.events(policy=find_policy(telemetry, policy), site=site)
        if not events:
            raise EmptyTelemetryError(telemetry.path, policy, site, telemetry.policies())
    found = compute(events, recent)
    table = Table("feature", "before", "after", "p", "memory, episodes", "", title=escape(found.words()))
    for change in found.changes:
        verdict = "unknown" if change.p_value is None else "changed" if change.changed else ""
        sure = "" if change.p_value is None else f"{change.p_value:.3f}"
        cells = (f"{change.before:.4g}", f"{change.after:.4g}", sure, f"{change.memory:.0f}", verdict)
        table.add_row(escape(change.feature), *cells)
    show(found, as_json, table)


@app.command()
def watch(
    report: Annotated[
        list[Path], typer.Option(help="Evaluation report; may be repeated, the last about a policy counts.")
    ],
    false_alarm: FalseAlarm = FALSE_ALARM,
    horizon: Horizon = HORIZON,
    folder: Alerts = None,
    seconds: Annotated[float | None, typer.Option(min=0.0, help="Stop after; by default, never; 0 looks once.")] = None,
    eventhouse: Annotated[str | None, typer.Option(help="URI of a Kusto cluster, for its dashboards.")] = None,
    database: Annotated[str, typer.Option(help="Its database.")] = "Fleet",
    store: StorePath = None,
    as_json: Json = False,
) -> None:
    """Follow the store and tell of each drift and each recovery once, also over restarts.

    Drift reports go to `<folder>/drift-<policy>.json`, ready for `retrain request`. With --json each alert is a line.
    With --eventhouse the state of each policy goes to its table `Drift`.

    Example: physai fleet-intelligence drift watch --report out/report.json --seconds 0
    """
    from .alerts import AlertBook
    from .cusum import Level
    from .onward import DriftSink
    from .watch import Watch

    book = AlertBook(folder or settings().home / "alerts")
    reports = [EvaluationReport.read(path) for path in report]
    onward = DriftSink.at(eventhouse, database) if eventhouse else None
    with open_telemetry(store) as telemetry, closing(onward) if onward else nullcontext():
        watching = Watch(telemetry, reports, Level(false_alarm, horizon), book, onward)
        for _ in telemetry.changes(seconds):
            before = onward.trouble if onward else ""
            for alert in watching.look():
                line = alert.model_dump_json() if as_json else escape(alert.words())
                stdout.print(line, soft_wrap=True, highlight=False, style="dim" if alert.silenced else None)
            if onward and onward.trouble and onward.trouble != before:
                stderr.print(f"{onward.trouble}; trying again", highlight=False, soft_wrap=True)
    if onward and onward.trouble:
        raise DriftNotTakenError(onward.trouble)


@app.command()
def silence(
    policy: Annotated[str, typer.Argument(help="Package digest, or how that of a policy in the store begins.")],
    hours: Annotated[float, typer.Option(min=0.1, help="From now on.")],
    by: Annotated[str, typer.Option(help="Who wants it.")],
    reason: Annotated[str, typer.Option(help="Why, e.g. a trial that is known to fail.")],
    folder: Alerts = None,
    store: StorePath = None,
    as_json: Json = False,
) -> None:
    """Mark alerts of a package as known for a while; they are written down all the same.

    Example: physai fleet-intelligence drift silence sha256:9f86d081884c7d65... --hours 8 --by anna --reason "trial"
    """
    from .alerts import AlertBook

    digest = policy if DIGEST.fullmatch(policy) else _known(policy, store)
    made = AlertBook(folder or settings().home / "alerts").silence(digest, hours, by, reason)
    show(made, as_json, f"{short(digest)}: silent until {made.until:%Y-%m-%d %H:%M} UTC")


def _known(policy: str, store: Path | None) -> Digest:
    with open_telemetry(store) as telemetry:
        digest = find_policy(telemetry, policy)
        if not DIGEST.fullmatch(digest):
            raise EmptyTelemetryError(telemetry.path, policy, None, telemetry.policies())
    return digest
