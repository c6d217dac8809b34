"""Put a package behind an endpoint of AzureML or Kubernetes, blue/green: traffic comes after the golden answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from physai.infrastructure.console import Json, show, stderr

if TYPE_CHECKING:
    from .azureml import AzureMLTarget

app = typer.Typer(help=__doc__, no_args_is_help=True)

Package = Annotated[Path, typer.Argument(help="Policy package.")]
Endpoint = Annotated[str, typer.Option(help="Name under which policies are asked: 3 to 32 of a-z, 0-9 and -.")]
Output = Annotated[Path, typer.Option(help="Folder for the definitions.")]
Apply = Annotated[bool, typer.Option("--apply/--plan", help="Do it, or only write and check the definitions.")]
IMAGE = "By digest, registry/name@sha256:…; evaluation/setup/Containerfile builds it."


@app.command()
def azureml(
    package: Package,
    endpoint: Endpoint,
    output: Output,
    store: Annotated[
        str | None, typer.Option(help="azure://account/container/path, below which the package is laid.")
    ] = None,
    registry: Annotated[
        str | None, typer.Option(help="AzureML registry that `physai training package publish` put it into.")
    ] = None,
    image: Annotated[str | None, typer.Option(help=f"{IMAGE} Left out: Triton, brought by AzureML.")] = None,
    instance_type: Annotated[str, typer.Option(help="Azure machine.")] = "Standard_DS3_v2",
    instances: Annotated[int, typer.Option(min=1, help="How many of them.")] = 1,
    wait_s: Annotated[float, typer.Option(min=0, help="How long the model may take to be ready.")] = 120.0,
    apply: Apply = False,
    as_json: Json = False,
) -> None:
    """Write endpoint, model and deployment as azure-ai-ml takes them; with --apply make them and move the traffic.

    A Foundry project that is a workspace of AzureML is deployed to by its name, in the setting `azureml_workspace`.

    Example: physai evaluation deploy azureml out/package --endpoint reach --store azure://lab/models --output out
    """
    from .azureml import AzureMLTarget, check_files, definitions, laid_out, write_files
    from .target import Target

    with _mended(endpoint):
        target = Target.of(endpoint, package)
        wanted = AzureMLTarget(
            target=target,
            store=store,
            registry=registry,
            image=image,
            instance_type=instance_type,
            instances=instances,
        )
    laid_out(package, triton=wanted.triton)
    write_files(definitions(wanted), output)
    if apply:
        _apply_azureml(wanted, output, wait_s, as_json)
        return
    check_files(output)
    show(wanted, as_json, f"{output}: deployment {target.deployment} of endpoint {endpoint}, {target.package}")


def _apply_azureml(wanted: "AzureMLTarget", output: Path, wait_s: float, as_json: bool) -> None:
    from physai.infrastructure.jobs.azureml.engine import make_client
    from physai.infrastructure.storage import open_store

    from .rollover import roll_over

    store = open_store(wanted.store) if wanted.store else None
    done = roll_over(wanted, output, make_client(), store, stderr.print, wait_s)
    left = f"; without traffic: {', '.join(done.standing_by)}" if done.standing_by else ""
    show(done, as_json, f"{done.endpoint}: all traffic to {done.deployment}{left}")


@app.command()
def aks(
    package: Package,
    endpoint: Endpoint,
    image: Annotated[str, typer.Option(help=IMAGE)],
    output: Output,
    registry: Annotated[str | None, typer.Option(help="host/repository of packages; default: the setting.")] = None,
    namespace: Annotated[str, typer.Option(help="Of Kubernetes.")] = "policies",
    service_account: Annotated[str, typer.Option(help="Whose identity may pull packages.")] = "default",
    replicas: Annotated[int, typer.Option(min=1, help="At least.")] = 2,
    most: Annotated[int, typer.Option(min=1, help="Replicas, at most.")] = 4,
    apply: Apply = False,
    as_json: Json = False,
) -> None:
    """Write the manifests and show the commands of kubectl, or run them: make, prove in the cluster, lead traffic.

    Example: physai evaluation deploy aks out/package --endpoint reach --image IMAGE@sha256:… --output out/deploy
    """
    from physai.infrastructure.settings import settings
    from physai.infrastructure.setup.plan import carry_out

    from .kubernetes import KubernetesTarget, commands, files
    from .target import Target

    with _mended(endpoint):
        wanted = KubernetesTarget(
            target=Target.of(endpoint, package),
            image=image,
            registry=registry or settings().registry or "",
            namespace=namespace,
            service_account=service_account,
            replicas=replicas,
            most=most,
        )
    output.mkdir(parents=True, exist_ok=True)
    for name, text in files(wanted).items():
        (output / name).write_text(text)
    carry_out("aks", commands(wanted), apply=apply, as_json=as_json)


@contextmanager
def _mended(endpoint: str) -> Iterator[None]:
    """Tell what a target cannot be in one line."""
    from pydantic import ValidationError

    from ..errors import DeployError

    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        option = str(first["loc"][0]).replace("_", "-")
        raise DeployError(endpoint, f"--{option}: {first['msg']} (got {first['input']!r}). Mend it") from error
