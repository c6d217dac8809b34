"""A step of a set-up as commands that are shown, or run where they are not done yet. Every domain's `setup` uses it."""

from collections.abc import Sequence

from ..console import show, stderr
from ..contracts import Contract
from .command import Command, Runner


class Plan(Contract):
    """What a step would run, or has run."""

    step: str
    commands: tuple[Command, ...]
    applied: bool
    ran: int
    """Of the commands; the others were done already."""


def carry_out(step: str, commands: Sequence[Command], *, apply: bool, as_json: bool) -> Plan:
    """Print the commands of a step, or run them and say how many were needed.

    Args:
        step: Its name, for errors.
        commands: In order.
        apply: Whether to run them.
        as_json: Whether to print the plan as JSON.

    Raises:
        CommandError: If one fails; those before it stay done.
        MissingToolError: If its program is not installed.
    """
    ran = 0
    if apply:
        runner = Runner(step)
        for command in commands:
            stderr.print(command.shown(), soft_wrap=True, markup=False)
            ran += runner.run(command)
    plan = Plan(step=step, commands=tuple(commands), applied=apply, ran=ran)
    done = f"{ran} of {len(commands)} commands run, the others were done already"
    show(plan, as_json, done if apply else "\n".join(command.shown() for command in commands))
    return plan
