"""From a drift to a request for new data and a new policy, under rules that people write."""

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from physai.infrastructure.aside import locked
from physai.infrastructure.console import Json, show
from physai.infrastructure.contracts import Contract, Digest, DriftReport, PolicyPackage, RetrainRequest
from physai.infrastructure.settings import settings

from ..errors import EmptyTelemetryError, NoDatasetError, OtherPackageError
from ..telemetry.cli import short
from ..telemetry.store_option import StorePath, open_telemetry
from .decide import Decision, decide
from .ledger import Ledger
from .rules import RetrainRules

app = typer.Typer(help=__doc__, no_args_is_help=True)

Drift = Annotated[Path, typer.Argument(help="Drift report, from `drift check` or `drift watch`.")]
Rules = Annotated[str, typer.Option(help="`fleet`, `simulation`, or a YAML file.")]
Package = Annotated[Path | None, typer.Option(help="Package folder; by default the registry is asked.")]
Collect = Annotated[int | None, typer.Option(min=1, help="New episodes to ask for, in place of the rules' number.")]
LedgerPath = Annotated[Path | None, typer.Option("--ledger", help="Folder of all requests; default: <home>/retrain.")]


class Requests(Contract):
    """Every request made, the oldest first."""

    requests: tuple[RetrainRequest, ...]


def open_ledger(folder: Path | None = None) -> Ledger:
    """The ledger in a folder, or where the settings say."""
    return Ledger(folder or settings().home / "retrain")


def dataset_of(policy: Digest, package: Path | None) -> Digest:
    """What a package was trained on.

    Raises:
        OtherPackageError: If the folder holds another one.
        NoDatasetError: If it learned in simulation alone.
    """
    from physai.infrastructure.registry import manifest_digest, open_registry

    if package is None:
        found = open_registry(str(settings().registry)).show(policy).package
    elif (digest := manifest_digest(package)) != policy:
        raise OtherPackageError(package, digest, policy)
    else:
        found = PolicyPackage.read(package / "package.json")
    if found.dataset is None:
        raise NoDatasetError(policy)
    return found.dataset


def _decide(
    drift: Path, rules: str, package: Path | None, collect: int | None, store: Path | None, ledger: Ledger
) -> Decision:
    report = DriftReport.read(drift)
    chosen = RetrainRules.load(rules)
    if collect is not None:
        asked = tuple(rule.model_copy(update={"collect_episodes": collect}) for rule in chosen.rules)
        chosen = chosen.model_copy(update={"rules": asked})
    with open_telemetry(store) as telemetry:
        events = telemetry.events(policy=report.policy)
        if not events:
            raise EmptyTelemetryError(telemetry.path, report.policy, None, telemetry.policies())
    now = datetime.now(UTC).replace(microsecond=0)
    return decide(report, events, dataset_of(report.policy, package), chosen, ledger.requests(), now)


@app.command()
def plan(
    drift: Drift,
    rules: Rules = "fleet",
    package: Package = None,
    collect_episodes: Collect = None,
    store: StorePath = None,
    ledger: LedgerPath = None,
    as_json: Json = False,
) -> None:
    """Tell what would follow from a drift; nothing is asked for.

    Example: physai fleet-intelligence retrain plan out/drift.json --rules fleet
    """
    decision = _decide(drift, rules, package, collect_episodes, store, open_ledger(ledger))
    show(decision, as_json, _table(decision))


@app.command()
def request(
    drift: Drift,
    output: Annotated[Path, typer.Option(help="Retrain request to write, if there is one.")],
    rules: Rules = "fleet",
    package: Package = None,
    collect_episodes: Collect = None,
    store: StorePath = None,
    ledger: LedgerPath = None,
    as_json: Json = False,
) -> None:
    """Ask for what the rules say, once for each drift; the exit code is 0 either way.

    Example: physai fleet-intelligence retrain request out/drift.json --output out/retrain-request.json
    """
    book = open_ledger(ledger)
    if output.exists():
        RetrainRequest.read(output)  # nothing else is removed
        output.unlink()  # one from an earlier call would start a lap that nobody asked for
    with locked(book.folder / ".lock"):
        decision = _decide(drift, rules, package, collect_episodes, store, book)
        if decision.verdict == "retrain" and decision.request is not None:
            book.keep(decision.request)
    if decision.request is not None:
        decision.request.write(output)
    show(decision, as_json, _table(decision))


@app.command()
def approve(
    name: Annotated[str, typer.Argument(help="As `retrain status` has it.")],
    by: Annotated[str, typer.Option(help="Who agrees.")],
    reason: Annotated[str, typer.Option(help="On what evidence.")],
    ledger: LedgerPath = None,
    as_json: Json = False,
) -> None:
    """Let a request be submitted.

    Example: physai fleet-intelligence retrain approve retrain-9f86d081884c --by anna --reason "seen on site"
    """
    approved = open_ledger(ledger).approve(name, by, reason, datetime.now(UTC).replace(microsecond=0))
    assert approved.approval is not None
    show(approved, as_json, f"{name}: approved by {escape(approved.approval.by)}\n{escape(command_of(approved))}")


@app.command()
def status(ledger: LedgerPath = None, as_json: Json = False) -> None:
    """List all requests, and what each waits for.

    Example: physai fleet-intelligence retrain status
    """
    found = open_ledger(ledger).requests()
    table = Table("request", "at", "package", "where", "pull", "collect", "state")
    for each in found:
        state = f"approved by {each.approval.by}" if each.approval else each.needs_approval or "may start"
        where = "everywhere" if each.where.level == "policy" else f"{each.where.level} {each.where.name}"
        cells = (f"{each.requested_at:%Y-%m-%d %H:%M}", short(each.policy), escape(where))
        table.add_row(each.name, *cells, str(len(each.pull)), str(each.collect.episodes), escape(state))
    show(Requests(requests=tuple(found)), as_json, table)


def command_of(request: RetrainRequest) -> str:
    """What submits a request's workflow."""
    values = [f"--set={name}={value}" for name, value in request.submit.values.items()]
    return shlex.join(["physai", "jobs", "submit", request.submit.workflow, *values])


def _table(decision: Decision) -> Table:
    table = Table("", decision.verdict)
    table.add_row("why", escape(decision.why))
    if (made := decision.request) is not None:
        table.add_row("request", made.name)
        table.add_row("fetch", f"{len(made.pull)} episodes that failed")
        table.add_row("collect", escape(f"{made.collect.episodes} of {made.collect.task} at {made.collect.site}"))
        table.add_row("waits for" if not made.may_start else "run", escape(made.needs_approval or command_of(made)))
    return table
