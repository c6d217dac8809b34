"""Running the command blocks of pages: in order, each page in a scratch copy of the repository."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Literal

from ..contracts import Contract
from ..errors import MissingFileError
from ..settings import PREFIX
from .blocks import CommandBlock, all_blocks

QUICK_LIMIT_S, LONG_LIMIT_S = 60.0, 1800.0
"""After so long a block has failed."""
TAIL = 15
"""Lines of output that a failed block shows."""

Outcome = Literal["passed", "failed", "not reached", "marked"]


class BlockRun(Contract):
    """What became of one command block."""

    page: str
    line: int
    outcome: Outcome
    """`not reached`: a block before it on its page failed. `marked`: its page says why it is not run."""
    seconds: float = 0.0
    said: str = ""
    """Why it is not run, or the end of what it printed if it failed."""


class DocsRun(Contract):
    """What became of all of them."""

    blocks: tuple[BlockRun, ...]

    def count(self, outcome: Outcome) -> int:
        """How many ended so."""
        return sum(block.outcome == outcome for block in self.blocks)


def run_blocks(
    root: Path,
    *,
    only: Sequence[Path] = (),
    long: bool = False,
    jobs: int = 1,
    tell: Callable[[BlockRun], None] = lambda _: None,
) -> DocsRun:
    """Run the command blocks of every page.

    Args:
        root: Root of the repository.
        only: Pages to run, by path from the root; none runs all.
        long: Run blocks marked `run: long` too.
        jobs: Pages that run at once.
        tell: Is told of each block as it ends.

    Raises:
        MissingFileError: If there is no page of that path.
    """
    found = [block for block in all_blocks(root) if not only or block.page in only]
    for page in only:
        if not (root / page).is_file():
            raise MissingFileError(page, "page", "Name it by its path from the root.")
    by_page = [list(blocks) for _, blocks in groupby(found, key=lambda block: block.page)]

    def run_page(blocks: list[CommandBlock]) -> list[BlockRun]:
        done = []
        for ended in _page(root, blocks, long):
            tell(ended)
            done.append(ended)
        return done

    with ThreadPoolExecutor(jobs) as pool:
        return DocsRun(blocks=tuple(block for page in pool.map(run_page, by_page) for block in page))


def _page(root: Path, blocks: list[CommandBlock], long: bool) -> Iterator[BlockRun]:
    wanted = [block for block in blocks if block.runs and (long or block.when == "quick")]
    failed = False
    with _scratch(root) if wanted else _nothing() as folder:
        for block in blocks:
            if block not in wanted:
                why = block.reason or ("run by --long" if block.runs else "; ".join(block.skipped.values()))
                yield _told(block, "marked", said=why)
            elif failed:
                yield _told(block, "not reached")
            else:
                ended = _run(folder, block)
                failed = ended.outcome == "failed"
                yield ended


def _told(block: CommandBlock, outcome: Outcome, seconds: float = 0.0, said: str = "") -> BlockRun:
    return BlockRun(page=block.page.as_posix(), line=block.line, outcome=outcome, seconds=seconds, said=said)


def _run(folder: Path, block: CommandBlock) -> BlockRun:
    limit_s = QUICK_LIMIT_S if block.when == "quick" else LONG_LIMIT_S
    start = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            ["bash", "-e", "-u", "-o", "pipefail", "-c", block.script()],
            cwd=folder,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(limit_s)
            why = f"exit {code}"
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            code, why = process.wait(), f"still running after {limit_s:.0f} s"
        output.seek(0)
        lines = output.read().decode(errors="replace").splitlines()
    seconds = round(time.monotonic() - start, 1)
    if code == 0:
        return _told(block, "passed", seconds)
    return _told(block, "failed", seconds, "\n".join([*lines[-TAIL:], why]))


def _environment(folder: Path) -> dict[str, str]:
    """The programs of this environment; none of the settings of whoever runs it."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    programs = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    threads = {name: os.environ.get(name, "1") for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    here = {"PATH": programs, "UV_NO_SYNC": "1", "UV_PROJECT_ENVIRONMENT": sys.prefix, "COLUMNS": "160"}
    return {**inherited, **threads, **here, "TMPDIR": str(folder.parent / "tmp")}


@contextmanager
def _scratch(root: Path) -> Iterator[Path]:
    """A copy of what Git tracks, which is gone afterwards."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=root, capture_output=True, check=True
    )
    with tempfile.TemporaryDirectory(prefix="physai-docs-") as made:
        folder = Path(made) / "physai"
        (Path(made) / "tmp").mkdir()
        for name in filter(None, listed.stdout.decode().split("\0")):
            source, target = root / name, folder / name
            if source.is_symlink() or source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)
        yield folder


@contextmanager
def _nothing() -> Iterator[Path]:
    yield Path()
