"""Propose a package to a cohort, approve it, see what is in force, take it back."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError
from rich.table import Column, Table

from physai.infrastructure.console import Json, show, stdout
from physai.infrastructure.contracts import Digest, PolicyPackage, Release, Window
from physai.infrastructure.settings import settings

from .repository import FleetRepository

if TYPE_CHECKING:
    from physai.infrastructure.registry import Registry
    from physai.infrastructure.registry.models import Alias

    from .releases import FleetStatus

app = typer.Typer(help=__doc__, no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of a release, as `release status` has it.")]
By = Annotated[str, typer.Option("--by", help="Who decides: a person, or a rule such as `gate`.")]
Reason = Annotated[str, typer.Option(help="Why; it stands in the commit.")]
Output = Annotated[Path | None, typer.Option(help="Also write the release to this file.")]
Tracking = Annotated[bool, typer.Option(help="Enter the package in MLflow's model registry, with its alias.")]


@app.command()
def create(
    package: Annotated[Path, typer.Argument(help="Folder of the policy package, or its digest in the registry.")],
    report: Annotated[Path, typer.Option(help="Evaluation report that speaks for it.")],
    verdict: Annotated[Path, typer.Option(help="Gate verdict on that report.")],
    robot: Annotated[list[str], typer.Option(help="A robot of the cohort; may be repeated.")],
    cohort: Annotated[str, typer.Option(help="Who is to run it.")] = "pilot",
    window: Annotated[
        list[str] | None,
        typer.Option(help="When robots may switch, as `mon-fri 22:00-05:00 Europe/Berlin`; may be repeated."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the release; made from its content by default.")] = None,
    approve_by: Annotated[str | None, typer.Option(help="Approve it at once in this name, e.g. `gate`.")] = None,
    track: Tracking = True,
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Push a package, and propose it to a cohort with its evidence. Once more with the same inputs changes nothing.

    Example: physai fleet-deployment release create out/package --report out/report.json --verdict out/verdict.json
    --cohort pilot --robot robot-1 --window "mon-fri 22:00-05:00 Europe/Berlin" --output out/release.json
    """
    from physai.infrastructure.registry import open_registry

    from ..publish import create_release

    windows = _windows(window or ())
    registry = open_registry(str(settings().registry))
    with _package_folder(package, registry) as folder:
        release = create_release(
            folder,
            report,
            verdict,
            cohort=cohort,
            robots=robot,
            windows=windows,
            registry=registry,
            repository=_repository(),
            register=(lambda contract, digest: _mark(contract, digest, "candidate")) if track else None,
            name=name,
        )
    if approve_by:
        release = _approve(release.name, approve_by, f"gate verdict PASS ({release.verdict})", track)
    _finish(release, output, as_json)


@app.command()
def approve(
    name: Name, by: By, reason: Reason, track: Tracking = True, output: Output = None, as_json: Json = False
) -> None:
    """Approve a release: it is in force in its cohort from this commit on.

    Example: physai fleet-deployment release approve pilot-reach-0a1b2c3d --by gate --reason "verdict PASS"
    """
    _finish(_approve(name, by, reason, track), output, as_json)


@app.command()
def rollback(
    cohort: Annotated[str, typer.Option(help="Whose release is taken back.")],
    by: By,
    reason: Reason,
    track: Tracking = True,
    as_json: Json = False,
) -> None:
    """Take back what is in force in a cohort; the release approved before it takes its place.

    Example: physai fleet-deployment release rollback --cohort pilot --by anna --reason "overshoots at the shelf"
    """
    from .releases import roll_back

    _, before = roll_back(_repository(), cohort, by, reason)
    if before and track:
        _move_champion(before)
    status(as_json)


@app.command()
def status(as_json: Json = False) -> None:
    """List every release: its package, its robots, who approved it, and whether it is in force.

    Example: physai fleet-deployment release status
    """
    from .releases import status as read_status

    found = read_status(_repository())
    show(found, as_json, _table(found))


@contextmanager
def _package_folder(package: Path, registry: "Registry") -> Iterator[Path]:
    """The folder of a package; one that is named by its digest is pulled into a folder that lives as long as this."""
    from physai.infrastructure.registry.tags import is_digest

    if not is_digest(str(package)):
        yield package
        return
    with tempfile.TemporaryDirectory(prefix="physai-release-") as scratch:
        yield registry.pull(str(package), Path(scratch) / "package")


@app.command()
def diff(name: Name, as_json: Json = False) -> None:
    """Compare a release with the one in force in its cohort: package, evaluation, robots.

    Example: physai fleet-deployment release diff pilot-reach-0a1b2c3d
    """
    from .compare import compare

    found = compare(_repository(), name)
    table = Table("field", "in force", name)
    for change in found.changes:
        table.add_row(change.field, change.before or "", change.after)
    show(found, as_json, table)


@app.command()
def promote(
    name: Name,
    to: Annotated[str, typer.Option(help="Cohort that is to run the same package.")],
    robot: Annotated[list[str], typer.Option(help="A robot of that cohort; may be repeated.")],
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Propose an approved release's package, on the same evidence, to another cohort.

    Example: physai fleet-deployment release promote pilot-reach-0a1b2c3d --to plant --robot robot-3
    """
    from .compare import promote as promote_release

    _finish(promote_release(_repository(), name, to, tuple(robot)), output, as_json)


@app.command()
def halt(
    cohort: Annotated[str, typer.Option(help="Whose release is frozen.")],
    by: By,
    reason: Reason,
    release: Annotated[bool, typer.Option("--release", help="Lift the halt.")] = False,
) -> None:
    """Freeze a cohort: nothing is approved for it until the halt is lifted; what is in force goes on.

    Example: physai fleet-deployment release halt --cohort pilot --by anna --reason "audit of the cell"
    """
    from .halts import halt as halt_cohort

    changed = halt_cohort(_repository(), cohort, by, reason, lift=release)
    stdout.print(f"{cohort}: {'nothing to do' if not changed else 'halt lifted' if release else 'halted'}")


def _windows(words: Iterable[str]) -> tuple[Window, ...]:
    try:
        return tuple(map(Window.parse, words))
    except ValidationError as error:
        raise typer.BadParameter(error.errors()[0]["msg"], param_hint="--window") from error
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--window") from error


def _repository() -> FleetRepository:
    return FleetRepository(str(settings().fleet_repo))


def _approve(name: str, by: str, reason: str, track: bool) -> Release:
    from .releases import approve as approve_release
    from .releases import is_in_force

    release = approve_release(_repository(), name, by, reason)
    if track and is_in_force(_repository(), release):
        _move_champion(release)
    return release


def _move_champion(release: Release) -> None:
    from physai.infrastructure.registry import open_registry

    artifact = open_registry(str(settings().registry)).show(release.package)
    _mark(artifact.package, release.package, "champion")


def _mark(package: PolicyPackage, digest: Digest, alias: "Alias") -> None:
    """Enter a package in the model registry and move an alias to it."""
    try:
        from physai.infrastructure.registry.models import register
    except ModuleNotFoundError as error:
        raise typer.BadParameter(
            f"needs {error.name}. Install physai-fleet-deployment[tracking], or give --no-track.", param_hint="--track"
        ) from error
    register(package.name, digest, run_id=package.run_id, alias=alias)


def _finish(release: Release, output: Path | None, as_json: bool) -> None:
    if output:
        release.write(output)
    table = Table("field", Column("value", overflow="fold"), show_header=False)
    for field, value in release.model_dump(mode="json", exclude={"kind", "version"}, exclude_none=True).items():
        table.add_row(field, ", ".join(map(str, value)) if isinstance(value, list) else str(value))
    show(release, as_json, table)


def _table(found: "FleetStatus") -> Table:
    table = Table(
        Column("release", no_wrap=True), "stage", "cohort", "robots", Column("package", no_wrap=True), "approved by"
    )
    for line in found.releases:
        release = line.release
        approved = f"{release.approval.by}, {release.approval.at:%Y-%m-%d %H:%M}" if release.approval else ""
        table.add_row(
            release.name, line.stage, release.cohort, ", ".join(release.robots), release.package[7:19], approved
        )
    return table
