"""The laps on one page: what happened, and how one can know."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .artifacts import LapArtifacts
    from .build import write_page
    from .table import summary_table

__all__ = ["LapArtifacts", "summary_table", "write_page"]


def __getattr__(name: str) -> Any:
    """Load on first use: `physai fleet-intelligence --help` needs none of it."""
    if name == "LapArtifacts":
        from .artifacts import LapArtifacts

        return LapArtifacts
    if name == "write_page":
        from .build import write_page

        return write_page
    if name == "summary_table":
        from .table import summary_table

        return summary_table
    raise AttributeError(name)
