"""Events as robots tell them, with round numbers."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from physai.infrastructure.contracts import (
    CloudEvent,
    ControlData,
    ControlEvent,
    EpisodeData,
    EpisodeEvent,
    HealthData,
    HealthEvent,
    SignalData,
    SignalEvent,
    digest_bytes,
)

START = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
POLICY = digest_bytes(b"policy")


def episode(
    number: int,
    success: bool = True,
    policy: str = POLICY,
    robot: str = "robot-1",
    *,
    site: str = "plant-1",
    **data: Any,
) -> EpisodeEvent:
    """Episode `number` of a robot; it began `number` seconds after the start, and took two."""
    began = START + timedelta(seconds=number)
    content = {
        "policy": policy,
        "release": "reach-1",
        "cohort": "pilot",
        "robot": robot,
        "site": site,
        "task": "Isaac-Reach-UR10",
        "episode": number,
        "started_at": began,
        "success": success,
        "steps": 60,
        "duration_s": 2.0,
        "command": (0.5, 0.1, 0.3),
        "inference_p50_ms": 0.5,
        "inference_p99_ms": 1.25,
        "deadline_misses": 0,
        "clamped_actions": 1,
        "held_actions": 0,
        "action_mean": (0.1, -0.2, 0.3, 0.0, 0.5, 1.5),
        "action_std": (0.01, 0.02, 0.03, 0.04, 0.05, 0.06),
        "features": {"path_length_rad": 3.25},
        "kpis": {"final_error_m": 0.004},
        **data,
    }
    return EpisodeEvent(
        id=f"{content['release']}/{robot}/{number:06d}",
        source=f"/{site}/{robot}",
        time=began + timedelta(seconds=2),
        data=EpisodeData(**content),
    )


def control(number: int, *, robot: str = "robot-1", site: str = "plant-1", **data: Any) -> ControlEvent:
    """A minute of control, the `number`th."""
    content = {
        "policy": POLICY,
        "release": "reach-1",
        "cohort": "pilot",
        "robot": robot,
        "site": site,
        "window_s": 60.0,
        "steps": 1800,
        "inference_p50_ms": 0.5,
        "inference_p95_ms": 0.75,
        "inference_p99_ms": 1.25,
        "inference_max_ms": 4.0,
        "deadline_misses": 2,
        "errors": 0,
        **data,
    }
    return ControlEvent(
        id=f"control/{number:06d}",
        source=f"/{site}/{robot}",
        time=START + timedelta(minutes=number),
        data=ControlData(**content),
    )


def health(number: int, *, robot: str = "robot-1", site: str = "plant-1", **data: Any) -> HealthEvent:
    """A look at the hardware, the `number`th, one a minute."""
    content = {
        "policy": POLICY,
        "cohort": "pilot",
        "robot": robot,
        "site": site,
        "cpu_share": 0.5,
        "memory_share": 0.25,
        "disk_free_bytes": 10**9,
        "temperature_c": 51.5,
        "joint_temperature_c": (30.0, 31.0, 32.0),
        "queued_events": 0,
        "dropped_events": 0,
        "clock_offset_s": 0.0,
        **data,
    }
    return HealthEvent(
        id=f"health/{number:06d}",
        source=f"/{site}/{robot}",
        time=START + timedelta(minutes=number),
        data=HealthData(**content),
    )


def signal(
    number: int, name: str = "action", *, robot: str = "robot-1", site: str = "plant-1", **data: Any
) -> SignalEvent:
    """A minute of a signal, the `number`th."""
    content = {
        "policy": POLICY,
        "release": "reach-1",
        "cohort": "pilot",
        "robot": robot,
        "site": site,
        "signal": name,
        "window_s": 60.0,
        "samples": 6000,
        "late": 1,
        "refused": 2,
        "mean": (0.5, -0.25),
        "variance": (0.0625, 0.25),
        "minimum": (0.0, -1.0),
        "maximum": (1.0, 0.75),
        "newest": (0.5, 0.0),
        "bucket": (-32, 0),
        "bucket_samples": (5000, 1000),
        **data,
    }
    return SignalEvent(
        id=f"signal/{name}/{number:06d}",
        source=f"/{site}/{robot}",
        time=START + timedelta(minutes=number),
        data=SignalData(**content),
    )


def write_events(folder: Path, events: Sequence[CloudEvent]) -> Path:
    """`events.jsonl` in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "events.jsonl"
    path.write_text("".join(f"{event.model_dump_json()}\n" for event in events))
    return path
