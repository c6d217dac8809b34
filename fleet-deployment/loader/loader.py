"""The hot-loader: watches what is wanted, and lets it take over without a restart. Nothing that fails here stops it."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from physai.infrastructure.contracts import Contract, Digest, PolicyPackage, RobotCondition
from physai.infrastructure.errors import PhysaiError
from physai.infrastructure.fit import RobotFacts
from physai.infrastructure.registry import manifest_digest

from ..errors import NotSwappedError
from ..runtime.onnx_policy import OnnxPolicy
from .agent import Agent
from .shadow_mode import Accompany, ShadowMode

type Swap = Callable[[OnnxPolicy], bool]
type Condition = Callable[[], RobotCondition]

TICK_S = 0.5  # between two looks at the gate, whose decisions are this robot's own


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

    def __init__(
        self,
        agent: Agent,
        facts: RobotFacts,
        swap: Swap,
        condition: Condition,
        blend_steps: int = 0,
        accompany: Accompany = lambda _: None,
    ) -> None:
        """Prepare to watch.

        Args:
            agent: The robot's.
            facts: What the robot says of itself.
            swap: Lets a policy take over between two steps.
            condition: Asked whenever a candidate waits.
            blend_steps: Actions over which one chunk runs into the next.
            accompany: Lets a candidate see every step, or ends that; without, nothing runs in shadow mode.
        """
        self._agent = agent
        self._facts = facts
        self._swap = swap
        self._condition = condition
        self._blend_steps = blend_steps
        self._shadow_mode = ShadowMode(agent, accompany, blend_steps)
        self._wanted: str | None = None
        self._unreached: str | None = None  # what went wrong when the fleet was looked at last
        self.serving: Digest | None = None
        """Package that runs."""

    def boot(self) -> Digest | None:
        """Serve what served before, from the robot's own disk; needs neither registry nor repository."""
        self.serving = self._agent.serve(self._install)
        return self.serving

    def look(self, *, at_fleet: bool = True) -> LoaderStatus:
        """Look once, and do what can be done now.

        Args:
            at_fleet: Whether to ask the fleet what is wanted, or the robot's own gate alone.
        """
        if at_fleet:
            self._unreached = None
            try:
                self._wanted = self._bring()
            except (PhysaiError, OSError) as failure:
                self._wanted, self._unreached = None, str(failure)
        condition, switched, error = None, False, self._unreached
        try:
            condition = self._condition()
            self._shadow_mode.look()
            switched = self._switch(condition)
            if at_fleet:
                self._agent.home.collect_garbage(self._agent.gate.state.packages)
        except (PhysaiError, OSError) as failure:
            error = str(failure)
        return LoaderStatus(
            robot=self._agent.robot,
            wanted=self._wanted,
            serving=self.serving,
            switched=switched,
            waiting_for=self._agent.gate.status(condition).waiting_for,
            error=error,
        )

    def watch(self, period_s: float, over: threading.Event, tell: Callable[[LoaderStatus], None]) -> None:
        """Look again and again until it is over; only what changed is told.

        Args:
            period_s: Between two looks at the fleet; the gate is looked at every half second.
            over: Ends it when set.
            tell: Told of every change.
        """
        told: LoaderStatus | None = None
        due_s = time.monotonic()
        while not over.is_set():
            now_s = time.monotonic()
            status = self.look(at_fleet=now_s >= due_s)
            due_s = now_s + period_s if now_s >= due_s else due_s
            if status != told:
                tell(status)
                told = status.model_copy(update={"switched": False})
            over.wait(min(period_s, TICK_S))
        self._shadow_mode.end()

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

    def _switch(self, condition: RobotCondition) -> bool:
        switched = self._agent.switch(condition, self._install)
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
