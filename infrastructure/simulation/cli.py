"""Isaac Lab tasks on this machine: what there is, and a look at it."""

from pathlib import Path
from typing import Annotated

from rich.table import Table
from typer import Option, Typer

from ..console import Json, show

app = Typer(help=__doc__, no_args_is_help=True)


@app.command()
def tasks(as_json: Json = False) -> None:
    """List the tasks that can be recorded, evaluated and operated.

    Example: physai simulation tasks
    """
    from .catalogue import list_tasks

    listed = list_tasks()
    table = Table("task", "robot", "joints are driven to a pose given by")
    for task in listed.tasks:
        table.add_row(task.id, task.robot, task.command)
    show(listed, as_json, table)


@app.command()
def worlds(as_json: Json = False) -> None:
    """List the worlds that are shipped; a world of your own is a JSON file like theirs.

    Example: physai simulation worlds --json
    """
    from .catalogue import list_worlds

    listed = list_worlds()
    table = Table("world", "stiffness", "targets x, y, z (m)", "encoder offset (rad)")
    for world in listed.worlds:
        region = world.targets
        where = f"{region.x_m} {region.y_m} {region.z_m}" if region else "the task's own"
        slip = ", ".join(f"{joint} {offset:+g}" for joint, offset in world.encoder_offset_rad.items())
        table.add_row(world.name, f"x {world.stiffness_scale:g}", where, slip or "none")
    show(listed, as_json, table)


@app.command()
def assets(as_json: Json = False) -> None:
    """Author the USD stand-ins that the tasks need, unless the asset root has them.

    Example: physai simulation assets
    """
    from .catalogue import author_assets

    authored = author_assets()
    state = "authored" if authored.authored else "up to date"
    show(authored, as_json, f"{authored.root}: {len(authored.files)} assets, {state}")


@app.command()
def play(
    task: Annotated[str, Option(help="Isaac Lab's id.")] = "Isaac-Reach-UR10",
    world: Annotated[str, Option(help="A shipped world, or a JSON file.")] = "nominal",
    episodes: Annotated[int, Option(min=1, help="How many to play.")] = 16,
    num_envs: Annotated[int, Option(min=1, help="Environments stepped together.")] = 16,
    seed: Annotated[int, Option(min=0, help="Of the conditions.")] = 0,
    horizon_s: Annotated[float, Option(min=0.1, help="Time after which an episode has failed.")] = 4.0,
    video: Annotated[Path | None, Option(help="Write the episodes, one after another, as MP4.")] = None,
    as_json: Json = False,
) -> None:
    """Let the expert play episodes, and say how many succeed by the task's own measure.

    Example: physai simulation play --world moved-target --episodes 4 --num-envs 4 --video out/expert.mp4
    """
    from ..console import progress
    from .demo import play_expert
    from .worlds import load_world

    with progress() as bar:
        line = bar.add_task("playing", total=episodes)
        played = play_expert(
            task,
            load_world(world),
            episodes=episodes,
            num_envs=min(num_envs, episodes),
            seed=seed,
            horizon_s=horizon_s,
            video=video,
            progress=lambda done, _: bar.update(line, completed=done),
        )
    show(
        played,
        as_json,
        f"{played.task} in '{played.world}': the expert succeeds in {played.successes} of {played.episodes} episodes, "
        f"{played.mean_steps:.0f} steps on average, {played.max_steps} at most; {played.play_s:.1f} s",
    )
