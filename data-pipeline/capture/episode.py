"""One rollout becomes one recording with its sidecar."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from physai.infrastructure.contracts import Outcome, RawEpisode
from physai.infrastructure.simulation import Rollout

from . import messages
from .folder import episode_path
from .recorder import Recorder

STATE, TARGET, COMMAND, OUTCOME = "/joint_states", "/target_pose", "/joint_command", "/episode/outcome"

EPOCH = datetime(2025, 1, 1, tzinfo=UTC)
"""Where simulated time starts: fixed, so that the same episode is the same bytes whenever it is recorded."""
SPACING = timedelta(minutes=1)
"""Episode i starts at `EPOCH + i * SPACING`."""


@dataclass(frozen=True)
class Source:
    """What is known of every episode of a session."""

    task: str
    robot: str
    world: str
    generator: str
    seed: int
    rate_hz: float
    joint_names: tuple[str, ...]
    camera: str | None


def write_episode(folder: Path, index: int, rollout: Rollout, source: Source) -> RawEpisode:
    """Write the recording, then the sidecar that vouches for it.

    Row t is stamped `start + t / rate`: the joints as measured then, the target that held, the picture of that moment,
    and the command given in answer to them. The outcome comes with the last row.
    """
    path = episode_path(folder, index)
    started_at = EPOCH + index * SPACING
    outcome: Outcome = "success" if rollout.success else "failure"
    with Recorder(path) as recorder:
        for row in range(len(rollout.actions)):
            _write_row(recorder, stamp_ns(started_at, row, source.rate_hz), row, rollout, source)
        recorder.write(OUTCOME, stamp_ns(started_at, len(rollout.actions) - 1, source.rate_hz), messages.text(outcome))
        recorder.describe(
            {
                "task": source.task,
                "robot": source.robot,
                "world": source.world,
                "generator": source.generator,
                "seed": str(source.seed),
                "condition": str(index),
                "success_row": str(rollout.steps - 1) if rollout.success else "",
                "clock": f"simulated, {source.rate_hz:g} Hz from {started_at.isoformat()}",
            }
        )
    sidecar = RawEpisode(
        file=path.name,
        content=recorder.content,
        task=source.task,
        robot=source.robot,
        world=source.world,
        generator=source.generator,
        seed=source.seed,
        outcome=outcome,
        started_at=started_at,
        duration_s=len(rollout.actions) / source.rate_hz,
        rate_hz=source.rate_hz,
        messages=dict(recorder.counts),
    )
    sidecar.write(path.with_suffix(".json"))
    return sidecar


def stamp_ns(started_at: datetime, row: int, rate_hz: float) -> int:
    """Header time of a row, in ns since 1970."""
    return int(started_at.timestamp()) * 10**9 + round(row * 1e9 / rate_hz)


def _write_row(recorder: Recorder, stamp: int, row: int, rollout: Rollout, source: Source) -> None:
    state = rollout.observations["observation.state"][row]
    target = rollout.observations["observation.environment_state"][row]
    recorder.write(STATE, stamp, messages.joint_state(stamp, source.joint_names, state, rollout.joint_vel[row]))
    recorder.write(TARGET, stamp, messages.target_pose(stamp, target))
    if rollout.images is not None and source.camera:
        picture = messages.compressed_image(stamp, source.camera, rollout.images[row])
        recorder.write(f"/camera/{source.camera}/image/compressed", stamp, picture)
    recorder.write(COMMAND, stamp, messages.joint_state(stamp, source.joint_names, rollout.actions[row], None))
