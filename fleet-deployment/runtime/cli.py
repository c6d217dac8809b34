"""Run a robot: the step loop, its watchdog, and the hot-loader beside them."""

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from physai.infrastructure.console import Json, show, stderr
from physai.infrastructure.contracts import Contract, Digest
from physai.infrastructure.settings import settings

from ..names import check_name
from .loop import LoopReport

if TYPE_CHECKING:
    from physai.infrastructure.fit import RobotFacts

    from ..loader.loader import LoaderStatus
    from .transport import Transport

TransportName = Literal["simulated", "dds", "ros2"]
ConditionSource = Literal["robot", "rest"]


class RunReport(Contract):
    """How a run went."""

    robot: str
    serving: Digest | None
    loop: LoopReport


def run(
    robot: Annotated[str, typer.Option(help="Name of the robot.")],
    model: Annotated[str, typer.Option(help="Robot model: a name, or the file that describes it.")] = "ur10",
    task: Annotated[str, typer.Option(help="A package for another task is refused.")] = "Isaac-Reach-UR10",
    rate_hz: Annotated[float, typer.Option(min=1, help="Control rate.")] = 30.0,
    steps: Annotated[int | None, typer.Option(min=1, help="Control steps; without, until stopped.")] = None,
    poll_s: Annotated[float, typer.Option(min=0.1, help="Between two looks at what is released.")] = 10.0,
    transport: Annotated[TransportName, typer.Option(help="Way to the robot; `ros2` needs rclpy.")] = "simulated",
    topics: Annotated[Path | None, typer.Option(help="robot-topics, YAML: what the robot says on ROS 2.")] = None,
    domain: Annotated[int, typer.Option(min=0, max=232, help="DDS domain.", envvar="ROS_DOMAIN_ID")] = 0,
    condition: Annotated[
        ConditionSource, typer.Option(help="Who tells what the robot is doing: its topics, or the gate's REST API.")
    ] = "robot",
    mounted: Annotated[Path | None, typer.Option(help="Folder that Flux keeps; instead of the repository.")] = None,
    rules: Annotated[Path | None, typer.Option(help="Rules of the gate; without, those in force.")] = None,
    velocity_rad_s: Annotated[float, typer.Option(min=0.01, help="Largest joint speed.")] = 2.0944,
    acceleration_rad_s2: Annotated[float, typer.Option(min=0.01, help="Largest joint acceleration.")] = 5.0,
    blend_steps: Annotated[int, typer.Option(min=0, help="Actions over which chunks run into one another.")] = 0,
    as_json: Json = False,
) -> None:
    """Run a robot at its control rate; releases take over between two steps, through the gate.

    Example: physai fleet-deployment run --robot robot-1 --transport dds --topics cell.yaml --domain 7
    """
    from physai.infrastructure.registry import open_registry
    from physai.infrastructure.robots import load_robot

    from ..gating.rules import GateRules
    from ..gitops.repository import FleetRepository
    from ..loader.agent import FLEET_RULES, Agent
    from ..loader.desired import GitSource, MountedSource
    from ..loader.home import RobotHome
    from .motion import MotionLimits
    from .service import RunSettings, describe, serve, told_condition

    home = RobotHome(robot, settings().home / "robots" / check_name("robot", robot))
    source = MountedSource(mounted) if mounted else GitSource(FleetRepository(str(settings().fleet_repo)))
    chosen = GateRules.read(rules) if rules else None
    wanted = RunSettings(steps, poll_s, MotionLimits(velocity_rad_s, acceleration_rad_s2), blend_steps)
    facts = describe(load_robot(model), task, rate_hz)
    until = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):  # the robot is brought to its safe stop first
        signal.signal(number, lambda *_: until.set())
    with home.working():
        first = FLEET_RULES if not (home.folder / "gate").exists() else None
        agent = Agent(home, source, open_registry(str(settings().registry)), chosen or first)
        way = _transport(transport, robot, facts, topics, domain)
        asked = told_condition(agent.gate) if condition == "rest" else None
        serving, report = serve(agent, facts, way, wanted, _tell, asked, until)
    text = f"{robot}: {report.mode}, {report.steps} steps, {report.misses} misses, worst {report.worst_ms:.1f} ms"
    show(RunReport(robot=robot, serving=serving, loop=report), as_json, f"{text}; {report.why}" if report.why else text)
    if report.mode == "stopped":
        raise typer.Exit(1)


def _transport(name: TransportName, robot: str, facts: "RobotFacts", topics: Path | None, domain: int) -> "Transport":
    from physai.infrastructure.ros2.definitions import Definitions

    from .ros2.bus import open_bus
    from .ros2.robot import Ros2Robot
    from .ros2.topics import RobotTopics
    from .simulated import SimulatedRobot

    if name == "simulated":
        return SimulatedRobot(len(facts.joints), facts.rate_hz, name=robot)
    read, definitions = RobotTopics.read(topics) if topics else RobotTopics(), Definitions()
    bus = open_bus(name, read, definitions, domain)
    return Ros2Robot(robot, bus, read, facts.joints, facts.rate_hz, definitions)


def _tell(status: "LoaderStatus") -> None:
    stderr.print(status.model_dump_json(), soft_wrap=True)
