"""Windows across midnight, the end of the week, and both changes of daylight saving of 2026 in Berlin."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from physai.infrastructure.contracts import Window


def window(start: str, end: str, days: tuple[str, ...] = (), zone: str = "Europe/Berlin") -> Window:
    content = {"start": start, "end": end, "time_zone": zone} | ({"days": days} if days else {})
    return Window.model_validate(content)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("opened", "at", "is_open"),
    [  # Berlin is UTC+1 in winter: 22:00 is 21:00Z
        (window("22:00", "05:00"), "2026-01-12 20:59:59", False),
        (window("22:00", "05:00"), "2026-01-12 21:00:00", True),
        (window("22:00", "05:00"), "2026-01-13 03:59:59", True),
        (window("22:00", "05:00"), "2026-01-13 04:00:00", False),
        (window("22:00", "05:00", ("sun",)), "2026-01-12 03:00:00", True),  # Sunday's window, on Monday morning
        (window("22:00", "05:00", ("sun",)), "2026-01-13 03:00:00", False),
        # 29 March: at 01:00Z clocks go from 02:00 to 03:00. 22:00 is 21:00Z still, 05:00 is 03:00Z already.
        (window("22:00", "05:00"), "2026-03-28 21:00:00", True),
        (window("22:00", "05:00"), "2026-03-29 02:59:59", True),
        (window("22:00", "05:00"), "2026-03-29 03:00:00", False),
        # 02:30 does not exist; read with +01:00 it is 01:30Z, which clocks call 03:30. The end 04:00 is 02:00Z.
        (window("02:30", "04:00"), "2026-03-29 01:29:59", False),
        (window("02:30", "04:00"), "2026-03-29 01:30:00", True),
        (window("02:30", "04:00"), "2026-03-29 02:00:00", False),
        (window("02:30", "03:15"), "2026-03-29 01:20:00", False),  # 03:15 is 01:15Z, before its start: not that day
        # 25 October: at 01:00Z clocks go from 03:00 to 02:00. 02:30 comes at 00:30Z and 01:30Z; the first one counts.
        (window("02:30", "03:30"), "2026-10-25 00:30:00", True),
        (window("02:30", "03:30"), "2026-10-25 02:29:59", True),  # two hours long that night: 03:30 is 02:30Z
        (window("02:30", "03:30"), "2026-10-25 02:30:00", False),
        (window("01:00", "02:30"), "2026-10-25 00:29:59", True),
        (window("01:00", "02:30"), "2026-10-25 00:30:00", False),
        (window("01:00", "02:30"), "2026-10-25 01:15:00", False),  # 02:15 for the second time
        (window("00:00", "00:00", ("sat",)), "2026-03-28 12:00:00", True),  # a whole day
    ],
)
def test_a_window_is_open_from_its_start_up_to_its_end(opened: Window, at: str, is_open: bool) -> None:
    assert opened.is_open(utc(at)) is is_open


def test_the_next_opening_is_found_across_a_change() -> None:
    assert window("02:30", "04:00").next_open(utc("2026-03-29 00:00")) == utc("2026-03-29 01:30")
    assert window("22:00", "23:00", ("wed",)).next_open(utc("2026-01-15 00:00")) == utc("2026-01-21 21:00")
    now = utc("2026-01-12 21:30")
    assert window("22:00", "05:00").next_open(now) == now


def test_an_unknown_zone_is_named() -> None:
    with pytest.raises(ValidationError, match="no such time zone 'Berlin'"):
        window("22:00", "05:00", zone="Berlin")


@pytest.mark.parametrize(
    ("words", "days"),
    [
        ("22:00-05:00 Europe/Berlin", ("mon", "tue", "wed", "thu", "fri", "sat", "sun")),
        ("mon-wed 22:00-05:00 Europe/Berlin", ("mon", "tue", "wed")),
        ("sat-mon,thu 22:00-05:00 Europe/Berlin", ("sat", "sun", "mon", "thu")),
    ],
)
def test_a_window_is_read_from_words(words: str, days: tuple[str, ...]) -> None:
    assert Window.parse(words) == window("22:00", "05:00", days)


@pytest.mark.parametrize("words", ["", "22-05 UTC", "22:00-05:00", "someday 22:00-05:00 UTC", "25:00-05:00 UTC"])
def test_words_that_are_no_window_are_refused(words: str) -> None:
    with pytest.raises(ValueError, match=r"no window|none of|hour"):
        Window.parse(words)
