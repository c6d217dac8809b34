"""A rehearsal: the stored conditions, played against a policy on a device, rung by rung."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import httpx
import numpy as np
from pydantic import ValidationError

from physai.infrastructure.contracts import ConditionSet
from physai.infrastructure.control import Policy
from physai.infrastructure.fit import MisfitError, check_fit, facts_of
from physai.infrastructure.registry.verify import GOLDEN_FILE, read_golden
from physai.infrastructure.simulation import Rollout, launch, play

from ..errors import HostError
from ..metrics import success_rate
from ..sil.client import PolicyClient
from ..sil.conditions import check_conditions
from ..sil.device import DeviceReading
from ..sil.entrants import Entrant
from .clock import measure_offset
from .ladder import Ladder, Limited, NoCommand, RungName
from .realtime import AbortError, RealTimePolicy, Timing
from .report import HilReport, RungResult

if TYPE_CHECKING:
    from physai.infrastructure.simulation import TaskEnv

QUANTILES = (0, 10, 25, 50, 75, 90, 95, 99, 100)
NETWORK_S = 5.0

Progress = Callable[[RungName, int, int], None]


class Rehearsal(NamedTuple):
    """What to rehearse."""

    conditions: ConditionSet
    entrant: Entrant
    url: str
    """Of the policy host on the device."""
    model: str
    """Name of the policy there."""
    ladder: Ladder
    wait_s: float


def rehearse(asked: Rehearsal, output: Path, progress: Progress) -> HilReport:
    """Climb the ladder; the report is written also where a rung was not completed.

    Args:
        asked: What to rehearse.
        output: Report to write.
        progress: Told (rung, episodes done, episodes in all).

    Raises:
        PhysaiError: If the device does not answer, or serves another package, or the package does not fit.
    """
    check_conditions("candidate", asked.entrant.package, asked.conditions)
    if asked.entrant.package.states:  # a late answer would leave it a step behind, which no simulation shows
        raise MisfitError("candidate", "memory", [state.input for state in asked.entrant.package.states], "none")
    check = PolicyClient(asked.url, asked.model, asked.entrant.package, asked.entrant.digest)
    with check, httpx.Client(base_url=asked.url, timeout=NETWORK_S) as device:
        check.wait(asked.wait_s)
        check.check_identity()
        check.check_golden(read_golden(asked.entrant.folder / GOLDEN_FILE, asked.entrant.package))
        clock = measure_offset(lambda: _time_ns(device))
        before = _reading(device)
        with launch(asked.conditions.task, num_envs=1, world=asked.conditions.world) as env:
            check_fit(asked.entrant.package, facts_of(env), "candidate")
            rungs = tuple(_climb(env, asked, progress))
        report = HilReport(
            package=asked.entrant.digest,
            conditions=asked.conditions.digest,
            url=asked.url,
            rate_hz=asked.entrant.package.rate_hz,
            clock=clock,
            before=before,
            after=_last_reading(device),
            ladder=asked.ladder,
            rungs=rungs,
        )
    report.write(output)
    return report


def _climb(env: "TaskEnv", asked: Rehearsal, progress: Progress) -> Iterator[RungResult]:
    """Rung by rung, until one is not completed."""
    ladder, total = asked.ladder, len(asked.conditions.conditions)
    step = ladder.limited_rad_s / env.rate_hz
    rungs: tuple[tuple[RungName, int, Callable[[Policy], Policy]], ...] = (
        ("no-command", min(ladder.watched_episodes, total), NoCommand),
        ("limited", min(ladder.limited_episodes, total), lambda policy: Limited(policy, step)),
        ("full", total, lambda policy: policy),
    )
    for name, episodes, restrained in rungs:
        result = _rung(env, asked, name, episodes, restrained, progress)
        yield result
        if result.aborted is not None:
            return


def _rung(
    env: "TaskEnv",
    asked: Rehearsal,
    name: RungName,
    episodes: int,
    restrained: Callable[[Policy], Policy],
    progress: Progress,
) -> RungResult:
    rollouts: list[Rollout] = []
    aborted = None
    with _on_device(asked) as policy:
        try:
            for rollout in play(
                env,
                restrained(policy),
                asked.conditions.conditions[:episodes],
                horizon_s=asked.conditions.horizon_s,
                progress=lambda done, total: progress(name, done, total),
            ):
                rollouts.append(rollout)  # noqa: PERF402  what came before an abort is kept
        except (AbortError, HostError) as error:
            aborted = str(error)
        timing = policy.timing
    counts = name == "full" and aborted is None
    return RungResult(
        rung=name,
        episodes=len(rollouts),
        steps=len(timing.lateness_ms),
        success=success_rate([rollout.success for rollout in rollouts]) if counts else None,
        latency_ms=_quantiles(timing),
        lateness_p99_ms=float(np.percentile(timing.lateness_ms or [0.0], 99)),
        misses=timing.misses,
        longest_miss=timing.longest_miss,
        aborted=aborted,
    )


@contextmanager
def _on_device(asked: Rehearsal) -> Iterator[RealTimePolicy]:
    """The policy on the device; its client belongs to the thread that asks."""
    package = asked.entrant.package
    client = PolicyClient(asked.url, asked.model, package, asked.entrant.digest)
    policy = RealTimePolicy(
        client.infer,
        rate_hz=package.rate_hz,
        action_steps=package.action_steps,
        limits=package.limits,
        max_consecutive_misses=asked.ladder.max_consecutive_misses,
    )
    with client:
        try:
            yield policy
        finally:
            policy.close()


def _quantiles(timing: Timing) -> dict[str, float]:
    if not timing.latencies_ms:
        return {}
    return {f"p{share}": float(np.percentile(timing.latencies_ms, share)) for share in QUANTILES}


def _last_reading(device: httpx.Client) -> DeviceReading | None:
    """The counters at the end; a device that has gone must not cost the report."""
    try:
        return _reading(device)
    except HostError:
        return None


def _reading(device: httpx.Client) -> DeviceReading:
    found = _get(device, "/device")
    try:
        return DeviceReading.model_validate(found)
    except ValidationError as error:
        raise _unfit(device, f"/device answers with something else ({error.errors()[0]['msg']})") from error


def _time_ns(device: httpx.Client) -> int:
    found = _get(device, "/clock").get("time_ns")
    if not isinstance(found, int):
        raise _unfit(device, "/clock answers with something else")
    return found


def _get(device: httpx.Client, path: str) -> dict[str, object]:
    try:
        answer = device.get(path).raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        raise _unfit(device, f"{path} is not answered ({error})") from error
    if not isinstance(answer, dict):
        raise _unfit(device, f"{path} answers with something else")
    return answer


def _unfit(device: httpx.Client, reason: str) -> HostError:
    return HostError(str(device.base_url), reason, "Run `physai evaluation serve PACKAGE` on the device.")
