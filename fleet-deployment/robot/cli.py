"""Be a robot: activate what is released to it, work, and tell how it went."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from physai.infrastructure.console import Json, show
from physai.infrastructure.contracts import Release
from physai.infrastructure.settings import settings

from ..errors import NotReleasedError
from ..gitops.repository import FleetRepository
from ..loader.home import RobotHome
from ..names import check_name

app = typer.Typer(help=__doc__, no_args_is_help=True)

Robot = Annotated[str, typer.Option(help="Name of the robot.")]


@app.command()
def run(
    robot: Robot,
    output: Annotated[Path, typer.Option(help="Folder for events.jsonl, state.json and rollout.mp4.")],
    release: Annotated[str, typer.Option(help="`latest`, a release's name, or its release.json.")] = "latest",
    world: Annotated[str, typer.Option(help="World it meets: a name or a file.")] = "nominal",
    site: Annotated[str, typer.Option(help="Where it stands.")] = "plant-1",
    episodes: Annotated[int, typer.Option(min=1, help="Episodes in all, those of an earlier run counted.")] = 60,
    arms: Annotated[int, typer.Option(min=1, help="Identical arms of the cell, stepped together.")] = 16,
    horizon_s: Annotated[float, typer.Option(min=0.1, help="Time after which an episode has failed.")] = 5.0,
    film_s: Annotated[float, typer.Option(min=0, max=60, help="Length of rollout.mp4 in s; 0 for none.")] = 4.0,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    as_json: Json = False,
) -> None:
    """Activate the released package on a simulated robot and work through episodes. Started again, it goes on.

    Example: physai fleet-deployment robot run --robot robot-1 --world moved-target --episodes 60 --output out/robot-1
    """
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, str(threads))
    from physai.infrastructure.registry import open_registry

    from ..loader.agent import FLEET_RULES, Agent
    from ..loader.desired import GitSource
    from .shift import Shift, run_shift

    source = GitSource(FleetRepository(str(settings().fleet_repo)))
    agent = Agent(_home(robot), source, open_registry(str(settings().registry)), FLEET_RULES)
    shift = Shift(
        site=check_name("site", site),
        world=world,
        episodes=episodes,
        arms=min(arms, episodes),
        horizon_s=horizon_s,
        output=output,
        film_s=film_s,
    )
    result = run_shift(agent, _release_name(release), shift)
    table = Table("robot", "release", "episodes", "succeeded", "output")
    table.add_row(result.robot, result.release, str(result.episodes), str(result.successes), result.output)
    show(result, as_json, table)


@app.command()
def status(robot: Robot, as_json: Json = False) -> None:
    """Show which release a robot has active.

    Example: physai fleet-deployment robot status --robot robot-1
    """
    state = _home(robot).read_state()
    if state is None:
        raise NotReleasedError(robot, "has never activated a release", "Run it with `robot run`")
    table = Table("robot", "state", "release", "package", "activated")
    table.add_row(robot, state.state, state.release, state.package[:19], f"{state.activated_at:%Y-%m-%d %H:%M}")
    show(state, as_json, table)


def _home(robot: str) -> RobotHome:
    return RobotHome(robot, settings().home / "robots" / check_name("robot", robot))


def _release_name(release: str) -> str | None:
    """The name that an option means; None for the newest."""
    if release == "latest":
        return None
    return Release.read(Path(release)).name if release.endswith(".json") else release
