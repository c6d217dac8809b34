"""Set up a site: Azure IoT Operations, streams, tables, dashboards and alert rules."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from physai.infrastructure.console import Json

STEP = "iot-operations, broker, dataflows, assets, streams, tables, alerts or grafana."


def setup(
    step: Annotated[str, Argument(help=STEP)],
    site: Annotated[Path, Option(help="YAML file of the site; `setup/site.example.yaml` is one.")],
    apply: Annotated[bool, Option("--apply/--plan", help="Run the commands, or only show them.")] = False,
    as_json: Json = False,
) -> None:
    """Show the commands of a step, or run them; what is done already is left out.

    Example: physai fleet-intelligence setup dataflows --site plant-1.yaml --plan
    """
    from physai.infrastructure.setup.plan import carry_out

    from .site import Site
    from .steps import commands_of

    carry_out(step, commands_of(step, Site.read(site)), apply=apply, as_json=as_json)
