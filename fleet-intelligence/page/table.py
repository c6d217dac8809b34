"""The laps as a table for the terminal."""

from rich.table import Table

from physai.infrastructure.contracts import FlywheelSummary
from physai.infrastructure.page.laps import lap_rows


def summary_table(summary: FlywheelSummary) -> Table:
    """One column a lap; a dash where nothing is known."""
    table = Table("", *(f"lap {lap.lap}" for lap in summary.laps), title="The laps")
    for row in lap_rows(summary):
        table.add_row(*row)
    return table
