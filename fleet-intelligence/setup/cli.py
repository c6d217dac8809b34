"""Set up a site: Azure IoT Operations, streams, tables, dashboards and alert rules."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from physai.infrastructure.console import Json, show, stderr
from physai.infrastructure.contracts import Contract
from physai.infrastructure.setup.command import Command

STEP = "iot-operations, broker, dataflows, assets, streams, tables, alerts or grafana."


class Plan(Contract):
    """Commands of one step."""

    step: str
    commands: tuple[Command, ...]
    applied: bool
    ran: int
    """Of the commands; the others were done already."""


def setup(
    step: Annotated[str, Argument(help=STEP)],
    site: Annotated[Path, Option(help="YAML file of the site; `setup/site.example.yaml` is one.")],
    apply: Annotated[bool, Option("--apply/--plan", help="Run the commands, or only show them.")] = False,
    as_json: Json = False,
) -> None:
    """Show the commands of a step, or run them; what is done already is left out.

    Example: physai fleet-intelligence setup dataflows --site plant-1.yaml --plan
    """
    from physai.infrastructure.setup.command import Runner

    from .read import read_site
    from .steps import commands_of

    commands = commands_of(step, read_site(site))
    ran = 0
    if apply:
        runner = Runner(step)
        for command in commands:
            stderr.print(command.shown(), soft_wrap=True, markup=False)
            ran += runner.run(command)
    plan = Plan(step=step, commands=tuple(commands), applied=apply, ran=ran)
    done = f"{ran} of {len(commands)} commands run, the others were done already"
    show(plan, as_json, done if apply else "\n".join(command.shown() for command in commands))
