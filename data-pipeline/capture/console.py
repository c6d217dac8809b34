"""What the command `record` does, told on the screen."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import typer
from rich.live import Live

from physai.infrastructure.console import progress, show, stderr
from physai.infrastructure.contracts import RecordingConfig

from .live import LiveRecorder, LiveReport
from .open_source import open_source
from .source import Kind
from .status import LiveStatus


def record_robot(
    config_path: Path,
    output: Path | None,
    *,
    source: Kind,
    bag: Path | None,
    speed: float,
    domain: int | None,
    duration_s: float | None,
    operator: str,
    note: str,
    episodes: int | None,
    as_json: bool,
) -> None:
    """Record by a config until Ctrl-C, the end of the source, or as long as was asked."""
    from physai.infrastructure.ros2.definitions import Definitions

    from .folder import output_folder
    from .listeners import listening

    config = RecordingConfig.read(config_path)
    folder = output or output_folder(config.output)
    definitions = Definitions(tuple(str(config_path.parent / name) for name in config.definitions))
    opened = open_source(source, config, definitions, bag=bag, speed=speed, domain=domain)
    with _screen() as tell:
        recorder = LiveRecorder(
            config,
            opened,
            folder,
            definitions,
            operator=operator,
            note=note,
            max_episodes=episodes,
            duration_s=duration_s,
            show=tell,
        )
        with listening(recorder.switch, opened), stopped_by_signals(recorder.stop.set):
            report = recorder.run()
    show(report, as_json, _told(report))


def record_simulated(
    output: Path | None,
    *,
    task: str,
    world: str,
    episodes: int,
    seed: int,
    num_envs: int,
    horizon_s: float,
    tail_s: float,
    image_size: int | None,
    as_json: bool,
) -> None:
    """Record the expert in a simulated world."""
    from physai.infrastructure.simulation import load_world

    from .record import EXPERT, record
    from .session import CapturePlan

    if output is None:
        raise typer.BadParameter("a simulated recording needs a folder", param_hint="--output")
    plan = CapturePlan(
        task=task,
        world=load_world(world),
        generator=EXPERT,
        seed=seed,
        horizon_s=horizon_s,
        tail_s=tail_s,
        image_size=image_size,
    )
    with progress() as bar:
        line = bar.add_task("recording", total=episodes)
        report = record(
            plan,
            output,
            episodes=episodes,
            num_envs=num_envs,
            progress=lambda done, _: bar.update(line, completed=done),
        )
    done = f"{report.recorded} recorded now" if report.recorded else "up to date"
    show(
        report,
        as_json,
        f"{report.folder}: {report.episodes} episodes of {report.task} in '{report.world}' ({done}); "
        f"the expert succeeds in {report.successes}; {report.frames} rows, {report.duration_s:.0f} s",
    )


@contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Let Ctrl-C, and who ends the process politely, call `stop` in place of breaking off."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _screen() -> Iterator[Callable[[LiveStatus], None]]:
    """A table that is there while it records; where there is no terminal, a line for each episode."""
    from .view import headline, live_view

    if not stderr.is_terminal:
        last: list[int | None] = [None]

        def line(status: LiveStatus) -> None:
            if status.episode not in (None, last[0]):
                print(headline(status).plain, file=sys.stderr, flush=True)  # noqa: T201 - progress
            last[0] = status.episode

        yield line
        return
    with Live(console=stderr, transient=True, auto_refresh=False) as live:
        yield lambda status: live.update(live_view(status), refresh=True)


def _told(report: LiveReport) -> str:
    saved = f"; {len(report.recovered.saved)} torn recordings of an earlier run saved" if report.recovered.saved else ""
    lost = "losses unknown" if report.lost is None else f"{report.lost} lost"
    return (
        f"{report.folder}: {len(report.recorded)} episodes of {report.robot}, {report.messages} messages, "
        f"{report.dropped} dropped, {lost}, {report.errors} errors; ended by {report.stopped_by}{saved}"
    )
