"""One robot at work: the step loop in this thread, the hot-loader in another, the watchdog in a third."""

import threading
from collections.abc import Callable
from typing import NamedTuple

from physai.infrastructure.contracts import Digest, Robot
from physai.infrastructure.fit import STATE, RobotFacts

from ..errors import NotReleasedError
from ..loader.agent import Agent
from ..loader.loader import Loader, LoaderStatus
from .guard import Guard
from .loop import LoopReport, StepLoop
from .motion import MotionLimits, Ramp
from .onnx_policy import OnnxPolicy
from .simulated import TARGET, SimulatedRobot
from .watchdog import watched


class RunSettings(NamedTuple):
    """How a robot is run."""

    steps: int | None
    """None for no end."""
    poll_s: float
    """Between two looks at what is released."""
    motion: MotionLimits
    blend_steps: int


def describe(robot: Robot, task: str, rate_hz: float) -> RobotFacts:
    """What a robot says of itself that measures its joints and is told a target pose."""
    joints = tuple(limit.joint for limit in robot.joints)
    return RobotFacts(
        task=task,
        robot=robot.name,
        rate_hz=rate_hz,
        joints=joints,
        units=("rad",) * len(joints),
        limits=robot.joints,
        observations={STATE: (len(joints),), TARGET: (7,)},
    )


def serve(
    agent: Agent, facts: RobotFacts, settings: RunSettings, tell: Callable[[LoaderStatus], None]
) -> tuple[Digest | None, LoopReport]:
    """Run a simulated robot until its steps are done, or a fault stops it.

    Args:
        agent: The robot's.
        facts: What it says of itself.
        settings: How it is run.
        tell: Told when what the hot-loader sees has changed.

    Returns:
        Digest of what serves at the end, and how the loop went.

    Raises:
        NotReleasedError: If there is no policy to begin with.
    """
    first: list[OnnxPolicy] = []

    def begin(policy: OnnxPolicy) -> bool:
        first.append(policy)
        return True

    swap: list[Callable[[OnnxPolicy], bool]] = [begin]  # until the loop is there to take over
    loader = Loader(agent, facts, lambda policy: swap[0](policy), agent.condition, settings.blend_steps)
    loader.boot()
    if not first:
        tell(loader.look())
    if not first:
        raise NotReleasedError(agent.robot, "has no policy to run", "Release one, or see what its gate waits for")
    ramp = Ramp(settings.motion, 1.0 / facts.rate_hz, (1, len(facts.joints)))
    transport = SimulatedRobot(len(facts.joints), facts.rate_hz)
    loop = StepLoop(transport, Guard(first[-1], facts.limits, 1, ramp), facts.rate_hz)
    swap[0] = loop.swap
    over = threading.Event()
    watcher = threading.Thread(target=loader.watch, args=(settings.poll_s, over, tell), name="hot-loader")
    watcher.start()
    try:
        with watched(loop):
            report = loop.run(settings.steps)
    finally:
        over.set()
        watcher.join()
        transport.close()
    return loader.serving, report
