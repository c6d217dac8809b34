"""Keeps Isaac Lab's talk off stdout, which is for results, and its harmless warnings off stderr."""

import io
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

from ..errors import PhysaiError

HARMLESS = ("Could not find or load the NVIDIA CUDA driver", "Failed to get root com velocity")
"""No GPU is no fault on a CPU; a fixed base has no velocity."""


@contextmanager
def aside() -> Iterator[None]:
    """Hold back what is printed meanwhile; tell it on stderr if something fails that does not speak for itself."""
    said = io.StringIO()
    try:
        with redirect_stdout(said):
            yield
    except PhysaiError:
        raise
    except Exception:
        sys.stderr.write(said.getvalue())
        raise


def silence_harmless(device: str) -> None:
    """Silence, by name, what is always warned of and nobody can act on. Before Isaac Lab is imported."""
    import warp

    with _filtered_stderr() if device == "cpu" else aside():
        warp.init()  # type: ignore[no-untyped-call]  # Warp is typed in part
    warnings.filterwarnings("ignore", message="Newton shape color replacement", category=FutureWarning)
    for source in ("articulation", "rigid_object"):
        name = f"isaaclab_newton.assets.{source}.{source}_data"
        logging.getLogger(name).addFilter(lambda record: _is_news(record.getMessage()))


def _is_news(line: str) -> bool:
    return not any(harmless in line for harmless in HARMLESS)


@contextmanager
def _filtered_stderr() -> Iterator[None]:
    """Warp's native library writes past Python, so its file descriptor is read back and filtered."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            said.seek(0)
            for line in said.read().decode(errors="replace").splitlines():
                if _is_news(line):
                    sys.stderr.write(f"{line}\n")
