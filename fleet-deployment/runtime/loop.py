"""The step loop: at the contract's rate measure, decide, guard, send; hold on a fault, stop when faults go on."""

import threading
import time
from collections.abc import Callable
from typing import Literal

from physai.infrastructure.contracts import Contract
from physai.infrastructure.control import Policy
from physai.infrastructure.errors import PhysaiError
from physai.infrastructure.fit import STATE

from .guard import Guard
from .shadow import Shadow
from .transport import Reading, Transport

type Mode = Literal["running", "holding", "stopped"]

STALE_PERIODS = 3  # a measurement older than this many control periods says nothing about now
PATIENCE = 10  # steps in a row without an action of the policy, after which the robot is stopped for good


class LoopReport(Contract):
    """What a loop has done so far."""

    mode: Mode
    why: str | None
    """Why it holds, or has stopped."""
    steps: int
    misses: int
    """Steps that ended after the next one was due."""
    worst_ms: float
    """Longest step, without the waiting."""
    held: int
    """Steps in which the policy's action was not used."""
    swaps: int


class StepLoop:
    """Runs one robot. `step` belongs to one thread; `swap` may be called by any other."""

    def __init__(
        self,
        transport: Transport,
        guard: Guard,
        rate_hz: float,
        *,
        patience: int = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepare to run; nothing is sent yet.

        Args:
            transport: Of the robot.
            guard: Around the policy; a policy that is swapped in takes the place of the one inside it.
            rate_hz: Of the package's contract.
            patience: Steps in a row without an action of the policy before the robot is stopped.
            clock: Seconds, of the same clock as `Reading.stamp_s`.
            sleep: Waits.
        """
        self.period_s = 1.0 / rate_hz
        self._transport = transport
        self._guard = guard
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        self._shadow: Shadow | None = None
        self._pending: tuple[Policy, threading.Event] | None = None
        self._swapping = threading.Lock()
        self._halted: str | None = None  # set once, by any thread; nothing is sent afterwards
        self._holding: str | None = None
        self._steps = self._misses = self._held = self._swaps = self._faults = 0
        self._worst_s = 0.0
        self.beat_s = clock()
        """When the last step ended; what a watchdog looks at."""

    @property
    def report(self) -> LoopReport:
        """What it has done so far."""
        return LoopReport(
            mode="stopped" if self._halted else "holding" if self._holding else "running",
            why=self._halted or self._holding,
            steps=self._steps,
            misses=self._misses,
            worst_ms=self._worst_s * 1e3,
            held=self._held,
            swaps=self._swaps,
        )

    def swap(self, policy: Policy, timeout_s: float = 5.0) -> bool:
        """Let another policy take over before the next step, and wait until it has.

        Returns:
            Whether it took over; if not, the policy before it goes on.
        """
        taken = threading.Event()
        with self._swapping:
            self._pending = (policy, taken)
        if taken.wait(timeout_s):
            return True
        with self._swapping:
            if not taken.is_set():
                self._pending = None
        return taken.is_set()

    def accompany(self, shadow: Shadow | None) -> None:
        """Let a candidate see every step from now on; None ends that."""
        self._shadow = shadow

    def run(self, steps: int | None = None, until: threading.Event | None = None) -> LoopReport:
        """Step at the rate, until told otherwise or stopped by a fault; the robot is at its safe stop afterwards.

        Args:
            steps: How many; None for no end.
            until: Ends it when set.
        """
        due_s = self._clock()
        try:
            while self._halted is None and (steps is None or self._steps < steps):
                if until is not None and until.is_set():
                    break
                began_s = self._clock()
                self.step()
                ended_s = self._clock()
                self._worst_s = max(self._worst_s, ended_s - began_s)
                due_s += self.period_s
                if ended_s > due_s:
                    self._misses += 1
                    due_s = ended_s  # the beat starts anew: no burst of steps to catch up
                else:
                    self._sleep(due_s - ended_s)
        finally:
            self._transport.stop()
        return self.report

    def step(self) -> None:
        """One step: the waiting policy takes over, then the newest measurement is answered."""
        self._take_over()
        reading, why = self._measure()
        if why is None and reading is not None:
            why = self._decide(reading)
        if why is None:
            self._faults, self._holding = 0, None
        else:
            self._fault(why, reading)
        self._steps += 1
        self.beat_s = self._clock()

    def halt(self, why: str) -> None:
        """Stop for good; the robot is brought to its safe stop at once, from whichever thread calls."""
        self._halted = self._halted or why
        self._transport.stop()

    def _take_over(self) -> None:
        with self._swapping:
            if self._pending is None:
                return
            self._guard.policy, taken = self._pending
            self._pending = None
            self._swaps += 1
            taken.set()

    def _measure(self) -> tuple[Reading | None, str | None]:
        """The newest measurement, and why it is no ground to act on."""
        try:
            reading = self._transport.read()
        except PhysaiError as error:
            return None, str(error)
        if reading is None:
            return None, "nothing was measured yet"
        if reading.e_stop:  # whoever resets it starts the robot anew: it never moves again by itself, ISO 13850
            self.halt("the emergency stop is engaged")
        age_s = self._clock() - reading.stamp_s
        stale = age_s > STALE_PERIODS * self.period_s
        return reading, f"the measurement is {age_s * 1e3:.0f} ms old" if stale else self._halted

    def _decide(self, reading: Reading) -> str | None:
        """Ask the policy and send its action; why that was not possible."""
        held = int(self._guard.held[0])
        try:
            targets = self._guard.act(reading.observation)
        except PhysaiError as error:
            return str(error)
        if self._halted is not None:
            return self._halted
        self._transport.send(targets[0])
        if int(self._guard.held[0]) > held:
            return "the policy's action is not finite"
        if (shadow := self._shadow) is not None:
            shadow.see(reading.observation, self._guard.wanted)
        return None

    def _fault(self, why: str, reading: Reading | None) -> None:
        self._faults += 1
        self._held += 1
        if self._halted is not None:
            return
        self._holding = why
        if reading is not None and not why.startswith("the policy's action"):  # that one the guard has answered
            self._transport.send(self._guard.hold(reading.observation[STATE])[0])
        if self._faults >= self._patience:
            self.halt(f"{why}, for {self._faults} steps")
