"""Rates, paired comparisons and measures of motion, each with its source."""

from physai.infrastructure.rates import success_rate

from .motion import limit_violations, motion_kpis, path_length_rad, spectral_arc_length
from .paired import paired_comparison, tango_interval
from .sequential import compare_sequentially, plan

__all__ = [
    "compare_sequentially",
    "limit_violations",
    "motion_kpis",
    "paired_comparison",
    "path_length_rad",
    "plan",
    "spectral_arc_length",
    "success_rate",
    "tango_interval",
]
