"""A report as events, one per policy, which have the same id whenever they are told."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from physai.infrastructure.contracts import (
    EpisodeOutcome,
    EvaluationData,
    EvaluationEvent,
    EvaluationReport,
    PolicyResult,
)


def events(report: EvaluationReport, time: datetime) -> list[EvaluationEvent]:
    """One event per policy, in the report's order.

    Args:
        report: What was found.
        time: When, with its zone.
    """
    source = f"/evaluation/{report.task.replace('/', '-')}"
    return [
        EvaluationEvent(id=f"{report.digest}/{each.role}", source=source, time=time, data=_data(report, each))
        for each in report.policies
    ]


def _data(report: EvaluationReport, result: PolicyResult) -> EvaluationData:
    pair = next((pair for pair in report.comparisons if pair.reference == result.role), None)
    rate = result.success
    return EvaluationData(
        report=report.digest,
        conditions=report.conditions,
        policy=result.package,
        role=result.role,
        task=report.task,
        world=report.world,
        episodes=rate.episodes,
        successes=rate.successes,
        success=rate.value,
        success_lower=rate.lower,
        success_upper=rate.upper,
        confidence=rate.confidence,
        difference=pair.difference if pair else None,
        difference_lower=pair.lower if pair else None,
        difference_upper=pair.upper if pair else None,
        inference_p50_ms=result.inference_ms.get("p50"),
        inference_p99_ms=result.inference_ms.get("p99"),
        kpis=mean_kpis(result.episodes),
    )


def mean_kpis(episodes: Sequence[EpisodeOutcome]) -> dict[str, float]:
    """Mean of every measure, over the episodes that have it."""
    names = sorted({name for episode in episodes for name in episode.kpis})
    return {name: float(np.mean([each.kpis[name] for each in episodes if name in each.kpis])) for name in names}


def measures(data: EvaluationData) -> dict[str, float]:
    """Every number of an event that it has, by name; measures of the task begin with `kpi.`."""
    fields = data.model_dump(exclude={"kpis"})
    numbers = {name: float(value) for name, value in fields.items() if isinstance(value, int | float)}
    return numbers | {f"kpi.{name}": value for name, value in data.kpis.items()}
