"""Compare production with the evaluation of that very package, and ask for retraining when it has dropped."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from physai.infrastructure.console import Json, show
from physai.infrastructure.contracts import Attribution, Contract, Digest, DriftReport, EvaluationReport, PolicyPackage
from physai.infrastructure.settings import settings

from ..errors import EmptyTelemetryError, NoDatasetError, TooFewEpisodesError
from ..telemetry.cli import StorePath, open_telemetry, percent, short
from .change import Change

app = typer.Typer(help=__doc__, no_args_is_help=True)

FALSE_ALARM = 0.05
HORIZON = 1000

FalseAlarm = Annotated[
    float, typer.Option(min=1e-6, max=0.5, help="Bound on the probability of a call in vain within the horizon.")
]
Horizon = Annotated[int, typer.Option(min=10, max=100_000, help="Production episodes that bound holds for.")]


def identify(package: Path | None, policy: str | None) -> tuple[Digest, Digest | None]:
    """The package's digest and its dataset's, from a folder or from the registry."""
    from physai.infrastructure.registry import manifest_digest, open_registry

    if package is not None and policy is None:
        return manifest_digest(package), PolicyPackage.read(package / "package.json").dataset
    if policy is not None and package is None:
        artifact = open_registry(str(settings().registry)).show(policy)
        return artifact.digest, artifact.package.dataset
    raise typer.BadParameter("give one of --package and --policy")


@app.command()
def check(
    report: Annotated[Path, typer.Option(help="Evaluation report with the package's baseline.")],
    output: Annotated[Path, typer.Option(help="Drift report to write.")],
    package: Annotated[Path | None, typer.Option(help="Package folder.")] = None,
    policy: Annotated[str | None, typer.Option(help="Package digest, looked up in the registry.")] = None,
    request: Annotated[Path | None, typer.Option(help="Retrain request to write if drift is called.")] = None,
    collect_episodes: Annotated[int, typer.Option(min=1, help="Episodes a retrain request asks for.")] = 150,
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
    from .request import make_request

    digest, dataset = identify(package, policy)
    if request is not None and dataset is None:
        raise NoDatasetError(digest)
    evaluation = EvaluationReport.read(report)
    baseline = find_baseline(evaluation, digest, str(report))
    with open_telemetry(store) as telemetry:
        events = telemetry.events(policy=digest, site=site)
        if not events:
            raise EmptyTelemetryError(telemetry.path, digest, site, telemetry.policies())
    drift = check_drift(evaluation, baseline, events, Level(false_alarm, horizon))
    if request is not None:
        request.unlink(missing_ok=True)  # one from an earlier check would start a lap that nobody asked for
    drift.write(output)
    if request is not None and dataset is not None and drift.detected_at is not None:
        make_request(drift, events, dataset, collect_episodes, site).write(request)
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
    verdict = f"called after {drift.detected_at} episodes" if drift.detected_at else "none"
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


class Explanation(Contract):
    """What has changed in what a policy's robots see and do."""

    policy: Digest
    before: int
    after: int
    """Episodes of either period."""
    attribution: Attribution
    """Where the failures of the recent period are."""
    changes: tuple[Change, ...]


@app.command()
def explain(
    policy: Annotated[str, typer.Option(help="Package digest.")],
    recent: Annotated[int, typer.Option(min=6, help="Newest episodes, compared with all before them.")] = 100,
    site: Annotated[str | None, typer.Option(help="Only production of this site.")] = None,
    store: StorePath = None,
    as_json: Json = False,
) -> None:
    """Tell what changed in observations and actions, and where the failures are.

    Example: physai fleet-intelligence drift explain --policy sha256:9f86d081884c7d65... --recent 100
    """
    from .attribution import attribute
    from .behaviour import LEAST_BLOCKS, compare, features
    from .check import in_order_of_start

    with open_telemetry(store) as telemetry:
        events = in_order_of_start(telemetry.events(policy=policy, site=site))
        if not events:
            raise EmptyTelemetryError(telemetry.path, policy, site, telemetry.policies())
    if len(events) < recent + LEAST_BLOCKS:
        raise TooFewEpisodesError(f"production of {policy}", len(events), recent + LEAST_BLOCKS)
    before, after = events[:-recent], events[-recent:]
    found = Explanation(
        policy=policy,
        before=len(before),
        after=len(after),
        attribution=attribute(after),
        changes=tuple(compare(features(before), features(after))),
    )
    table = Table("feature", "before", "after", "p", "memory, episodes", "")
    for change in found.changes:
        verdict = "unknown" if change.p_value is None else "changed" if change.changed else ""
        sure = "" if change.p_value is None else f"{change.p_value:.3f}"
        cells = (f"{change.before:.4g}", f"{change.after:.4g}", sure, f"{change.memory:.0f}", verdict)
        table.add_row(escape(change.feature), *cells)
    show(found, as_json, table)
