"""Configure the loop for a robot of your own: one file of answers in, one checked folder out."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ..console import Json, show, stderr
from . import adapt

app = typer.Typer(no_args_is_help=False, subcommand_metavar="", context_settings={"allow_interspersed_args": True})


@app.callback(invoke_without_command=True)
def adapt_robot(
    answers: Annotated[Path, typer.Argument(help="Answers about robot, topics, site and platform (YAML).")],
    output: Annotated[Path, typer.Option(help="Folder that appears.")],
    plan: Annotated[bool, typer.Option("--plan", help="Check and show everything, write nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Write robot, recording config, workflow, Terraform profile and next steps for a robot of your own.

    `physai contracts show adapt` tells what may stand in the answers.

    Example: physai adapt adapt.yaml --output OUT/bench-arm --plan
    """
    made = adapt(answers, output, plan=plan)
    table = Table("file", "what it is")
    for name, what in made.files.items():
        table.add_row(name, what)
    show(made, as_json, table)
    if not as_json:
        stderr.print(f"{made.folder}: {'written' if made.written else 'would be written'}", soft_wrap=True)
        for note in made.notes:
            stderr.print(f"note: {note}", highlight=False, soft_wrap=True)
