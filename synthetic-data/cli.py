"""Make more episodes from the ones that were recorded, and check that their actions still fit the pictures."""

from pathlib import Path
from typing import Annotated

from rich.table import Table
from typer import Argument, Option, Typer

from physai.infrastructure.console import Json, show, stderr, watched

from .cosmos.cli import app as cosmos

app = Typer(help=__doc__, no_args_is_help=True)
app.add_typer(cosmos, name="cosmos")

PlanFile = Annotated[Path, Argument(help="Plan, from `physai synthetic-data plan`.")]
Source = Annotated[Path, Argument(help="The LeRobot v3.0 dataset that the plan is of.")]
Clips = Annotated[Path, Argument(help="Folder of clips, from `physai synthetic-data generate`.")]


@app.callback()
def group() -> None:
    """Make more episodes from the ones that were recorded, and check that their actions still fit the pictures."""


@app.command()
def plan(
    dataset: Annotated[Path, Argument(help="Folder of a LeRobot v3.0 dataset with a camera.")],
    variations: Annotated[Path, Option(help="Variation file; `physai contracts show variations` tells what is in it.")],
    output: Annotated[Path, Option(help="Plan to write.")],
    as_json: Json = False,
) -> None:
    """List what is to be generated, what it covers, and what it costs, before anything is submitted.

    Example: physai synthetic-data plan OUT/dataset --variations varied.yaml --output OUT/plan.json
    """
    from physai.infrastructure.contracts import Variations

    from .plan import make_plan

    made = make_plan(dataset, Variations.read(variations))
    made.write(output)
    cost = made.cost
    hours = f"{cost.gpu_hours:.2f} h of {cost.gpu}" if cost.gpu else f"{cost.cpu_hours:.3f} core hours"
    table = Table("dimension", "real set", "with the plan", title=f"{output}: {len(made.generations)} clips")
    for row in made.coverage:
        table.add_row(row.dimension, f"{row.real:.0%}", f"{row.planned:.0%}")
    table.caption = f"{cost.frames} frames: {hours} on {cost.vm_size}, {cost.usd:g} USD"
    show(made, as_json, table)


@app.command()
def generate(
    plan_file: PlanFile,
    dataset: Source,
    output: Annotated[Path, Option(help="Folder of the clips; those that are there are kept.")],
    as_json: Json = False,
) -> None:
    """Make the clips of a plan; started again, it makes only those that are missing.

    Example: physai synthetic-data generate OUT/plan.json OUT/dataset --output OUT/clips
    """
    from physai.infrastructure.contracts import GenerationPlan

    from .backends import open_backend
    from .generate import generate as run

    planned = GenerationPlan.read(plan_file)
    with watched("generating") as progress:
        report = run(planned, dataset, output, open_backend(planned.variations), progress=progress)
    for clip, failure in report.failed.items():
        stderr.print(f"{clip}: {failure}", highlight=False)
    line = (
        f"{output}: {report.clips} clips, {report.made} made now in {report.seconds:.0f} s, {len(report.failed)} failed"
    )
    show(report, as_json, line)


@app.command()
def verify(
    plan_file: PlanFile,
    dataset: Source,
    clips: Clips,
    output: Annotated[Path, Option(help="Report to write.")],
    judge: Annotated[str, Option(help="OpenAI-compatible endpoint whose model votes too.")] = "",
    judge_model: Annotated[str, Option(help="Its model.")] = "nvidia/Cosmos-Reason2-2B",
    as_json: Json = False,
) -> None:
    """Check every clip against the recorded actions; what fails is rejected with the reason.

    Example: physai synthetic-data verify OUT/plan.json OUT/dataset OUT/clips --output OUT/report.json
    """
    from physai.infrastructure.contracts import GenerationPlan

    from .verify.judge import Judge
    from .verify.run import summary
    from .verify.run import verify as run

    asked = Judge(judge, judge_model) if judge else None
    with watched("checking") as progress:
        report = run(GenerationPlan.read(plan_file), dataset, clips, judge=asked, progress=progress)
    report.write(output)
    found = summary(report, output)
    table = Table("clip", "rejected because", title=f"{output}: {found.accepted} of {found.clips} clips accepted")
    for clip, reasons in found.rejected.items():
        table.add_row(clip, "; ".join(reasons))
    show(found, as_json, table)


@app.command()
def write(
    plan_file: PlanFile,
    dataset: Source,
    clips: Clips,
    report: Annotated[Path, Argument(help="Report, from `physai synthetic-data verify`.")],
    output: Annotated[Path, Option(help="Where the new dataset appears.")],
    originals: Annotated[bool, Option(help="Take the recorded episodes over.")] = True,
    publish: Annotated[bool, Option(help="Put the result into the store under its digest.")] = True,
    as_json: Json = False,
) -> None:
    """Write recorded episodes and accepted clips as one dataset, with the lineage of each.

    Example: physai synthetic-data write OUT/plan.json OUT/dataset OUT/clips OUT/report.json --output OUT/varied
    """
    from physai.infrastructure.contracts import GenerationPlan, VerificationReport

    from .write import write as run

    made = run(
        GenerationPlan.read(plan_file),
        dataset,
        clips,
        VerificationReport.read(report),
        output,
        originals=originals,
        publish_it=publish,
    )
    line = f"{output}: {made.episodes} episodes, {made.generated} generated, {made.rejected} rejected; {made.content}"
    show(made, as_json, line)


@app.command()
def report(
    plan_file: PlanFile,
    dataset: Source,
    clips: Clips,
    verdicts: Annotated[Path, Argument(metavar="REPORT", help="Report, from `physai synthetic-data verify`.")],
    output: Annotated[Path, Option(help="Folder of `quality.json` and `quality.html`.")],
    as_json: Json = False,
) -> None:
    """Tell what was rejected and why, what is covered now, and how diverse the clips are; as JSON and as a page.

    Example: physai synthetic-data report OUT/plan.json OUT/dataset OUT/clips OUT/report.json --output OUT/quality
    """
    from physai.infrastructure.contracts import GenerationPlan, VerificationReport

    from .review.page import write_page
    from .review.quality import quality

    made, shown = quality(GenerationPlan.read(plan_file), dataset, clips, VerificationReport.read(verdicts))
    made.write(output / "quality.json")
    write_page(made, shown, output / "quality.html")
    line = (
        f"{output}/quality.html: {made.accepted.pictures} of {len(shown)} clips accepted; "
        f"{made.real.effective:.1f} effectively unlike pictures without them, {made.both.effective:.1f} with them"
    )
    show(made, as_json, line)


@app.command()
def mimic(
    dataset: Annotated[Path, Argument(help="Recorded episodes of the simulated robot.")],
    output: Annotated[Path, Option(help="Where the new dataset appears.")],
    episodes: Annotated[int, Option(help="New episodes to try.", min=1)] = 16,
    seed: Annotated[int, Option(help="Draws starts, targets and sources.", min=0)] = 0,
    publish: Annotated[bool, Option(help="Put the result into the store under its digest.")] = True,
    as_json: Json = False,
) -> None:
    """Make new episodes towards new targets from recorded ones, with Isaac Lab Mimic; those that succeed are written.

    Example: physai synthetic-data mimic OUT/dataset --episodes 32 --seed 1 --output OUT/mimicked
    """
    from .mimic_dataset import make

    made = make(dataset, output, episodes=episodes, seed=seed, publish_it=publish)
    show(made, as_json, f"{output}: {made.episodes} of {made.asked} episodes succeed, {made.rows} rows; {made.content}")


@app.command()
def benchmark(
    dataset: Annotated[Path, Argument(help="A LeRobot v3.0 dataset of the simulated robot, with a camera.")],
    output: Annotated[Path, Option(help="Folder of the report.")],
    clips: Annotated[int, Option(help="Clips that are made, and given every fault in turn.", min=1)] = 24,
    only: Annotated[list[str] | None, Option(help="Rows to measure: stages, recall, simulation, costs.")] = None,
    seed: Annotated[int, Option(help="Draws variations and faults.", min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Measure how many injected faults the checks find, how fast the stages are, and what an hour of video costs.

    Example: physai synthetic-data benchmark OUT/dataset --output synthetic-data/benchmarks
    """
    from physai.infrastructure.benchmark import report_table, write_report

    from .benchmark.run import measure

    report = measure(dataset, clips=clips, seed=seed, only=tuple(only or ()))
    write_report(report, output)
    show(report, as_json, report_table(report))
