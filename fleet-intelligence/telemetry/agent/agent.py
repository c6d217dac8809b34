"""The agent: what a robot's program tells of itself."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from physai.infrastructure.contracts import (
    CloudEvent,
    ControlData,
    ControlEvent,
    Digest,
    EpisodeEvent,
    HealthEvent,
    SignalData,
    SignalEvent,
)

from ..wire import Broker
from .clock import SteadyClock
from .hardware import look
from .outbox import LIMIT_BYTES, Outbox
from .sender import Sender


class TelemetryAgent:
    """Takes in what a robot tells, at once and without a network, and sends it when there is one."""

    def __init__(
        self,
        home: Path,
        site: str,
        robot: str,
        cohort: str | None = None,
        *,
        broker: Broker | None = None,
        limit_bytes: int = LIMIT_BYTES,
        clock: SteadyClock | None = None,
    ) -> None:
        """Open the robot's outbox.

        Args:
            home: Folder of the outbox.
            site: Where the robot works.
            robot: Its name, which the broker knows it by.
            cohort: Robots that get releases together with it.
            broker: Where to send to; None only keeps.
            limit_bytes: Room for what is not sent.
            clock: Stamps what the agent itself observes.
        """
        self.site, self.robot, self.cohort = site, robot, cohort
        self.source = f"/{site}/{robot}"
        self.clock = clock or SteadyClock()
        self.outbox = Outbox(home / "outbox.db", limit_bytes)
        self.told = 0
        """Events that were kept."""
        self._sender = Sender(self.outbox, broker, self.source) if broker else None

    def __enter__(self) -> Self:
        if self._sender:
            self._sender.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._sender:
            self._sender.stop()
        self.outbox.close()

    def tell(self, events: Sequence[CloudEvent]) -> None:
        """Keep events that are made already; when this returns they are on the disk."""
        if not events:
            return
        self.outbox.put(events)
        self.told += len(events)
        if self._sender:
            self._sender.wake()

    def episodes(self, events: Sequence[EpisodeEvent]) -> None:
        """Keep the robot's episodes, in the name of this agent's robot."""
        self.tell([event.model_copy(update={"source": self.source}) for event in events])

    def summaries(self, control: ControlData | None, signals: Sequence[SignalData]) -> list[CloudEvent]:
        """Events of windows that end now, each with a key of its own."""
        keys, now = self._keys(len(signals) + 1), self.clock.now()
        events: list[CloudEvent] = [
            SignalEvent(id=key, source=self.source, time=now, data=data)
            for key, data in zip(keys[1:], signals, strict=True)
        ]
        if control is not None:
            events.append(ControlEvent(id=keys[0], source=self.source, time=now, data=control))
        return events

    def health(
        self,
        policy: Digest | None = None,
        joint_temperature_c: Sequence[float] = (),
        battery_share: float | None = None,
    ) -> HealthEvent:
        """Look at the hardware, and tell.

        Args:
            policy: Active one.
            joint_temperature_c: By joint.
            battery_share: Of the robot's battery; None for that of its computer, if it has one.
        """
        data = look(
            self.site,
            self.robot,
            self.cohort,
            policy=policy,
            joint_temperature_c=tuple(joint_temperature_c),
            battery_share=battery_share,
            queued_events=self.outbox.waiting,
            dropped_events=self.outbox.dropped,
            clock_offset_s=round(self.clock.offset_s(), 3),
        )
        event = HealthEvent(id=self._keys(1)[0], source=self.source, time=self.clock.now(), data=data)
        self.tell([event])
        return event

    def _keys(self, count: int) -> list[str]:
        return [f"{self.outbox.id}/{ticket:012d}" for ticket in self.outbox.tickets(count)]
