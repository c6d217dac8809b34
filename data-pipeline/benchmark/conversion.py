"""How fast recordings become datasets, beside LeRobot's own writer on the same frames in the same run."""

import contextlib
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from physai.infrastructure.benchmark import Result

from ..convert.convert import convert
from ..convert.rules import Options
from . import drive

ROWS = {
    "jpeg": 300,
    "raw": 300,
    "depth": 300,
    "h264": 9000,
}  # H.264 is small: five minutes, so that start-up is not what is measured
LONG_ROWS = 1200
PEER_DEFAULT_ROWS = 90
GB = 1e9


def measure_conversion(kind: drive.Kind) -> list[Result]:
    """Rows and seconds per GB of one kind of images; for JPEG beside LeRobot's writer."""
    rows = ROWS[kind]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = drive.write(folder / "drive.mcap", kind, rows)
        seconds, peak_mb, lost = _apart(folder, kind, rows)
        results = [
            Result(
                what=f"convert {kind}, 2 cameras 640x480 at 30 Hz, joints 100 Hz, IMU 200 Hz",
                ours=seconds / (size / GB),
                unit="s/GB",
                goal=120.0 if kind == "jpeg" else 30.0,
                higher_is_better=False,
                note=f"{size / 1e6:.0f} MB, {rows} rows in {seconds:.1f} s, start-up of the process left out",
            ),
            Result(what=f"frames lost, {kind}", ours=lost, unit="frames", goal=0, higher_is_better=False),
            Result(what=f"peak memory, {kind}", ours=peak_mb, unit="MB", goal=1000, higher_is_better=False),
        ]
        return results + (_beside_lerobot(folder, rows / seconds) if kind == "jpeg" else [])


def measure_busy() -> list[Result]:
    """Frames lost while every core has other work."""
    with tempfile.TemporaryDirectory() as name, _busy():
        folder = Path(name)
        rows = ROWS["jpeg"]
        drive.write(folder / "drive.mcap", "jpeg", rows)
        seconds, _, lost = _apart(folder, "jpeg", rows)
        note = f"{rows / seconds:.0f} rows/s with two spinning processes per core"
        what = "frames lost, all cores busy"
        return [Result(what=what, ours=lost, unit="frames", goal=0, higher_is_better=False, note=note)]


def measure_memory() -> list[Result]:
    """Peak memory of a recording that is larger than the memory it may take."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = drive.write(folder / "drive.mcap", "raw", LONG_ROWS)
        _, peak_mb, lost = _apart(folder, "raw", LONG_ROWS)
        what = f"peak memory, one episode of {size / GB:.1f} GB raw"
        return [
            Result(what=what, ours=peak_mb, unit="MB", goal=1000, higher_is_better=False, note=f"{lost} frames lost")
        ]


def _apart(folder: Path, kind: drive.Kind, rows: int) -> tuple[float, float, int]:
    """Convert in a process of its own: seconds, peak memory in MB, frames lost."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_convert, args=(folder, kind, rows, sender))
    process.start()
    sender.close()
    found: tuple[float, float, int] = receiver.recv()
    process.join()
    return found


def _convert(folder: Path, kind: drive.Kind, rows: int, sender: Connection) -> None:
    begun = time.monotonic()
    report = convert(folder / "drive.mcap", folder / f"ours-{kind}", Options(config=drive.config(kind)))
    seconds = time.monotonic() - begun
    lost = sum(rows - frames for frames in report.frames.values())
    sender.send((seconds, _peak_mb(), lost))


def _peak_mb() -> float:
    """Peak memory of this process; `getrusage` would count its parent before `exec`."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 / 1e6


def _beside_lerobot(folder: Path, ours_hz: float) -> list[Result]:
    os.environ["HF_HUB_OFFLINE"] = "1"
    default_hz, default_lost = _lerobot(folder, PEER_DEFAULT_ROWS, streaming=False)
    streaming_hz, streaming_lost = _lerobot(folder, ROWS["jpeg"], streaming=True)
    same = "same frames, libsvtav1, g 2, crf 30, preset 12"
    return [
        Result(
            what="times LeRobot's writer, default mode",
            ours=ours_hz / default_hz,
            unit="x",
            goal=3.0,
            peer=default_hz,
            peer_name="LeRobot rows/s",
            note=f"ours {ours_hz:.0f} rows/s with decoding and proof; {same}; the peer lost {default_lost} frames",
        ),
        Result(
            what="times LeRobot's writer, streaming mode",
            ours=ours_hz / streaming_hz,
            unit="x",
            goal=1.3,
            peer=streaming_hz,
            peer_name="LeRobot rows/s",
            note=f"ours {ours_hz:.0f} rows/s with decoding and proof; {same}; the peer lost {streaming_lost} frames",
        ),
    ]


def _lerobot(folder: Path, rows: int, *, streaming: bool) -> tuple[float, int]:
    """Rows per second of LeRobot's own writer, fed as fast as it takes them, and the frames that its files lack."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    from physai.infrastructure.datasets.video import count_frames

    names = [f"observation.images.{name}" for name in drive.CAMERAS]
    image = {"dtype": "video", "shape": (drive.HEIGHT, drive.WIDTH, 3), "names": ["height", "width", "channels"]}
    vector = {"dtype": "float32", "shape": (6,), "names": list(drive.JOINTS)}
    features = {"observation.state": vector, "action": vector, **dict.fromkeys(names, image)}
    frames = drive.frames(folder / "drive.mcap", rows)
    root = folder / f"lerobot-{streaming}"
    dataset = LeRobotDataset.create(
        "local/bench", fps=drive.CAMERA_HZ, features=features, root=root, streaming_encoding=streaming
    )
    state = np.zeros(6, np.float32)
    begun = time.monotonic()
    for pictures in frames:
        row = {
            "observation.state": state,
            "action": state,
            "task": "measure",
            **dict(zip(names, pictures, strict=True)),
        }
        dataset.add_frame(row)
    dataset.save_episode()
    dataset.finalize()
    seconds = time.monotonic() - begun
    there = sum(count_frames(path) for path in root.rglob("*.mp4"))
    return rows / seconds, rows * len(names) - there


@contextlib.contextmanager
def _busy() -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    cores = len(os.sched_getaffinity(0))
    burners = [context.Process(target=_burn, daemon=True) for _ in range(2 * cores)]
    for burner in burners:
        burner.start()
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.join()


def _burn() -> None:
    while True:
        sum(range(100_000))
