"""How much of what a robot says the recorder writes, on a machine that both share."""

import os
import resource
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from physai.infrastructure.benchmark import Result
from physai.infrastructure.contracts import RawEpisode, RecordingConfig, TopicRule
from physai.infrastructure.errors import PhysaiError

from ..capture.live import LiveRecorder
from .robot import CAMERAS, LOOPBACK, Images, perform, voices

DOMAIN = 1 + os.getpid() % 100
SETTLE_S = 0.3  # until the recorder has begun
END_S = 0.05  # until the last messages have arrived; a longer silence would be a finding


class SilentRobotError(PhysaiError):
    """The two processes did not find each other."""

    def __init__(self) -> None:
        super().__init__("benchmark: the robot and the recorder do not hear each other over loopback. Allow UDP on lo.")


def measure_recorder(images: Images, seconds: float, folder: Path) -> list[Result]:
    """Record a robot of another process for a while, and compare what was said with what was written.

    Args:
        images: How cameras speak: 4 of 640x480 at 30 Hz, with joints at 100 Hz and an IMU at 200 Hz.
        seconds: For how long.
        folder: Where the episode goes for the moment; it is removed.
    """
    before = os.environ.get("CYCLONEDDS_URI")
    os.environ["CYCLONEDDS_URI"] = LOOPBACK
    try:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            said, took_s, sidecar, size, cpu_s = _record(images, seconds, Path(place))
    finally:
        os.environ.pop("CYCLONEDDS_URI")
        if before is not None:
            os.environ["CYCLONEDDS_URI"] = before
    return _results(images, said, took_s, sidecar, size, cpu_s)


def _record(images: Images, seconds: float, folder: Path) -> tuple[dict[str, int], float, RawEpisode, int, float]:
    from physai.infrastructure.ros2.definitions import Definitions

    from ..capture.dds.source import DdsSource
    from ..capture.folder import episodes

    config, definitions = _config(images), Definitions()
    processes = get_context("spawn")
    ours, theirs = processes.Pipe()
    robot = processes.Process(target=perform, args=(images, DOMAIN, seconds, theirs), daemon=True)
    robot.start()
    try:
        source = DdsSource(config.topics, definitions, DOMAIN)
        if not ours.poll(60) or ours.recv() != "ready":
            raise SilentRobotError
        began_cpu_s = _cpu_s()
        recorder = LiveRecorder(config, source, folder, definitions)
        listener = ThreadPoolExecutor(1).submit(_listen, ours, recorder)
        recorder.run()
        cpu_s = _cpu_s() - began_cpu_s
        counts, took_s = listener.result()
        ours.send("thanks")
    finally:
        robot.kill()
        robot.join()
    sidecar = episodes(folder)[0]
    return counts, took_s, sidecar, (folder / sidecar.file).stat().st_size, cpu_s


def _listen(robot: Connection, recorder: LiveRecorder) -> tuple[dict[str, int], float]:
    """Let the robot speak, hear how often it did, and end the recording."""
    time.sleep(SETTLE_S)
    robot.send("speak")
    counts, took_s = robot.recv()
    time.sleep(END_S)
    recorder.stop.set()
    return counts, took_s


def _config(images: Images) -> RecordingConfig:
    return RecordingConfig(
        robots=("benchmark",),
        task="be recorded",
        rate_hz=30.0,
        output="unused",
        topics=tuple(TopicRule(topic=v.topic, type=v.type, rate_hz=v.rate_hz) for v in voices(images)),
        compression="lz4" if images == "jpeg" else "none",
    )


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _results(
    images: Images, said: dict[str, int], took_s: float, sidecar: RawEpisode, size: int, cpu_s: float
) -> list[Result]:
    what = f"record {CAMERAS} cameras 640x480 {images} at 30 Hz, joints 100 Hz, IMU 200 Hz, for {took_s:.0f} s"
    missing = {topic: count - sidecar.messages.get(topic, 0) for topic, count in said.items()}
    dropped = sum(topic.dropped for topic in sidecar.topics.values())
    lost = sum(topic.lost for topic in sidecar.topics.values())
    faults = "; ".join(f"{fault.topic}: {fault.detail}" for fault in sidecar.findings) or "no findings"
    frames = sum(count for topic, count in said.items() if topic.startswith("/camera"))
    return [
        Result(
            what=f"{what}: messages missing",
            ours=float(sum(missing.values())),
            unit=f"of {sum(said.values())}",
            goal=0.0,
            higher_is_better=False,
            note=f"{dropped} dropped and counted, {lost} lost on the way; {faults}",
        ),
        Result(
            what=f"{what}: images said",
            ours=frames / took_s,
            unit="images/s",
            goal=CAMERAS * 30 * 0.99,
            note=f"{size / 1e6 / took_s:.0f} MB/s written, {cpu_s / took_s:.0%} of a core for the recorder",
        ),
    ]
