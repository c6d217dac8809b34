"""What a step would run, or has run."""

from physai.infrastructure.contracts import Contract
from physai.infrastructure.setup.command import Command


class Plan(Contract):
    """Commands of one step."""

    step: str
    commands: tuple[Command, ...]
    applied: bool
    ran: int
    """Of the commands; the others were done already."""
