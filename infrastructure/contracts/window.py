"""Maintenance windows: hours of a week, in the time zone of the place, through changes of daylight saving."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field

from .base import Contract

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WORDS = re.compile(r"(?:([a-z,\-]+)\s+)?(\d\d:\d\d)-(\d\d:\d\d)\s+(\S+)", re.IGNORECASE)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise ValueError(f"no such time zone '{name}'; use an IANA name such as 'Europe/Berlin'") from error
    return name


def _clock(text: object) -> object:
    return time.fromisoformat(text) if isinstance(text, str) else text


def _days(text: str) -> tuple[str, ...]:
    """`mon-fri,sun` as days; a range may go over the end of the week."""
    found: list[str] = []
    for part in text.lower().split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last and last not in DAYS):
            raise ValueError(f"'{part}' is none of {', '.join(DAYS)}, or two of them with '-'")
        start, count = DAYS.index(first), (DAYS.index(last or first) - DAYS.index(first)) % 7 + 1
        found += [DAYS[(start + day) % 7] for day in range(count)]
    return tuple(found)


Clock = Annotated[time, BeforeValidator(_clock, json_schema_input_type=str)]


class Window(Contract):
    """Hours in which a policy may be activated.

    A local time that does not exist on the day of a change is read with the offset before the gap; one that comes twice
    is the first. Source: RFC 5545, section 3.3.5.
    """

    days: tuple[Day, ...] = Field(default=DAYS, min_length=1, strict=False)
    """Days on which it opens."""
    start: Clock
    """Local time, e.g. `22:00`."""
    end: Clock
    """Local time; not after `start` is on the next day."""
    time_zone: Annotated[str, AfterValidator(_zone)]
    """IANA name, e.g. `Europe/Berlin`."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """A window in words, e.g. `mon-fri 22:00-05:00 Europe/Berlin`, `sat,sun 00:00-00:00 UTC`; no days: every day.

        Raises:
            ValueError: If it is none.
        """
        found = WORDS.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"'{text}' is no window. Write e.g. 'mon-fri 22:00-05:00 Europe/Berlin'")
        days, start, end, zone = found.groups()
        named = {"days": _days(days)} if days else {}
        return cls.model_validate({"start": start, "end": end, "time_zone": zone, **named})

    def is_open(self, at: datetime) -> bool:
        """Whether it is open at an instant: from its start on, up to and without its end."""
        today = at.astimezone(ZoneInfo(self.time_zone)).date()
        return any(
            start <= at < end for start, end in map(self._span, (today - timedelta(days=1), today)) if start is not None
        )

    def next_open(self, after: datetime) -> datetime | None:
        """The next instant at which it opens; `after` itself if it is open. None if no day of ten opens it."""
        if self.is_open(after):
            return after
        today = after.astimezone(ZoneInfo(self.time_zone)).date()
        starts = (self._span(today + timedelta(days=days)) for days in range(10))
        return next((start for start, end in starts if start is not None and after <= start < end), None)

    def _span(self, day: date) -> tuple[datetime, datetime] | tuple[None, datetime]:
        """Start and end in UTC of the window that opens on a day, if one does.

        Instants are compared in UTC: Python compares times of one zone by their clocks, blind to a change between them.
        """
        last = day if self.end > self.start else day + timedelta(days=1)
        zone = ZoneInfo(self.time_zone)
        end = datetime.combine(last, self.end, zone).astimezone(UTC)
        if DAYS[day.weekday()] not in self.days:
            return None, end
        return datetime.combine(day, self.start, zone).astimezone(UTC), end
