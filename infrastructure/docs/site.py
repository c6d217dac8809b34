"""Building the site: staged pages, the site generator with warnings as errors, links of what it built."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from ..aside import empty
from ..specs.page import Page
from .errors import SiteError
from .links import broken_links
from .stage import stage

GENERATOR = "zensical"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
SHOWN = 8
"""Problems that an error names."""


def build_site(root: Path, output: Path, fill: Callable[[Page], str] | None = None) -> Path:
    """Build the site of a repository.

    Args:
        root: Root of the repository.
        output: Folder of the site's source and of `html/`; what is in it is replaced.
        fill: Gives the text of a page; by default the text as it is.

    Returns:
        The folder of the built pages.

    Raises:
        SiteError: If the generator is missing or warns, or a link leads nowhere.
    """
    program = shutil.which(GENERATOR, path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
    if program is None:
        raise SiteError(f"{GENERATOR} is not installed. Run `uv sync` in a clone: it is in the group `dev`.")
    output.mkdir(parents=True, exist_ok=True)
    if any(output.iterdir()) and not (output / "mkdocs.yml").exists():
        raise SiteError(f"{output} holds something else. Name an empty folder, or one of an earlier build.")
    empty(output)
    stage(root, output, fill)
    done = subprocess.run(
        [program, "build", "--strict", "--clean"], cwd=output, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = COLOUR.sub("", done.stdout + done.stderr).partition("Traceback")[0].strip()
        raise SiteError(f"{GENERATOR} says: {said}")
    broken = broken_links(output / "html")
    if broken:
        more = f" and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
        raise SiteError(f"{len(broken)} links lead nowhere: {'; '.join(broken[:SHOWN])}{more}.")
    return output / "html"
