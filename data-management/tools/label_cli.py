"""Commands that say something of episodes, and what was said."""

from typing import Annotated, Literal

import typer
from rich.table import Table
from typer import Option, Typer

from physai.infrastructure.console import Json, show, tracked

from .roots import AnyRoot

app = Typer()

ReviewWord = Literal["accept", "reject", "unsure"]


@app.command()
def label(
    dataset: AnyRoot,
    episodes: Annotated[str | None, Option(help="Numbers: 0,3,5:8, the end of a range excluded; `0:` is all.")] = None,
    where: Annotated[str | None, Option(help='Condition, e.g. "quality.smoothness < 0.3".')] = None,
    add: Annotated[list[str] | None, Option(help="A label; give several.")] = None,
    remove: Annotated[list[str] | None, Option(help="A label to take off; give several.")] = None,
    category: Annotated[str | None, Option(help="Replaces the former.")] = None,
    rating: Annotated[int | None, Option(help="Replaces the former.", min=1, max=5)] = None,
    review: Annotated[ReviewWord | None, Option(help="Replaces the former.")] = None,
    comment: Annotated[str | None, Option(help="Free text.")] = None,
    subtask: Annotated[str | None, Option(help="What happens in --rows.")] = None,
    rows: Annotated[str | None, Option(help="FROM:TO of the subtask, TO excluded.")] = None,
    author: Annotated[str | None, Option(help="By default who runs this.")] = None,
    as_json: Json = False,
) -> None:
    """Say something of episodes: labels, category, rating, review, comment, subtask.

    Example: physai data-management dataset label OUT/dataset --where "quality.smoothness < 0.3" --add jerky
    """
    from ..described import Described
    from .labels import Words, judged, say
    from .select import select, select_described
    from .trim import row_cuts

    if episodes is None and where is None:
        raise typer.BadParameter("say which episodes: --episodes, --where, or both", param_hint="--episodes")
    words = Words(
        add=tuple(add or ()),
        remove=tuple(remove or ()),
        category=category,
        rating=rating,
        review=review,
        comment=comment,
        subtask=subtask,
    )
    if not words.something:
        raise typer.BadParameter("say something: --add, --remove, --category, --rating, …", param_hint="--add")
    if (subtask is None) != (rows is None):
        raise typer.BadParameter("--subtask and --rows go together", param_hint="--rows")
    place = judged(dataset)
    if isinstance(place.about, Described):
        chosen = select_described(place.about, place.store.all_marks(), episodes=episodes, where=where)
    else:
        chosen = select(place.about.root, episodes=episodes, where=where, track=tracked("judging"))
    cuts = row_cuts(place.about.lengths, chosen, rows) if rows else {}
    report = say(place, chosen, words, cuts, author=author)
    show(report, as_json, f"{place.name}: {len(report.episodes)} episodes labelled")


@app.command()
def labels(
    dataset: AnyRoot,
    history: Annotated[bool, Option("--history", help="Also what was removed or replaced.")] = False,
    as_json: Json = False,
) -> None:
    """List what was said of episodes, by whom and when.

    Example: physai data-management dataset labels OUT/dataset
    """
    from .labels import judged, said

    report = said(judged(dataset), history=history)
    table = Table("episode", "kind", "value", "rows", "by", "at", "removed by", title=f"{report.dataset}: annotations")
    for line in report.entries:
        a = line.annotation
        span = f"{a.from_row}:{a.to_row}" if a.from_row is not None else ""
        at = f"{a.at:%Y-%m-%d %H:%M}"
        table.add_row(str(line.episode), a.kind, a.value, span, a.author, at, a.removed_by or "")
    show(report, as_json, table)
