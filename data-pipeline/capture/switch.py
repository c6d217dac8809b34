"""Decides when an episode is on: the triggers of the config, in their two states."""

from dataclasses import dataclass
from typing import Literal

from physai.infrastructure.contracts import RecordingConfig, Trigger
from physai.infrastructure.ros2.definitions import Definitions

from .sample import Sample
from .triggers import Signal, Watch, name, watch

IMMEDIATELY = "at once"


@dataclass(frozen=True)
class Change:
    """An episode begins, or ends."""

    to: Literal["recording", "idle"]
    by: str
    """The trigger."""
    outcome: Literal["success", "failure"]
    """Of the episode that ends."""


class Switch:
    """Start triggers count while idle, stop triggers while recording. All see everything, so that none is stale."""

    def __init__(self, config: RecordingConfig, definitions: Definitions, types: dict[str, str], now_ns: int) -> None:
        self._config = config
        self.recording = False
        self._since_ns = now_ns
        self.start: list[tuple[Trigger, Watch]] = [(t, watch(t, definitions, types)) for t in config.start]
        self.stop: list[tuple[Trigger, Watch]] = [(t, watch(t, definitions, types)) for t in config.stop]

    @property
    def signals(self) -> list[tuple[Trigger, Signal]]:
        """Triggers that somebody else must fire."""
        return [(trigger, found) for trigger, found in (*self.start, *self.stop) if isinstance(found, Signal)]

    def see(self, sample: Sample) -> Change | None:
        """What a message changes."""
        fired = [(trigger, on) for on, side in self._sides() for trigger, found in side if found.see(sample)]
        return self._first(fired, sample.log_ns)

    def poll(self, now_ns: int) -> Change | None:
        """What time, or somebody, changes."""
        if not self.recording and not self.start:
            return self._turn(IMMEDIATELY, None, now_ns)
        fired = [
            (trigger, on) for on, side in self._sides() for trigger, found in side if found.poll(now_ns, self._since_ns)
        ]
        return self._first(fired, now_ns)

    def _sides(self) -> tuple[tuple[bool, list[tuple[Trigger, Watch]]], ...]:
        return (False, self.start), (True, self.stop)

    def _first(self, fired: list[tuple[Trigger, bool]], now_ns: int) -> Change | None:
        trigger = next((trigger for trigger, while_recording in fired if while_recording == self.recording), None)
        return self._turn(name(trigger), trigger, now_ns) if trigger else None

    def _turn(self, by: str, trigger: Trigger | None, now_ns: int) -> Change:
        self.recording, self._since_ns = not self.recording, now_ns
        outcome = (trigger and trigger.outcome) or self._config.outcome
        return Change("recording" if self.recording else "idle", by, outcome)
