"""Where events come in: each is checked once, against the contract of its table, and a bad one stops no other.

A whole payload is tried first by the decoders of `rows`, some five times faster than the contracts. What those refuse
is judged event by event by the contracts themselves, which also say why.
"""

import typing
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

import msgspec
from pydantic import ValidationError

from physai.infrastructure.contracts import CloudEvent, Contract
from physai.infrastructure.kusto import Table

from .rows import Row, columns_of, decode, row_of
from .tables import BY_EVENT, TABLES

if typing.TYPE_CHECKING:
    import pyarrow

MAX_EVENT_BYTES = 64 * 1024  # CloudEvents 1.0, "Size Limits": an event of 64 KiB must be forwarded, larger need not
AHEAD = timedelta(minutes=5)
"""How far a robot's clock may be ahead of ours; an agent's own never leaves the time it began with."""


class Refusal(Contract):
    """Something that is no event."""

    where: str
    """File and line `telemetry/events.jsonl:17`, or topic and place in the payload."""
    reason: typing.Literal["malformed", "oversized", "future", "foreign", "conflict"]
    why: str


@dataclass(frozen=True)
class Passed:
    """What came through the door."""

    table: Table
    columns: "pyarrow.Table"
    """One event a row."""
    refused: tuple[Refusal, ...] = ()


class Door:
    """Checks payloads of one moment; `now` decides what lies in the future."""

    def __init__(self, now: datetime | None = None) -> None:
        self.latest = (now or datetime.now(UTC)) + AHEAD

    def take(self, table: Table, payload: bytes, where: str, source: str | None = None) -> Passed:
        """Check a JSON array of events.

        Args:
            table: What the events are to be.
            payload: Decompressed.
            where: For refusals.
            source: Who sent it, if that is known for certain; events in another name are refused.
        """
        try:
            rows = decode(table.event, payload)
            good = all(row.time <= self.latest for row in rows)
            good = good and (source is None or all(row.source == source for row in rows))
        except (msgspec.DecodeError, RecursionError):
            good = False
        if not good:
            return self._one_by_one(table, payload, where, source)
        return Passed(table, columns_of(table, rows))

    def _one_by_one(self, table: Table, payload: bytes, where: str, source: str | None) -> Passed:
        try:
            raws = _raws().decode(payload)
        except (msgspec.DecodeError, RecursionError) as error:
            return refuse(table, Refusal(where=where, reason="malformed", why=f"no JSON array: {error}"))
        judged = [self.judge(table.event, bytes(raw), f"{where}[{number}]", source) for number, raw in enumerate(raws)]
        rows = [row_of(event) for event in judged if not isinstance(event, Refusal)]
        return Passed(
            table, columns_of(table, rows), tuple(refusal for refusal in judged if isinstance(refusal, Refusal))
        )

    def judge[Event: CloudEvent](
        self, kind: type[Event], content: bytes, where: str, source: str | None = None
    ) -> Event | Refusal:
        """Check one event by its contract."""
        if len(content) > MAX_EVENT_BYTES:
            return Refusal(where=where, reason="oversized", why=f"longer than {MAX_EVENT_BYTES} bytes")
        try:
            event = kind.model_validate_json(content)
        except ValidationError as error:
            return Refusal(where=where, reason="malformed", why=first_error(error))
        if event.time > self.latest:
            return Refusal(where=where, reason="future", why=f"dated {event.time:%Y-%m-%d %H:%M:%S %Z}, ahead of us")
        if source not in (None, event.source):
            return Refusal(where=where, reason="foreign", why=f"speaks for {event.source:.200}, came from {source}")
        return event


def pack(events: Iterable[CloudEvent]) -> list[Passed]:
    """Events that are checked already, table by table."""
    by_table: dict[str, list[Row]] = {}
    for event in events:
        by_table.setdefault(BY_EVENT[type(event)].name, []).append(row_of(event))
    return [Passed(TABLES[name], columns_of(TABLES[name], rows)) for name, rows in by_table.items()]


def refuse(table: Table, *refused: Refusal) -> Passed:
    """Nothing came through."""
    return Passed(table, columns_of(table, ()), refused)


def first_error(error: ValidationError) -> str:
    """What is wrong first, and where."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])


@cache
def _raws() -> msgspec.json.Decoder[list[msgspec.Raw]]:
    return msgspec.json.Decoder(list[msgspec.Raw])
