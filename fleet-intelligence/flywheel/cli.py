"""Go round the whole loop on this machine, as often as retrain requests ask for it."""

from pathlib import Path
from typing import Annotated

import typer

from physai.infrastructure.console import Json, show, stderr
from physai.infrastructure.settings import settings

app = typer.Typer(no_args_is_help=False, subcommand_metavar="")

QUICK = {
    "episodes": 80,
    "steps": 500,
    "evaluation_episodes": 50,
    "production_episodes": 24,
    "collect_episodes": 60,
}
"""A small lap: every step is taken, on fewer episodes."""


@app.callback(invoke_without_command=True)
def flywheel(
    laps: Annotated[int, typer.Option(min=1, help="Go round at most this often.")] = 2,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer episodes and steps; the numbers get worse.")] = False,
    world: Annotated[str, typer.Option(help="World that production meets: a name or a JSON file.")] = "moved-target",
    seed: Annotated[int, typer.Option(min=0, help="Of the first lap.")] = 0,
    rules: Annotated[
        str, typer.Option(help="What follows from a drift: `simulation`, `fleet`, or a YAML file.")
    ] = "simulation",
    as_json: Json = False,
) -> None:
    """Close the loop: record, convert, curate, train, package, evaluate, release, operate, detect, and again.

    Killed and started again, it goes on where it was; when nothing has changed, it says so. It ends with a summary, a
    page to look at and `summary.json`, all in `<home>/flywheel`.

    Example: physai flywheel

    Example: physai flywheel --laps 1 --quick
    """
    from physai.infrastructure.jobs.view import watching
    from physai.infrastructure.simulation import load_world

    from ..page import LapArtifacts, summary_table, write_page
    from ..retrain.cli import open_ledger
    from ..retrain.rules import RetrainRules
    from .laps import Values, asked, spin

    load_world(world)
    folder = settings().home / ("flywheel-quick" if quick else "flywheel")
    RetrainRules.load(rules)
    values: Values = {"production_world": world, "seed": seed, "retrain_rules": rules, **(QUICK if quick else {})}
    ledger = open_ledger()
    with watching(stderr) as on_event:
        results = list(spin(folder, values, laps, on_event, ledger))
    page = folder / "index.html"
    summary = write_page([LapArtifacts.of_run(Path(result.run_dir)) for result in results], page)
    show(summary, as_json, summary_table(summary))
    if all(result.up_to_date for result in results):
        stderr.print("all is up to date")
    if (request := asked(results[-1], ledger)) is not None and not request.may_start:
        mend = f"physai fleet-intelligence retrain approve {request.name} --by YOU --reason WHY"
        stderr.print(f"{request.name} waits for a person: {mend}; then run this again", soft_wrap=True, highlight=False)
    stderr.print(f"page: {page}\nnumbers: {page.with_name('summary.json')}", soft_wrap=True, highlight=False)
