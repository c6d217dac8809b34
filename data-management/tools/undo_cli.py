"""The command that undoes an edit, or what was said."""

from typing import Annotated

import typer
from rich.table import Table
from typer import Option, Typer

from physai.infrastructure.console import Json, show
from physai.infrastructure.storage.uri import FolderLocation, parse

from .roots import AnyRoot, here

app = Typer()


@app.command()
def undo(
    dataset: AnyRoot,
    said: Annotated[bool, Option("--said", help="Undo what you last said of episodes, rather than an edit.")] = False,
    author: Annotated[str | None, Option(help="With --said: whose words; by default of who runs this.")] = None,
    list_them: Annotated[bool, Option("--list", help="Say what can be undone, and change nothing.")] = False,
    forget: Annotated[bool, Option("--forget", help="Remove all undo points, to free their space.")] = False,
    as_json: Json = False,
) -> None:
    """Bring the dataset back as it was before its last edit in place, or remove one that an edit made in a container.

    Example: physai data-management dataset undo OUT/dataset
    """
    from . import distant, versions
    from .labels import judged
    from .summary import summarise

    if sum((said, list_them, forget)) > 1:
        raise typer.BadParameter("give one of --said, --list and --forget", param_hint="--said")
    if forget:
        typer.echo(f"{versions.forget(here(dataset))} undo points removed")
        return
    if said:
        place = judged(dataset)
        act = place.store.undo(author=author)
        episodes = f"{len(act.episodes)} episode{'s' if len(act.episodes) != 1 else ''}"
        show(
            act, as_json, f"{place.name}: undone what {act.author} said of {episodes} at {act.at:%Y-%m-%d %H:%M:%S} UTC"
        )
        return
    local = isinstance(parse(dataset), FolderLocation)
    if list_them:
        points = versions.undo_points(here(dataset)) if local else distant.undo_points(*distant.located(dataset))
        history = versions.History(points=tuple(points))
        table = Table("undoes", "by", "episodes before", "kept in", title=f"{dataset}: undo points, the next first")
        for point in history.points:
            table.add_row(point.undoes, point.author, str(point.episodes), point.folder)
        show(history, as_json, table)
        return
    if local:
        versions.undo(here(dataset))
        summary = summarise(dataset)
        show(summary, as_json, f"{dataset}: again as it was, {summary.episodes} episodes, {summary.rows} rows")
        return
    removed = distant.undo(*distant.located(dataset))
    made_of = f", made of {', '.join(removed.originals)}" if removed.originals else ", which was not whole"
    show(removed, as_json, f"{removed.dataset}{made_of}: removed")
