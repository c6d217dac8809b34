"""From the folder of an evaluation to its page."""

from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np

from physai.infrastructure.aside import write_whole
from physai.infrastructure.contracts import ConditionSet, EvaluationReport, PolicyResult
from physai.infrastructure.contracts.evaluation import CONDITIONS, FILM, REPORT
from physai.infrastructure.page import data_uri, environment
from physai.infrastructure.page.svg import EN_DASH, MINUS

from .outcome_map import outcome_map
from .rates_chart import rates_chart
from .sequence_chart import sequence_chart
from .stills import stills_if_readable

PAGE = "report.html"
TEMPLATES = Path(__file__).with_name("templates")
MAX_FILM_BYTES = 12 << 20
WORST = 12


class Failure(NamedTuple):
    """One condition on which the candidate failed."""

    condition: int
    target: str
    steps: int
    final_error_m: float | None
    others: str
    """Who succeeded there."""


def write_page(folder: Path) -> Path:
    """Write `report.html` beside the report it tells.

    Args:
        folder: Holds `report.json`, `conditions.json` and perhaps `rollout.mp4`.
    """
    report = EvaluationReport.read(folder / REPORT)
    conditions = ConditionSet.read(folder / CONDITIONS)
    film = folder / FILM
    shown = film.exists() and film.stat().st_size <= MAX_FILM_BYTES
    candidate = report.policies[0]
    page = (
        environment(TEMPLATES)
        .get_template("report.html")
        .render(
            report=report,
            conditions=conditions,
            candidate=candidate,
            rates=rates_chart(report.policies),
            map=outcome_map(conditions, report.policies) if conditions.conditions[0].command else None,
            sequence=sequence_chart(report) if report.sequential else None,
            failures=failures(report, conditions)[:WORST],
            failed=sum(not episode.success for episode in candidate.episodes),
            film=data_uri(film, "video/mp4") if shown else None,
            stills=stills_if_readable(film, candidate.episodes) if shown else None,
            kpis=kpi_rows(report.policies),
        )
    )
    return write_whole(folder / PAGE, page.encode())


def failures(report: EvaluationReport, conditions: ConditionSet) -> list[Failure]:
    """The candidate's failures, the furthest from its target first."""
    candidate, *others = report.policies
    succeeded = {other.role: {episode.condition for episode in other.episodes if episode.success} for other in others}
    found = [
        Failure(
            condition=episode.condition,
            target=_place(conditions.conditions[episode.condition].command) or EN_DASH,
            steps=episode.steps,
            final_error_m=episode.kpis.get("final_error_m"),
            others=", ".join(role for role, ok in succeeded.items() if episode.condition in ok) or "nobody",
        )
        for episode in candidate.episodes
        if not episode.success
    ]
    return sorted(found, key=lambda failure: failure.final_error_m or 0.0, reverse=True)


def _place(command: tuple[float, ...]) -> str:
    """x, y, z with true minus signs, and zero without one."""
    return ", ".join(f"{round(value, 2) + 0.0:.2f}".replace("-", MINUS) for value in command[:3])


def kpi_rows(results: tuple[PolicyResult, ...]) -> list[tuple[str, list[str]]]:
    """Median of every KPI for every policy, a dash where one lacks it."""
    names = sorted({name for result in results for episode in result.episodes for name in episode.kpis})
    return [(name, [_median(result, name) for result in results]) for name in names]


def _median(result: PolicyResult, name: str) -> str:
    values = [episode.kpis[name] for episode in result.episodes if name in episode.kpis]
    return _figure(median(values)) if values else EN_DASH


def _figure(value: float) -> str:
    """Three significant digits, thousands apart, no exponent, a true minus sign."""
    rounded = float(f"{value:.3g}")
    digits = f"{rounded:,.0f}" if abs(rounded) >= 1000 else np.format_float_positional(rounded, trim="-")
    return digits.replace(",", "\N{NARROW NO-BREAK SPACE}").replace("-", MINUS)
