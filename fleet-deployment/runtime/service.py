"""One robot at work: the step loop in this thread, the hot-loader in another, the watchdog in a third."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from physai.infrastructure.contracts import Digest, Robot, RobotCondition
from physai.infrastructure.fit import STATE, RobotFacts

from ..errors import NotReleasedError, SilentRobotError
from ..gating.gate import Gate
from ..loader.agent import Agent
from ..loader.loader import Loader, LoaderStatus
from .guard import Guard
from .loop import LoopReport, StepLoop
from .motion import MotionLimits, Ramp
from .onnx_policy import OnnxPolicy
from .shadow import Shadow
from .simulated import TARGET
from .transport import Transport
from .watchdog import watched


class RunSettings(NamedTuple):
    """How a robot is run."""

    steps: int | None
    """None for no end."""
    poll_s: float
    """Between two looks at what is released."""
    motion: MotionLimits
    blend_steps: int
    patience_s: float = 10.0
    """For the first measurement."""


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


def told_condition(gate: Gate) -> Callable[[], RobotCondition]:
    """What the gate's REST API was told last; before that, something too old to count."""
    never = datetime.fromtimestamp(0, UTC)
    nothing = RobotCondition(robot=gate.robot, at=never, idle=False, mid_episode=True, e_stop=True)
    return lambda: gate.condition or nothing


def serve(
    agent: Agent,
    facts: RobotFacts,
    transport: Transport,
    settings: RunSettings,
    tell: Callable[[LoaderStatus], None],
    condition: Callable[[], RobotCondition] | None = None,
    until: threading.Event | None = None,
) -> tuple[Digest | None, LoopReport]:
    """Run a robot until the steps are done, or a fault stops it.

    Args:
        agent: The robot's.
        facts: What it says of itself.
        transport: The way to it; closed at the end.
        settings: How it is run.
        tell: Told when what the hot-loader sees has changed.
        condition: What the robot is doing, for its gate; by default as the transport tells it.
        until: Ends the run when set; the robot is at its safe stop then.

    Returns:
        Digest of what serves at the end, and how the loop went.

    Raises:
        NotReleasedError: If there is no policy to begin with.
        SilentRobotError: If the robot measures nothing.
    """
    first: list[OnnxPolicy] = []
    loops: list[StepLoop] = []  # empty until there is a policy to begin with

    def swap(policy: OnnxPolicy) -> bool:
        if loops:
            return loops[0].swap(policy)
        first.append(policy)
        return True

    def accompany(shadow: Shadow | None) -> None:
        if loops:
            loops[0].accompany(shadow)

    def tell_gate() -> RobotCondition:
        measured = transport.condition()
        agent.gate.tell_condition(measured)
        return measured

    loader = Loader(agent, facts, swap, condition or tell_gate, settings.blend_steps, accompany)
    try:
        _wait_for_robot(transport, agent.robot, settings.patience_s)
        loader.boot()
        if not first:
            tell(loader.look())
        if not first:
            raise NotReleasedError(agent.robot, "has no policy to run", "Release one, or see what its gate waits for")
        ramp = Ramp(settings.motion, 1.0 / facts.rate_hz, (1, len(facts.joints)))
        loops.append(StepLoop(transport, Guard(first[-1], facts.limits, 1, ramp), facts.rate_hz))
        report = _work(loops[0], loader, settings, tell, until)
    finally:
        transport.close()
    return loader.serving, report


def _work(
    loop: StepLoop,
    loader: Loader,
    settings: RunSettings,
    tell: Callable[[LoaderStatus], None],
    until: threading.Event | None,
) -> LoopReport:
    over = threading.Event()
    watcher = threading.Thread(target=loader.watch, args=(settings.poll_s, over, tell), name="hot-loader")
    watcher.start()
    try:
        with watched(loop):
            return loop.run(settings.steps, until)
    finally:
        over.set()
        watcher.join()


def _wait_for_robot(transport: Transport, robot: str, patience_s: float) -> None:
    """Wait for a first measurement, with no emergency stop engaged."""
    until_s = time.monotonic() + patience_s
    while (reading := transport.read()) is None or reading.e_stop:
        if time.monotonic() > until_s:
            raise SilentRobotError(robot, patience_s, "its emergency stop is engaged" if reading else None)
        time.sleep(0.01)
