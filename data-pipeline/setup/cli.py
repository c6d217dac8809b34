"""Set up an edge: Arc, k3s, edge storage, recorder and transfer."""

from typing import Annotated

from typer import Argument, Option

from physai.infrastructure.console import Json


def setup(
    step: Annotated[str, Argument(help="k3s, arc-server, arc-kubernetes, storage, workloads or systemd.")],
    name: Annotated[str, Option(help="Of the Arc resource.")] = "edge-1",
    resource_group: Annotated[str, Option(help="Azure resource group.")] = "rg-physai",
    location: Annotated[str, Option(help="Azure region.")] = "westeurope",
    storage_account: Annotated[str, Option(help="That recordings go to.")] = "",
    container: Annotated[str, Option(help="Of the account.")] = "robots",
    image: Annotated[str, Option(help="With physai, by digest: registry/name@sha256:….")] = "",
    apply: Annotated[bool, Option("--apply/--plan", help="Run the commands, or only show them.")] = False,
    as_json: Json = False,
) -> None:
    """Show the commands of a step, or run them; what is done already is left out.

    Example: physai data-pipeline setup storage --name lab-1 --storage-account robots --plan
    """
    from pydantic import ValidationError

    from physai.infrastructure.errors import PhysaiError
    from physai.infrastructure.setup.plan import carry_out

    from ..arc.edge import Edge
    from .steps import commands_of

    try:
        edge = Edge(
            name=name,
            resource_group=resource_group,
            location=location,
            storage_account=storage_account,
            container=container,
            image=image,
        )
    except ValidationError as error:
        first = error.errors()[0]
        option = str(first["loc"][0]).replace("_", "-")
        raise PhysaiError(f"--{option}: {first['msg']} (got {first['input']!r}). Mend it.") from error
    carry_out(step, commands_of(step, edge), apply=apply, as_json=as_json)
