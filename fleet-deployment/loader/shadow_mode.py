"""Lets the gate's candidate run beside the policy that serves, and tells the gate how it went."""

from collections.abc import Callable

from ..gating.events import ShadowJudged
from ..gating.machine import Policy
from ..gating.rules import ShadowBounds
from ..runtime.onnx_policy import OnnxPolicy
from ..runtime.shadow import Shadow
from .agent import Agent, now

type Accompany = Callable[[Shadow | None], None]


class ShadowMode:
    """At most one candidate at a time."""

    def __init__(self, agent: Agent, accompany: Accompany, blend_steps: int) -> None:
        """Prepare.

        Args:
            agent: The robot's.
            accompany: Lets a candidate see every control step, or ends that.
            blend_steps: Actions over which one chunk runs into the next.
        """
        self._agent, self._accompany, self._blend_steps = agent, accompany, blend_steps
        self._shadow: Shadow | None = None

    def look(self) -> None:
        """Begin what the gate asks for, tell how it goes, and end it with a verdict or when it is asked for no more."""
        gate = self._agent.gate
        candidate, bounds = self._asked(), gate.rules.shadow
        if self._shadow and (candidate is None or candidate.release != self._shadow.release):
            self.end()
        if candidate is None or bounds is None:
            return
        shadow = self._shadow = self._shadow or self._begin(candidate, bounds)
        gate.tell_shadow(shadow.run)
        if verdict := shadow.verdict():
            self.end()
            gate.send(ShadowJudged(at=now(), release=candidate.release, passed=verdict.passed, why=verdict.why))

    def end(self) -> None:
        """End what runs, without a verdict."""
        if self._shadow:
            self._accompany(None)
            self._shadow.close()
            self._shadow = None
            self._agent.gate.tell_shadow(None)

    def _asked(self) -> Policy | None:
        """The candidate that is to run beside the active policy, if one is."""
        state = self._agent.gate.state
        waits = state.active and state.candidate and state.candidate.stage == "staged"
        return state.candidate if waits and state.candidate and state.candidate.shadow is None else None

    def _begin(self, candidate: Policy, bounds: ShadowBounds) -> Shadow:
        folder, package = self._agent.prove(candidate.package)
        policy = OnnxPolicy(folder, package, 1, self._blend_steps)
        policy.warm_up(folder)
        shadow = Shadow(candidate.release, policy, package, bounds)
        self._accompany(shadow)
        return shadow
