"""How much of what a robot says the recorder writes, on a machine that both share."""

import os
import resource
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from mcap.reader import make_reader

from physai.infrastructure.benchmark import Result
from physai.infrastructure.contracts import RawEpisode, RecordingConfig, TopicRecord, TopicRule
from physai.infrastructure.errors import PhysaiError

from ..capture.live import LiveRecorder
from .robot import CAMERAS, LOOPBACK, Images, Speech, number_of, perform, voices

DOMAIN = 1 + os.getpid() % 100
SETTLE_S = 0.3  # until the recorder has begun


class Recorded(NamedTuple):
    """What was said, and what became of it."""

    speech: Speech
    sidecar: RawEpisode
    absent: dict[str, list[int]]
    """Topic → numbers of the messages that are not in the file."""
    size: int
    cpu_s: float


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
            recorded = _record(images, seconds, Path(place))
    finally:
        os.environ.pop("CYCLONEDDS_URI")
        if before is not None:
            os.environ["CYCLONEDDS_URI"] = before
    return _results(images, recorded)


def _record(images: Images, seconds: float, folder: Path) -> Recorded:
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
        speech = listener.result()
        ours.send("thanks")
    finally:
        robot.kill()
        robot.join()
    sidecar = episodes(folder)[0]
    path = folder / sidecar.file
    return Recorded(speech, sidecar, _absent(path, speech), path.stat().st_size, cpu_s)


def _absent(path: Path, speech: Speech) -> dict[str, list[int]]:
    """Topic → numbers of the messages that were said and are not in the file."""
    there: dict[str, set[int]] = {topic: set() for topic in speech.counts}
    with path.open("rb") as file:
        for _, channel, message in make_reader(file).iter_messages():
            there[channel.topic].add(number_of(message.data))
    return {topic: sorted(set(range(count)) - there[topic]) for topic, count in speech.counts.items()}


def _listen(robot: Connection, recorder: LiveRecorder) -> Speech:
    """Let the robot speak, hear how often it did, and end the recording."""
    time.sleep(SETTLE_S)
    robot.send("speak")
    speech: Speech = robot.recv()
    recorder.stop.set()
    return speech


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


def _results(images: Images, recorded: Recorded) -> list[Result]:
    speech, sidecar = recorded.speech, recorded.sidecar
    took_s, said = speech.took_s, sum(speech.counts.values())
    what = f"record {CAMERAS} cameras 640x480 {images} at 30 Hz, joints 100 Hz, IMU 200 Hz, for {took_s:.0f} s"
    dropped = sum(topic.dropped for topic in sidecar.topics.values())
    lost = sum(topic.lost or 0 for topic in sidecar.topics.values())
    faults = "; ".join(f"{fault.topic}: {fault.detail}" for fault in sidecar.findings) or "no findings"
    frames = sum(count for topic, count in speech.counts.items() if topic.startswith("/camera"))
    uncounted = {topic: _uncounted(sidecar.topics[topic], absent) for topic, absent in recorded.absent.items()}
    return [
        Result(
            what=f"{what}: messages missing",
            ours=float(sum(map(len, recorded.absent.values()))),
            unit=f"of {said}",
            goal=0.0,
            higher_is_better=False,
            note=f"{dropped} dropped and {lost} lost by the sidecar; {faults}",
        ),
        Result(
            what=f"{what}: messages missing in no counter, or counted and not missing",
            ours=float(sum(abs(found) for found in uncounted.values())),
            unit=f"of {said}",
            goal=0.0,
            higher_is_better=False,
            note="; ".join(f"{topic}: {found:+}" for topic, found in uncounted.items() if found)
            or "every one is named",
        ),
        Result(
            what=f"{what}: images said",
            ours=frames / took_s,
            unit="images/s",
            goal=CAMERAS * 30 * 0.99,
            note=f"{recorded.size / 1e6 / took_s:.0f} MB/s written, {recorded.cpu_s / took_s:.0%} of a core to record",
        ),
    ]


def _uncounted(topic: TopicRecord, absent: list[int]) -> int:
    return len(absent) - topic.dropped - (topic.lost or 0)
