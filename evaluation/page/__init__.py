"""An evaluation told on one page."""

from .build import PAGE, write_page

__all__ = ["PAGE", "write_page"]
