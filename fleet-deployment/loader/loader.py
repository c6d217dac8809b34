"""The hot-loader: watches what is wanted, and lets it take over without a restart. Nothing that fails here stops it."""

import threading
from collections.abc import Callable
from pathlib import Path

from physai.infrastructure.contracts import Contract, Digest, PolicyPackage, RobotCondition
from physai.infrastructure.errors import PhysaiError
from physai.infrastructure.fit import RobotFacts
from physai.infrastructure.registry import manifest_digest

from ..errors import NotSwappedError
from ..runtime.onnx_policy import OnnxPolicy
from .agent import Agent

type Swap = Callable[[OnnxPolicy], bool]
type Condition = Callable[[], RobotCondition]


class LoaderStatus(Contract):
    """What one look at the fleet came to."""

    robot: str
    wanted: str | None
    """Release that the fleet wants here."""
    serving: Digest | None
    """Package that runs."""
    switched: bool
    """Whether another policy has just taken over."""
    waiting_for: str | None
    """What the candidate waits for."""
    error: str | None
    """What went wrong; the serving policy goes on."""


class Loader:
    """Brings releases onto one robot while it works."""

    def __init__(self, agent: Agent, facts: RobotFacts, swap: Swap, condition: Condition, blend_steps: int = 0) -> None:
        """Prepare to watch.

        Args:
            agent: The robot's.
            facts: What the robot says of itself.
            swap: Lets a policy take over between two steps.
            condition: Asked whenever a candidate waits.
            blend_steps: Actions over which one chunk runs into the next.
        """
        self._agent = agent
        self._facts = facts
        self._swap = swap
        self._condition = condition
        self._blend_steps = blend_steps
        self.serving: Digest | None = None
        """Package that runs."""

    def boot(self) -> Digest | None:
        """Serve what served before, from the robot's own disk; needs neither registry nor repository."""
        self.serving = self._agent.serve(self._install)
        return self.serving

    def look(self) -> LoaderStatus:
        """Look once, and do what can be done now."""
        wanted, error = None, None
        switched = False
        try:
            wanted = self._bring()
        except (PhysaiError, OSError) as failure:
            error = str(failure)
        try:
            switched = self._switch()
            self._agent.home.collect_garbage(self._agent.gate.state.packages)
        except (PhysaiError, OSError) as failure:
            error = str(failure)
        condition = self._condition()
        return LoaderStatus(
            robot=self._agent.robot,
            wanted=wanted,
            serving=self.serving,
            switched=switched,
            waiting_for=self._agent.gate.status(condition).waiting_for,
            error=error,
        )

    def watch(self, period_s: float, over: threading.Event, tell: Callable[[LoaderStatus], None]) -> None:
        """Look again and again until it is over; only what changed is told."""
        told: LoaderStatus | None = None
        while not over.is_set():
            status = self.look()
            if status != told:
                tell(status)
                told = status.model_copy(update={"switched": False})
            over.wait(period_s)

    def _bring(self) -> str:
        """Stage, prove and offer what is wanted; its name."""
        release = self._agent.find()
        active = self._agent.gate.serving
        candidate = self._agent.gate.state.candidate
        there = {held.release for held in (active, candidate) if held}
        if release.name not in there:
            _, package = self._agent.bring(release)
            self._agent.offer(release, package, self._facts)
        return release.name

    def _switch(self) -> bool:
        switched = self._agent.switch(self._condition(), self._install)
        active = self._agent.gate.serving
        if active and active.package != self.serving:  # rolled back, here or from elsewhere
            self._agent.serve(self._install)
            switched = True
        return switched

    def _install(self, folder: Path, package: PolicyPackage) -> None:
        """Load a graph, ask it once, and let it take over between two steps."""
        digest = manifest_digest(folder)
        if digest == self.serving:
            return
        policy = OnnxPolicy(folder, package, 1, self._blend_steps)
        policy.warm_up(folder)
        if not self._swap(policy):
            raise NotSwappedError(self._agent.robot, package.name)
        self.serving = digest
