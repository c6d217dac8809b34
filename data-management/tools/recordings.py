"""Hands recordings to the pipeline, whose command converts them."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from physai.infrastructure.commands import domains

from ..errors import PipelineError
from .summary import DatasetSummary, summarise

SUFFIXES = (".mcap", ".db3", ".bag")
PIPELINE = "data-pipeline"
STDERR = 2  # where its table goes: the result on stdout is this command's own


def are_recordings(source: Path) -> bool:
    """Whether a path is a recording, or a folder with recordings."""
    files = [source] if source.is_file() else source.rglob("*")
    return any(path.suffix in SUFFIXES for path in files)


def convert_recordings(source: Path, output: Path, options: Sequence[str] = ()) -> DatasetSummary:
    """Run `physai data-pipeline convert run` on recordings.

    Args:
        source: A recording, or a folder with recordings.
        output: Where the dataset appears.
        options: Others of that command, e.g. `--config arm.yaml`.

    Raises:
        PipelineError: If it is not installed, or refuses; its own words are on stderr.
    """
    if PIPELINE not in domains():
        raise PipelineError(source, "recordings are converted by the pipeline. Install physai-data-pipeline")
    words = (PIPELINE, "convert", "run", str(source), "--output", str(output), *options)
    done = subprocess.run([str(Path(sys.executable).with_name("physai")), *words], stdout=STDERR)
    if done.returncode:
        shown = " ".join(words)
        raise PipelineError(source, f"not converted, see above. Try `physai {shown}`")
    return summarise(output)
