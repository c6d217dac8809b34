"""Aggregation on the robot: what a robot's program says hundreds of times a second, told a few times an hour."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Self

from numpy.typing import NDArray

from physai.infrastructure.contracts import CloudEvent, ControlData, Digest, EpisodeEvent, SignalData

from .agent import TelemetryAgent
from .hardware import Gauges
from .signal_window import SignalWindow
from .window import ControlWindow

INFERENCE, BATTERY = "inference_ms", "battery_share"
SIGNALS = 128  # of a robot: who names one after a number in the message would fill its disk
NAME = 200  # characters; `Name` in the contract holds no more
LATE_S = 1.0  # what is on its way for less belongs to no other window in any way that matters


class Windows:
    """The windows of a robot: they close together, when their time is up, an episode ends, or the program stops.

    Their length is measured by the agent's clock, which does not jump. Several threads may use one; what a window
    holds is summed up and written to the disk by a thread of its own, so `sample` and `inference` never wait for it.
    """

    def __init__(
        self,
        agent: TelemetryAgent,
        policy: Digest,
        release: str,
        period_ms: float,
        *,
        every_s: float = 60.0,
        gauges_s: float = 1.0,
        elapsed_s: Callable[[], float] | None = None,
    ) -> None:
        """Prepare; they are open inside a `with`.

        Args:
            agent: Is told what they hold.
            policy: At work.
            release: That put it there.
            period_ms: Of control; an inference that takes longer misses its deadline.
            every_s: Length of a window.
            gauges_s: Between two looks at CPU, memory and temperature.
            elapsed_s: A clock that does not jump; that of the agent unless given.
        """
        self._agent, self._policy, self._release, self._period_ms = agent, policy, release, period_ms
        self._every_s, self._gauges_s = every_s, gauges_s
        self._elapsed_s = elapsed_s or agent.clock.elapsed_s
        self._lock = threading.Lock()
        self._telling = threading.Lock()  # what closed first is told first
        self._battery: float | None = None
        self._warm: dict[str, float] = {}
        self._signals: dict[str, SignalWindow] = {INFERENCE: SignalWindow(histogram=True)}
        for signal in (BATTERY, *Gauges.SIGNALS):
            self.expect(signal)
        self._control = ControlWindow(policy, release, period_ms, self._elapsed_s)
        self._began_s = self._told_s = self._elapsed_s()
        self._error: Exception | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="telemetry-windows", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.close()
        self._health()

    def expect(self, signal: str) -> None:
        """Keep a place for a signal, whatever others come first.

        Raises:
            ValueError: If the name is empty or too long, or there are too many signals.
        """
        with self._lock:
            self._window(signal)

    def inference(self, latency_ms: float, *, age_s: float = 0.0) -> None:
        """An inference that gave an action; one whose time is none counts as an error."""
        with self._lock:
            if self._control.step(latency_ms):
                self._add(INFERENCE, (latency_ms,), age_s)

    def sample(self, signal: str, values: Sequence[float] | NDArray[Any], *, age_s: float = 0.0) -> None:
        """A sample of a signal, e.g. an action.

        Args:
            signal: Its name, with the unit in it.
            values: One for each element, always as many.
            age_s: How long ago it was sent.

        Raises:
            ValueError: If the name is empty or too long, or there are too many signals.
        """
        with self._lock:
            self._add(signal, values, age_s)

    def battery(self, share: float, *, age_s: float = 0.0) -> None:
        """What the robot's battery holds, of 1."""
        with self._lock:
            self._battery = share
            self._add(BATTERY, (share,), age_s)

    def joint_temperature(self, joint: str, celsius: float, *, age_s: float = 0.0) -> None:
        """How warm a joint is."""
        with self._lock:
            self._add(f"joint_temperature_c.{joint}", (celsius,), age_s)
            self._warm[joint] = celsius

    def episode(self, event: EpisodeEvent) -> None:
        """An episode has ended, and with it the windows."""
        self._tell([event], event.data.episode)

    def work(self, policy: Digest, release: str) -> None:
        """Another policy is at work from now on."""
        self._tell([], then=(policy, release))

    def close(self) -> None:
        """Tell what the windows hold, and open the next."""
        self._tell([])

    def _add(self, signal: str, values: Sequence[float] | NDArray[Any], age_s: float) -> None:
        if self._error is not None:  # of the thread
            raise self._error
        late = age_s > self._elapsed_s() - self._began_s + LATE_S
        self._window(signal).add(values, late=late)

    def _window(self, signal: str) -> SignalWindow:
        if (window := self._signals.get(signal)) is None:
            if not 0 < len(signal) <= NAME:
                raise ValueError(f"'{signal:.40}' has {len(signal)} characters; a signal's name has 1 to {NAME}")
            if len(self._signals) >= SIGNALS:
                raise ValueError(f"'{signal}' would be one signal too many; a robot has at most {SIGNALS}")
            window = self._signals[signal] = SignalWindow()
        return window

    def _tell(
        self, first: list[CloudEvent], episode: int | None = None, then: tuple[Digest, str] | None = None
    ) -> None:
        with self._telling:
            with self._lock:
                control, signals = self._take(episode)
                if then:
                    self._policy, self._release = then
                    self._control = ControlWindow(*then, self._period_ms, self._elapsed_s)
            self._agent.tell([*first, *self._agent.summaries(control, signals)])

    def _take(self, episode: int | None) -> tuple[ControlData | None, list[SignalData]]:
        agent, now_s = self._agent, self._elapsed_s()
        where: dict[str, Any] = {"cohort": agent.cohort, "robot": agent.robot, "site": agent.site}
        where |= {"policy": self._policy, "release": self._release, "episode": episode}
        where |= {"window_s": max(now_s - self._began_s, 1e-6)}
        self._began_s = now_s
        taken = {name: window.take() for name, window in self._signals.items()}
        signals = [SignalData(signal=name, **where, **held) for name, held in taken.items() if held]
        return self._control.close(agent.site, agent.robot, agent.cohort), signals

    def _watch(self) -> None:
        gauges = Gauges()
        try:
            while not self._over.wait(min(self._gauges_s, self._every_s)):
                self._look(gauges)
        except Exception as error:  # noqa: BLE001 - a full disk or whatever: the program is told
            self._error = error

    def _look(self, gauges: Gauges) -> None:
        for name, value in gauges.read().items():
            self.sample(name, (value,))
        if self._elapsed_s() - self._began_s >= self._every_s:
            self.close()
        if self._elapsed_s() - self._told_s >= self._every_s:
            self._told_s = self._elapsed_s()
            self._health()

    def _health(self) -> None:
        with self._lock:
            warm, battery = tuple(self._warm[joint] for joint in sorted(self._warm)), self._battery
        self._agent.health(self._policy, warm, battery_share=battery)
