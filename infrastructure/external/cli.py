"""Clone pinned source of other projects, to read and for editors."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ..console import Json, stderr
from ..console import show as show_result
from ..contracts import Contract
from .pins import PINS, Pin, look_up, read_pins, write_pin
from .sync import EDITOR, Synced, plan, write_editor
from .sync import sync as sync_one

app = typer.Typer(help=__doc__, no_args_is_help=True)
Root = Annotated[Path, typer.Option("--root", help="Root of the repository.")]
Names = Annotated[list[str] | None, typer.Argument(help="Projects; default: all.")]


class SyncedAll(Contract):
    """What became, or would become, of all."""

    projects: tuple[Synced, ...]


@app.command()
def sync(
    names: Names = None,
    only_plan: Annotated[bool, typer.Option("--plan", help="Say what would be done, and do nothing.")] = False,
    root: Root = Path(),
    as_json: Json = False,
) -> None:
    """Clone projects below `external/`, each at its pinned commit; tell editors where they are.

    A project that is pinned by its tag alone gets the tag's commit, which is written to the file of pins.

    Example: physai external sync lerobot --plan
    """
    done = []
    for pin in read_pins(root, tuple(names or ())):
        if only_plan:
            done.append(plan(root, pin))
            continue
        stderr.print(f"{pin.name} {pin.tag} from {pin.url}")
        done.append(sync_one(root, _pinned(root, pin)))
    if not only_plan and not write_editor(root, read_pins(root)):
        stderr.print(f"{EDITOR} is not ours, and stays as it is")
    table = Table("project", "folder", "commit", "action")
    for one in done:
        table.add_row(one.name, one.folder, one.commit[:12] if one.commit else "of its tag", one.action)
    show_result(SyncedAll(projects=tuple(done)), as_json, table)


def _pinned(root: Path, pin: Pin) -> Pin:
    """The pin with a commit; one that had none is pinned to what its tag is now, for good."""
    if pin.commit:
        return pin
    found = look_up(pin)
    write_pin(root, found)
    stderr.print(f"{pin.name} {pin.tag} is {found.commit}, written to {PINS}; commit that file")
    return found


@app.command()
def pin(
    name: Annotated[str, typer.Argument(help="Project, as the file of pins has it.")],
    root: Root = Path(),
) -> None:
    """Look up the commit of a project's tag, and write it into `external/pins.yaml`.

    Example: physai external pin isaac-lab
    """
    found = look_up(read_pins(root, (name,))[0])
    write_pin(root, found)
    typer.echo(found.commit)
