"""Commands that edit a dataset."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from typer import Argument, Option, Typer

from physai.infrastructure.console import Json, print_table, show, stdout, tracked, watched

from .roots import Root, here

if TYPE_CHECKING:
    from .hdf5 import Hdf5Report
    from .rewrite import EditReport

app = Typer()

Episodes = Annotated[str | None, Option(help="Numbers: 0,3,5:8, the end of a range excluded; `0:` is all.")]
Where = Annotated[str | None, Option(help="Condition, e.g. \"quality.smoothness > 0.7 and outcome == 'success'\".")]
Output = Annotated[
    Path | None, Option(help="Where the result appears; by default it takes the dataset's place, and can be undone.")
]
Author = Annotated[str | None, Option(help="Goes into the provenance; by default who runs this.")]
DryRun = Annotated[bool, Option("--dry-run", help="Say which episodes are meant, and change nothing.")]


@app.command()
def delete(
    dataset: Root,
    episodes: Episodes = None,
    where: Where = None,
    output: Output = None,
    reason: Annotated[str, Option(help="Goes into the provenance.")] = "",
    author: Author = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Leave episodes out.

    Example: physai data-management dataset delete OUT/dataset --episodes 3,7:9 --reason "gripper slipped"
    """
    from .edit import delete as run

    chosen = _chosen(dataset, episodes, where)
    if dry_run:
        _preview(dataset, "delete", chosen)
        return
    arguments = _given(episodes, where)
    with watched("deleting") as progress:
        report = run(
            dataset, chosen, output=output, arguments=arguments, reason=reason, author=author, progress=progress
        )
    _show(report, as_json)


@app.command(name="filter")
def filter_(
    dataset: Root,
    episodes: Episodes = None,
    where: Where = None,
    output: Output = None,
    author: Author = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Keep episodes, and leave the others out.

    Example: physai data-management dataset filter OUT/dataset --where "quality.score > 0.6 and 'bad' not in labels"
    """
    from .edit import keep

    chosen = _chosen(dataset, episodes, where)
    if dry_run:
        _preview(dataset, "keep", chosen)
        return
    arguments = _given(episodes, where)
    with watched("filtering") as progress:
        report = keep(
            dataset,
            chosen,
            output=output,
            arguments=arguments,
            reason=f"not {arguments}",
            author=author,
            progress=progress,
        )
    _show(report, as_json)


@app.command()
def trim(
    dataset: Root,
    episodes: Episodes = None,
    where: Where = None,
    rows: Annotated[str | None, Option(help="Rows to keep, FROM:TO, TO excluded; negative from the end.")] = None,
    idle: Annotated[bool, Option("--idle", help="Cut what is before the first and after the last movement.")] = False,
    margin: Annotated[float, Option(help="Seconds that stay around the movement with --idle.", min=0)] = 0.5,
    output: Output = None,
    author: Author = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Cut the beginning and end of episodes.

    Frames are copied, but for those of a group of pictures that a cut falls into: these are encoded again, and counted.

    Example: physai data-management dataset trim OUT/dataset --episodes 4 --rows 10:-5
    """
    from physai.infrastructure.datasets import Dataset

    from .edit import trim as run
    from .trim import idle_cuts, row_cuts

    chosen = _chosen(dataset, episodes, where)
    if (rows is None) == (not idle):
        raise typer.BadParameter("give --rows FROM:TO, or --idle", param_hint="--rows")
    cuts = (
        row_cuts(Dataset(dataset).lengths, chosen, rows)
        if rows
        else idle_cuts(dataset, chosen, margin, tracked("judging"))
    )
    if dry_run:
        table = Table("episode", "keeps rows", title=f"{dataset}: trim")
        for episode, (first, last) in cuts.items():
            table.add_row(str(episode), f"{first}:{last}")
        print_table(table)
        return
    arguments = _given(episodes, where) | ({"rows": rows} if rows else {"idle": f"margin {margin:g} s"})
    with watched("trimming") as progress:
        report = run(dataset, cuts, output=output, arguments=arguments, author=author, progress=progress)
    _show(report, as_json)


@app.command()
def merge(
    datasets: Annotated[list[Path], Argument(help="Datasets of the same features, rate and robot.", parser=here)],
    output: Annotated[Path, Option(help="Where the result appears.")],
    author: Author = None,
    as_json: Json = False,
) -> None:
    """Make one dataset of several.

    Example: physai data-management dataset merge OUT/monday OUT/tuesday --output OUT/both
    """
    from .edit import merge as run

    with watched("merging") as progress:
        report = run(datasets, output, author=author, progress=progress)
    _show(report, as_json)


@app.command()
def split(
    dataset: Root,
    part: Annotated[list[str], Option(help="NAME=FRACTION of the recordings; give several.")],
    output: Annotated[Path, Option(help="Folder in which a dataset of each name appears.")],
    seed: Annotated[int, Option(help="Chooses the episodes.", min=0)] = 0,
    author: Author = None,
    as_json: Json = False,
) -> None:
    """Make several datasets of one; episodes that stem from one recording stay together.

    Example: physai data-management dataset split OUT/dataset --part train=0.9 --part val=0.1 --output OUT/parts
    """
    from .edit import SplitReport
    from .edit import split as run

    with watched("splitting") as progress:
        report = SplitReport(parts=tuple(run(dataset, part, output, seed=seed, author=author, progress=progress)))
    table = Table("dataset", "episodes", "rows", title=f"{dataset}: split")
    for made in report.parts:
        table.add_row(made.dataset, str(made.episodes), str(made.rows))
    show(report, as_json, table)


@app.command()
def convert(
    source: Annotated[Path, Argument(help="LeRobot v2.1 dataset, HDF5 file or folder of them, or recordings.")],
    output: Annotated[Path, Option(help="Where the v3.0 dataset appears.")],
    mapping: Annotated[
        Path | None, Option(help="HDF5: what becomes what, as YAML; by default it is found out.")
    ] = None,
    fps: Annotated[int | None, Option(help="HDF5: rows per second, if the files do not tell.", min=1)] = None,
    task: Annotated[str | None, Option(help="HDF5: what the robot was asked to do.")] = None,
    pipeline: Annotated[
        list[str] | None,
        Argument(
            help="Recordings: after `--`, options of `physai data-pipeline convert run`, e.g. -- --config arm.yaml"
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a v3.0 dataset of a v2.1 one, of HDF5 files as of ALOHA and robomimic, or of recordings.

    Of a v2.1 dataset rows stay and video packets are copied. What comes from HDF5 is read back and compared.

    Recordings (MCAP, rosbag) are handed to `physai data-pipeline convert run`.

    Example: physai data-management dataset convert OUT/old --output OUT/dataset
    """
    from .convert import convert as run
    from .hdf5 import convert_hdf5, hdf5_files
    from .hdf5_mapping import Hdf5Mapping
    from .recordings import are_recordings, convert_recordings

    if hdf5_files(source):
        told = Hdf5Mapping.read(mapping) if mapping else None
        report = convert_hdf5(source, output, mapping=told, fps=fps, task=task, track=tracked("converting"))
        show(report, as_json, _converted(report))
        return
    if are_recordings(source):
        summary = convert_recordings(source, output, pipeline or ())
    else:
        summary = run(source, output, tracked("converting"))
    show(summary, as_json, f"{output}: {summary.episodes} episodes, {summary.rows} rows")


def _converted(report: "Hdf5Report") -> Table:
    table = Table(title=f"{report.dataset}: {report.episodes} episodes, {report.rows} rows", show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for feature, paths in report.mapping.columns.items():
        table.add_row(feature, ", ".join(paths))
    for feature, path in report.mapping.cameras.items():
        table.add_row(feature, path)
    table.add_row("rows per second", str(report.fps))
    table.add_row("proof", f"{report.numbers} numbers read back, equal bit for bit")
    if report.worst_psnr_db is not None:
        table.add_row("", f"{report.frames} frames compared, the worst with a PSNR of {report.worst_psnr_db:g} dB")
    return table


def _chosen(dataset: Path, episodes: str | None, where: str | None) -> list[int]:
    from .select import select

    if episodes is None and where is None:
        raise typer.BadParameter("say which episodes: --episodes, --where, or both", param_hint="--episodes")
    return select(dataset, episodes=episodes, where=where, track=tracked("judging"))


def _given(episodes: str | None, where: str | None) -> dict[str, str]:
    return {name: text for name, text in (("episodes", episodes), ("where", where)) if text is not None}


def _preview(dataset: Path, verb: str, chosen: list[int]) -> None:
    from .summary import summarise

    total = summarise(dataset).episodes
    numbers = ", ".join(map(str, chosen)) or "none"
    stdout.print(f"{dataset}: would {verb} {len(chosen)} of {total} episodes: {numbers}", soft_wrap=True)


def _show(report: "EditReport", as_json: bool) -> None:
    table = Table(title=f"{report.dataset}: {report.operation}", show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    table.add_row("content", report.content)
    table.add_row("episodes, rows", f"{report.episodes}, {report.rows}")
    if report.dropped:
        table.add_row("left out", str(len(report.dropped)))
    if report.cut:
        table.add_row("cut", f"{report.cut} episodes; {report.encoded_frames} frames encoded again, all others copied")
    if report.undo:
        table.add_row("undo", f"physai data-management dataset undo {report.dataset}")
    show(report, as_json, table)
