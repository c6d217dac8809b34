"""One drift chart as a page of its own."""

from collections.abc import Sequence
from pathlib import Path

from physai.infrastructure.contracts import DriftReport, write_whole
from physai.infrastructure.page import environment

from .drift_chart import drift_chart
from .render import TEMPLATES


def write_drift_page(drift: DriftReport, output: Path, outcomes: Sequence[bool] = ()) -> None:
    """Write the chart of a drift report, with the figures behind it."""
    chart = drift_chart(drift, outcomes)
    write_whole(output, environment(TEMPLATES).get_template("drift.html").render(drift=drift, chart=chart).encode())
