"""The laps on one page: what happened, and how one can know."""

from .artifacts import LapArtifacts
from .build import build, write_page
from .table import summary_table

__all__ = ["LapArtifacts", "build", "summary_table", "write_page"]
