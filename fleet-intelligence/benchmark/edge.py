"""What aggregation on the robot saves, and what it costs there."""

import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.benchmark import Result
from physai.infrastructure.contracts import digest_bytes

from ..telemetry.agent.agent import TelemetryAgent
from ..telemetry.agent.windows import Windows
from ..telemetry.wire import pack_payload

MINUTES, JOINTS, BATCH, SEED = 5, 7, 500, 11
RATES_HZ = {"inference_ms": 100, "action": 500, "joint_effort_nm": 500}


def measure_edge() -> list[Result]:
    """Five minutes of a robot in windows of a minute; beside it an event a message, in the same batches of 500."""
    rng = np.random.default_rng(SEED)
    count = {name: rate_hz * MINUTES * 60 for name, rate_hz in RATES_HZ.items()}
    latencies = rng.lognormal(2.0, 0.4, count["inference_ms"])
    joints = {name: rng.normal(size=(count[name], JOINTS)) for name in ("action", "joint_effort_nm")}
    bodies, seconds = _windowed(latencies, joints)
    raw = _raw("inference_ms", latencies[:, None]) + sum(_raw(name, rows) for name, rows in joints.items())
    messages = sum(count.values())
    said = f"{messages:,} messages: latency at 100 Hz, action and effort of {JOINTS} joints at 500 Hz each"
    wire = sum(len(pack_payload(bodies[start : start + BATCH])) for start in range(0, len(bodies), BATCH))
    peer = "an event a message, in batches of 500, zstd"
    return [
        Result(what=f"{MINUTES} minutes of a robot, {said}: events", ours=len(bodies), unit="events",
               higher_is_better=False, peer=messages, peer_name="an event a message"),
        Result(what=f"{MINUTES} minutes of a robot: bytes to the broker", ours=wire, unit="B",
               higher_is_better=False, peer=raw, peer_name=peer, note=f"{raw / wire:,.0f} times fewer."),
        Result(what="taking in a message on the robot, windows included", ours=1e6 * seconds / messages,
               unit="CPU µs", higher_is_better=False),
    ]  # fmt: skip


def _windowed(latencies: NDArray[np.float64], joints: dict[str, NDArray[np.float64]]) -> tuple[list[bytes], float]:
    """Events as the outbox keeps them, and the CPU's time until it does."""
    elapsed_s = 0.0
    with tempfile.TemporaryDirectory() as folder, TelemetryAgent(Path(folder), "plant-1", "robot-1") as agent:
        windows = Windows(agent, digest_bytes(b"policy"), "reach-1", 33.3, elapsed_s=lambda: elapsed_s)
        start = time.process_time()
        for minute in range(MINUTES):
            for name, rows in joints.items():
                for row in np.split(rows, MINUTES)[minute]:
                    windows.sample(name, row)
            for latency_ms in np.split(latencies, MINUTES)[minute].tolist():
                windows.inference(latency_ms)
            elapsed_s += 60.0
            windows.close()
        seconds = time.process_time() - start
        bodies: list[bytes] = []
        after: dict[str, int] = {}
        while letter := agent.outbox.next(after, BATCH):
            after[letter.topic] = letter.numbers[-1]
            bodies += letter.bodies
    return bodies, seconds


def _raw(name: str, rows: NDArray[np.float64]) -> int:
    """Bytes of an event for each row, compressed in batches."""
    start, period = datetime(2026, 5, 4, tzinfo=UTC), timedelta(seconds=1 / RATES_HZ[name])
    encoder, size = msgspec.json.Encoder(), 0
    for at in range(0, len(rows), BATCH):
        bodies = [
            encoder.encode(
                {
                    "specversion": "1.0", "type": "dev.physai.signal.sampled", "source": "/plant-1/robot-1",
                    "id": f"{name}/{at + index:09d}", "time": start + (at + index) * period,
                    "datacontenttype": "application/json",
                    "data": {"robot": "robot-1", "site": "plant-1", "signal": name, "values": row.tolist()},
                }
            )
            for index, row in enumerate(rows[at : at + BATCH])
        ]  # fmt: skip
        size += len(pack_payload(bodies))
    return size
