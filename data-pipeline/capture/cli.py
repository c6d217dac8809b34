"""Record robot episodes."""

from pathlib import Path
from typing import Annotated

from typer import Option, Typer

from physai.infrastructure.console import Json, progress, show

app = Typer(help=__doc__, no_args_is_help=True)


@app.callback()
def group() -> None:
    """Record robot episodes."""


@app.command()
def record(
    output: Annotated[Path, Option(help="Folder of the recordings; one that is incomplete is continued.")],
    task: Annotated[str, Option(help="Isaac Lab's id.")] = "Isaac-Reach-UR10",
    world: Annotated[str, Option(help="A shipped world, or a JSON file.")] = "nominal",
    episodes: Annotated[int, Option(min=1, help="Episodes in all.")] = 150,
    seed: Annotated[int, Option(min=0, help="Of the conditions; each follows from it and its index.")] = 0,
    num_envs: Annotated[int, Option(min=1, help="Environments stepped together.")] = 50,
    horizon_s: Annotated[float, Option(min=0.1, help="Time after which an episode has failed.")] = 4.0,
    tail_s: Annotated[float, Option(min=0.0, help="Time recorded beyond success, while the arm stays.")] = 0.5,
    camera: Annotated[bool, Option(help="Record a camera.")] = True,
    image_size: Annotated[int, Option(min=64, max=1024, help="Edge of its picture in pixels.")] = 96,
    as_json: Json = False,
) -> None:
    """Record the expert: an MCAP file of ROS 2 messages and a sidecar for each episode.

    Example: physai data-pipeline capture record --world nominal --episodes 150 --output OUT/episodes
    """
    from physai.infrastructure.simulation import load_world

    from .record import EXPERT
    from .record import record as record_episodes
    from .session import CapturePlan

    plan = CapturePlan(
        task=task,
        world=load_world(world),
        generator=EXPERT,
        seed=seed,
        horizon_s=horizon_s,
        tail_s=tail_s,
        image_size=image_size if camera else None,
    )
    with progress() as bar:
        line = bar.add_task("recording", total=episodes)
        report = record_episodes(
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
