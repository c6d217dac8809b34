"""Record robot episodes."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option, Typer

from physai.infrastructure.console import Json, show

from .source import Kind

app = Typer(help=__doc__, no_args_is_help=True)

Recordings = Annotated[Path, Argument(help="Folder of recordings.")]


@app.callback()
def group() -> None:
    """Record robot episodes."""


@app.command()
def record(
    output: Annotated[
        Path | None, Option(help="Folder of the recordings; by default the config's. An incomplete one is continued.")
    ] = None,
    config: Annotated[Path | None, Option(help="Recording config of a robot (YAML); without it, simulate.")] = None,
    source: Annotated[Kind, Option(help="Where the robot's messages come from.")] = Kind.DDS,
    bag: Annotated[Path | None, Option(help="What --source playback plays: MCAP file or rosbag2 folder.")] = None,
    speed: Annotated[float, Option(min=0, help="Of the playback, times real time; 0: as fast as it goes.")] = 1.0,
    domain: Annotated[
        int | None,
        Option(min=0, max=232, envvar="ROS_DOMAIN_ID", help="DDS domain; default: ROS_DOMAIN_ID, or 0."),
    ] = None,
    duration_s: Annotated[float | None, Option(min=0.1, help="End a robot's recording after so long.")] = None,
    operator: Annotated[str, Option(help="Who moves the robot.")] = "operator",
    note: Annotated[str, Option(help="Put into every sidecar of a robot's recording.")] = "",
    task: Annotated[str, Option(help="Simulated: Isaac Lab's id.")] = "Isaac-Reach-UR10",
    world: Annotated[str, Option(help="Simulated: a shipped world, or a JSON file.")] = "nominal",
    episodes: Annotated[
        int | None, Option(min=1, help="Episodes in all (simulated, default 150), or of this run (robot, no limit).")
    ] = None,
    seed: Annotated[int, Option(min=0, help="Simulated: of the conditions; each follows from it and its index.")] = 0,
    num_envs: Annotated[int, Option(min=1, help="Simulated: environments stepped together.")] = 50,
    horizon_s: Annotated[float, Option(min=0.1, help="Simulated: time after which an episode has failed.")] = 4.0,
    tail_s: Annotated[float, Option(min=0.0, help="Simulated: time recorded beyond success.")] = 0.5,
    camera: Annotated[bool, Option(help="Simulated: record a camera.")] = True,
    image_size: Annotated[int, Option(min=64, max=1024, help="Simulated: edge of its picture in pixels.")] = 96,
    as_json: Json = False,
) -> None:
    """Record a robot by its config, or the expert in a simulated world: an MCAP file and a sidecar for each episode.

    Ctrl-C ends a robot's recording cleanly: the open episode is closed, and the exit code is 0.

    Example: physai data-pipeline capture record --config ur10e.yaml --source dds --operator kim

    Example: physai data-pipeline capture record --world nominal --episodes 150 --output OUT/episodes
    """
    from .console import record_robot, record_simulated

    if config:
        record_robot(
            config,
            output,
            source=source,
            bag=bag,
            speed=speed,
            domain=domain,
            duration_s=duration_s,
            operator=operator,
            note=note,
            episodes=episodes,
            as_json=as_json,
        )
        return
    record_simulated(
        output,
        task=task,
        world=world,
        episodes=episodes or 150,
        seed=seed,
        num_envs=num_envs,
        horizon_s=horizon_s,
        tail_s=tail_s,
        image_size=image_size if camera else None,
        as_json=as_json,
    )


@app.command()
def status(folder: Recordings, as_json: Json = False) -> None:
    """Tell what is in a folder of recordings, and how the recorder that writes there is doing.

    Example: physai data-pipeline capture status OUT/episodes
    """
    from .status import read_status
    from .view import folder_view

    found = read_status(folder)
    show(found, as_json, folder_view(found))


@app.command("list")
def list_episodes(folder: Recordings, as_json: Json = False) -> None:
    """List the whole episodes of a folder with their outcomes and faults.

    Example: physai data-pipeline capture list OUT/episodes
    """
    from .catalog import catalog, catalog_view

    found = catalog(folder)
    show(found, as_json, catalog_view(found))


@app.command()
def recover(folder: Recordings, as_json: Json = False) -> None:
    """Save what a killed recorder left: every whole chunk, as an episode of outcome `interrupted`.

    Example: physai data-pipeline capture recover OUT/episodes
    """
    from .errors import NoFolderError
    from .recover import recover as recover_folder

    if not folder.is_dir():
        raise NoFolderError(folder)
    found = recover_folder(folder)
    show(
        found,
        as_json,
        f"{folder}: {len(found.saved)} torn recordings saved, {len(found.vouched)} got their sidecar, "
        f"{len(found.empty)} held nothing",
    )
