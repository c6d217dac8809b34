"""Cloning pinned projects: one commit each, whole or not at all."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from ..aside import whole_folder, write_whole
from ..contracts import Contract
from .pins import PINS, ExternalError, Pin

EDITOR = Path("pyrightconfig.json")
"""Read by Pyright, Pylance and basedpyright."""


class Synced(Contract):
    """What became, or would become, of one project."""

    name: str
    folder: str
    commit: str | None
    """None: its tag is looked up when it is cloned."""
    action: Literal["clone", "move", "none"]
    """`move`: it is there at another commit."""


def plan(root: Path, pin: Pin) -> Synced:
    """What `sync` would do.

    Raises:
        ExternalError: If the clone has changes that a move would lose.
    """
    folder = PINS.parent / pin.name
    if not (root / folder).exists():
        action: Literal["clone", "move", "none"] = "clone"
    elif _git(pin, root / folder, "rev-parse", "HEAD") == pin.commit:
        action = "none"
    elif _git(pin, root / folder, "status", "--porcelain"):
        raise ExternalError(pin.name, f"{folder} has changes. Take them out, then run this again.")
    else:
        action = "move"
    return Synced(name=pin.name, folder=folder.as_posix(), commit=pin.commit, action=action)


def sync(root: Path, pin: Pin) -> Synced:
    """Bring one project to its pinned commit, without its history.

    Raises:
        ExternalError: If the pin has no commit, or its repository cannot be reached or does not have it.
    """
    if pin.commit is None:
        raise ExternalError(pin.name, f"has no commit. Run `physai external pin {pin.name}`.")
    planned = plan(root, pin)
    if planned.action == "clone":
        with whole_folder(root / planned.folder) as folder:
            _git(pin, folder, "init", "--quiet")
            _fetch(pin, folder)
    elif planned.action == "move":
        _fetch(pin, root / planned.folder)
    return planned


def _fetch(pin: Pin, folder: Path) -> None:
    assert pin.commit is not None
    _git(pin, folder, "fetch", "--quiet", "--depth", "1", pin.url, pin.commit)
    _git(pin, folder, "-c", "advice.detachedHead=false", "checkout", "--quiet", pin.commit)


def _git(pin: Pin, folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ExternalError(pin.name, f"git {words[0]} failed: {' '.join(done.stderr.split())}")
    return done.stdout.strip()


def write_editor(root: Path, pins: tuple[Pin, ...]) -> bool:
    """Tell editors where the cloned modules are; a file that was changed by hand stays as it is.

    Returns:
        Whether the file says so now.
    """
    there = [pin for pin in pins if (root / PINS.parent / pin.name).is_dir()]
    extra = ["src", *(f"{PINS.parent}/{pin.name}/{path}".removesuffix("/.") for pin in there for path in pin.python)]
    wanted = {"extraPaths": extra, "exclude": ["**/.*", "external", "src"], "venvPath": ".", "venv": ".venv"}
    path = root / EDITOR
    if path.exists() and not _is_ours(path, wanted):
        return False
    write_whole(path, (json.dumps(wanted, indent=2) + "\n").encode())
    return True


def _is_ours(path: Path, wanted: Mapping[str, object]) -> bool:
    try:
        found = json.loads(path.read_text())
    except ValueError:  # with comments, which Pyright allows and we never write
        return False
    return isinstance(found, dict) and found.keys() == wanted.keys()
