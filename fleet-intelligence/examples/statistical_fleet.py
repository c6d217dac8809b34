"""A fleet of any size whose robots are numbers only: what they tell is drawn, how it is kept and judged is not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from physai.infrastructure.contracts import (
    CloudEvent,
    ControlData,
    ControlEvent,
    EpisodeData,
    EpisodeEvent,
    EpisodeOutcome,
    EvaluationReport,
    HealthData,
    HealthEvent,
    PolicyResult,
    digest_bytes,
)
from physai.infrastructure.rates import rate_of

POLICY = digest_bytes(b"statistical policy")
SUCCESS = 0.9
EPISODES = 20  # of a robot in an hour
EPISODE_S = 90.0
PERIOD_MS = 1000 / 30


@dataclass(frozen=True)
class Fault:
    """What goes wrong at one site for a while."""

    site: int
    begins_h: int
    ends_h: int
    success: float
    """While it lasts."""
    sharpness: float
    """Of the site's cameras, as a share of what it was."""

    def holds(self, site: int, hour: int) -> bool:
        """Whether it is there."""
        return site == self.site and self.begins_h <= hour < self.ends_h


@dataclass(frozen=True)
class Fleet:
    """Robots spread evenly over sites; the first tenth of them is the canary cohort."""

    robots: int = 40
    sites: int = 4
    begins: datetime = datetime(2026, 5, 4, 6, 0, tzinfo=UTC)
    faults: Sequence[Fault] = ()
    seed: int = 0

    def hour(self, hour: int) -> Iterator[CloudEvent]:
        """What all robots tell of one hour; the same for the same seed."""
        rng = np.random.default_rng((self.seed, hour))
        for robot in range(self.robots):
            yield from self._robot(rng, robot, hour)

    def evaluation(self, episodes: int) -> EvaluationReport:
        """What the policy did before it was released."""
        good = np.random.default_rng(self.seed).random(episodes) < SUCCESS
        outcomes = tuple(
            EpisodeOutcome(condition=index, success=bool(success), steps=60) for index, success in enumerate(good)
        )
        rate = rate_of(int(good.sum()), episodes)
        result = PolicyResult(role="candidate", package=POLICY, success=rate, episodes=outcomes)
        return EvaluationReport(
            task="statistical", world="nominal", conditions=digest_bytes(b"statistical conditions"), policies=(result,)
        )

    def _robot(self, rng: np.random.Generator, robot: int, hour: int) -> Iterator[CloudEvent]:
        site = robot % self.sites
        fault = next((fault for fault in self.faults if fault.holds(site, hour)), None)
        who: dict[str, Any] = {"robot": f"robot-{robot:04d}", "site": f"plant-{site + 1}"}
        where = {"cohort": "canary" if robot < self.robots / 10 else "fleet", **who}
        source, start = f"/{who['site']}/{who['robot']}", self.begins + timedelta(hours=hour)
        good = rng.random(EPISODES) < (fault.success if fault else SUCCESS)
        begins_s = np.sort(rng.uniform(0, 3600 - EPISODE_S, EPISODES))
        took_s = np.where(good, rng.normal(40, 6, EPISODES).clip(10, EPISODE_S), EPISODE_S)
        late_ms = rng.gamma(4, 0.15, (EPISODES, 2)).cumsum(axis=1)
        sharpness = (fault.sharpness if fault else 1.0) * rng.normal(1.0, 0.04, EPISODES)
        for index in range(EPISODES):
            began = start + timedelta(seconds=float(begins_s[index]))
            number = hour * EPISODES + index
            data = EpisodeData(
                policy=POLICY, release="reach-7", task="statistical", episode=number, started_at=began,
                success=bool(good[index]), steps=round(float(took_s[index]) * 30), duration_s=float(took_s[index]),
                command=tuple(rng.uniform(-0.5, 0.5, 3).round(3)), deadline_misses=0,
                inference_p50_ms=float(late_ms[index, 0]), inference_p99_ms=float(late_ms[index, 1]),
                features={
                    "camera.sharpness": float(sharpness[index]), "camera.brightness": float(rng.normal(0.5, 0.05)),
                    "gripper.current_a": float(rng.normal(0.8, 0.1)),
                },
                kpis={"final_error_m": float(rng.gamma(2, 0.004 if good[index] else 0.06))}, **where,
            )  # fmt: skip
            yield EpisodeEvent(
                id=f"reach-7/{number}", source=source, time=began + timedelta(seconds=float(took_s[index])), data=data
            )
        yield _control(rng, source, start, hour, where)
        yield _health(rng, source, start, hour, where)


def _control(rng: np.random.Generator, source: str, start: datetime, hour: int, where: dict[str, Any]) -> ControlEvent:
    p50, p95, p99, most = np.cumsum(rng.gamma(4, 0.15, 4))
    data = ControlData(
        policy=POLICY, release="reach-7", window_s=3600.0, steps=3600 * 30, inference_p50_ms=float(p50),
        inference_p95_ms=float(p95), inference_p99_ms=float(p99), inference_max_ms=float(most),
        deadline_misses=int(most > PERIOD_MS), errors=0, **where,
    )  # fmt: skip
    return ControlEvent(id=f"control/{hour}", source=source, time=start + timedelta(hours=1), data=data)


def _health(rng: np.random.Generator, source: str, start: datetime, hour: int, where: dict[str, Any]) -> HealthEvent:
    data = HealthData(
        policy=POLICY, cpu_share=float(rng.beta(4, 6)), memory_share=float(rng.beta(5, 5)),
        gpu_share=float(rng.beta(6, 4)), disk_free_bytes=int(rng.integers(10**10, 10**11)), temperature_c=55.0,
        queued_events=0, dropped_events=0, clock_offset_s=0.0, **where,
    )  # fmt: skip
    return HealthEvent(id=f"health/{hour}", source=source, time=start + timedelta(hours=1), data=data)
