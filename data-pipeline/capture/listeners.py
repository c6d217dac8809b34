"""Listens, for as long as a recorder runs, to whatever fires the triggers that are no messages."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

from physai.infrastructure.contracts import GpioTrigger, KeyTrigger, ServiceTrigger

from .source import Source
from .switch import Switch
from .triggers import Signal


@contextmanager
def listening(switch: Switch, source: Source) -> Iterator[None]:
    """Fire the signals of a switch.

    Raises:
        UnavailableError: If the machine, or the source, cannot do that.
    """
    keys: dict[str, list[Signal]] = {}
    with ExitStack() as stack:
        for trigger, signal in switch.signals:
            match trigger:
                case KeyTrigger():
                    keys.setdefault(trigger.key, []).append(signal)
                case ServiceTrigger():
                    source.serve(trigger.service, signal.fire)
                case GpioTrigger():
                    from .gpio import Line

                    stack.enter_context(closing(Line(trigger, signal.fire)))
        if keys:
            from .keys import Keys

            stack.enter_context(closing(Keys({key: _fire_all(signals) for key, signals in keys.items()})))
        yield


def _fire_all(signals: list[Signal]) -> Callable[[], None]:
    def fire() -> None:
        for signal in signals:
            signal.fire()

    return fire
