"""USD stand-ins for the assets that Isaac Lab's official tasks fetch, authored at the paths they ask for."""

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from ...contracts import write_whole

LAYOUT = "Isaac/IsaacLab"
MARK = "physai-assets.txt"
"""Holds the digest of the code that authored the folder; absent from a copy of NVIDIA's assets."""


def _authors() -> Mapping[str, Callable[[Path], None]]:
    """Path below the asset root → what writes it. Paths are those of `isaaclab_assets` 3.0."""
    from . import cartpole, ground, ur10

    return {
        f"{LAYOUT}/Robots/UniversalRobots/UR10/ur10_instanceable.usd": ur10.author,
        f"{LAYOUT}/Robots/Classic/Cartpole/cartpole.usd": cartpole.author,
        f"{LAYOUT}/Robots/Classic/Cartpole/cartpole.usda": cartpole.author,
        f"{LAYOUT}/Environments/Grid/default_ground_plane_checker_v1/default_ground_plane.usda": ground.author,
    }


def asset_paths() -> tuple[str, ...]:
    """Paths below the asset root of everything we can author."""
    return tuple(_authors())


def authoring_digest() -> str:
    """Digest of the code in this package; assets made by other code are made anew."""
    code = "".join(path.read_text() for path in sorted(Path(__file__).parent.glob("*.py")))
    return f"sha256:{hashlib.sha256(code.encode()).hexdigest()}"


def ensure_assets(root: Path) -> bool:
    """Author what `root` lacks. A folder with assets from elsewhere keeps every file it has.

    Each file is written aside and renamed, and the mark says `unfinished` until all are there, so that a stop at any
    moment is mended by the next call.

    Returns:
        True if something was authored.
    """
    mark = root / MARK
    ours = mark.exists() or not (root / "Isaac").exists()
    current = mark.exists() and mark.read_text().strip() == authoring_digest()
    if ours and not current:
        write_whole(mark, b"unfinished\n")
    authored = False
    for name, author in _authors().items():
        path = root / name
        if path.exists() and (current or not ours):
            continue
        _write_aside(path, author)
        authored = True
    if ours and not current:
        write_whole(mark, f"{authoring_digest()}\n".encode())
    return authored


def _write_aside(path: Path, author: Callable[[Path], None]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = path.with_name(f".{path.name}.{os.getpid()}.part")
    folder.mkdir(exist_ok=True)
    try:
        author(folder / path.name)
        (folder / path.name).replace(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


__all__ = ["asset_paths", "authoring_digest", "ensure_assets"]
