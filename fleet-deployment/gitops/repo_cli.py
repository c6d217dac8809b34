"""Lay out the fleet's repository, check it, and point a cluster at it."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from physai.infrastructure.console import Json, show
from physai.infrastructure.contracts import Contract
from physai.infrastructure.settings import settings

from ..names import members
from .bootstrap import Step, Target
from .repository import FleetRepository

app = typer.Typer(help=__doc__, no_args_is_help=True)


class Plan(Contract):
    """What a bootstrap does."""

    steps: tuple[Step, ...]
    applied: bool


def _repository() -> FleetRepository:
    return FleetRepository(str(settings().fleet_repo))


@app.command("add-cluster")
def add_cluster(
    name: Annotated[str, typer.Argument(help="Of the cluster, e.g. plant-1.")],
    cohort: Annotated[
        list[str], typer.Option(help="A cohort, or `cohort=robot-1,robot-2` to run these robots' runtime here.")
    ],
    url: Annotated[
        str | None, typer.Option(help="Of the fleet's repository as the cluster reaches it, Git or oci://.")
    ] = None,
    image: Annotated[str | None, typer.Option(help="Repository of the runtime's container image.")] = None,
    verifier: Annotated[
        Literal["kyverno", "sigstore"], typer.Option(help="Controller that reads the signatures of images.")
    ] = "kyverno",
    webhook: Annotated[str | None, typer.Option(help="Where Flux tells of failures.")] = None,
    as_json: Json = False,
) -> None:
    """Commit what a cluster is told: Flux sources, its cohorts, notification, image automation, admission.

    Example: physai fleet-deployment repo add-cluster plant-1 --cohort pilot=robot-1,robot-2
    --url https://git.example/fleet --image fleet.azurecr.io/physai
    """
    from .cluster import Cluster
    from .layout import write_cluster
    from .policy import read_policy

    repository = _repository()
    cluster = Cluster(
        name=name,
        repository=url or repository.url,
        cohorts=dict(map(members, cohort)),
        image=image,
        verifier=verifier,
        webhook=webhook,
    )

    def edit(tree: Path) -> str:
        write_cluster(tree, cluster, read_policy(tree))
        return f"Describe cluster {name}"

    changed = repository.change(edit)
    show(cluster, as_json, f"clusters/{name}: {'committed' if changed else 'was there already'}")


@app.command()
def check(as_json: Json = False) -> None:
    """Build every cluster with kustomize, hold all objects against their schemas, and releases against their evidence.

    Example: physai fleet-deployment repo check
    """
    from .check import check_repository

    repository = _repository()
    with repository.read() as tree:
        report = check_repository(tree, repository.url)
    table = Table("where", "problem")
    for problem in report.problems:
        table.add_row(problem.where, problem.what)
    sound = f"{report.manifests} objects and {report.releases} releases: sound"
    show(report, as_json, table if report.problems else sound)
    if report.problems:
        raise typer.Exit(1)


def bootstrap(
    cluster: Annotated[str, typer.Option(help="Name of the Arc-enabled or AKS cluster on Azure.")],
    repository: Annotated[str, typer.Option(help="URL of the fleet's repository, as the cluster reaches it.")],
    path: Annotated[str, typer.Option(help="Folder of the repository to apply, e.g. clusters/plant-1.")],
    cluster_type: Annotated[
        Literal["connectedClusters", "managedClusters"], typer.Option(help="Arc-enabled, or AKS.")
    ] = "connectedClusters",
    apply: Annotated[bool, typer.Option("--apply/--plan", help="Carry it out, or only show it.")] = False,
    as_json: Json = False,
) -> None:
    """Put Flux on a cluster and point it at the fleet's repository. Shows every command; run again, it goes on.

    Example: physai fleet-deployment bootstrap --plan --cluster plant-1 --repository https://github.com/me/fleet
    --path clusters/plant-1
    """
    from . import bootstrap as steps

    current = settings()
    if not (current.subscription_id and current.resource_group):
        raise typer.BadParameter("set `subscription_id` and `resource_group`, see `physai settings show`")
    target = Target(
        subscription=current.subscription_id,
        resource_group=current.resource_group,
        cluster=cluster,
        cluster_type=cluster_type,
        repository=repository,
        path=path.strip("/"),
    )
    planned = steps.plan(target, steps.azure)
    if apply:
        steps.apply(planned, steps.azure)
    table = Table("step", "command", "is done already" if not apply else "was done already")
    for step in planned:
        table.add_row(step.why, " ".join(step.command), "yes" if step.done else "no")
    show(Plan(steps=planned, applied=apply), as_json, table)
