"""Where events come in: each is checked once, against the contract of its table, and a bad one stops no other.

A whole payload is tried first by decoders that are generated from the contracts and some five times faster than they
are. What those refuse is judged event by event by the contracts themselves, which also say why.
"""

import re
import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Any

import annotated_types
import msgspec
from pydantic import AwareDatetime, BaseModel, ValidationError
from pydantic.fields import FieldInfo

from physai.infrastructure.contracts import CloudEvent, Contract

from .tables import BY_EVENT, ENVELOPE, Table

MAX_EVENT_BYTES = 64 * 1024  # CloudEvents 1.0, "Size Limits": an event of 64 KiB must be forwarded, larger need not
AHEAD = timedelta(minutes=5)
"""How far a robot's clock may be ahead of ours; an agent's own never leaves the time it began with."""


class Refusal(Contract):
    """Something that is no event."""

    where: str
    """File and line `telemetry/events.jsonl:17`, or topic and place in the payload."""
    reason: typing.Literal["malformed", "oversized", "future", "foreign", "conflict"]
    why: str


@dataclass
class Passed:
    """What came through the door."""

    table: Table
    lines: list[bytes] = field(default_factory=list)
    """One event each, as JSON in canonical form: no key twice, nothing left to a default."""
    refused: list[Refusal] = field(default_factory=list)


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
        passed = Passed(table)
        try:
            events = _decoder(table.event).decode(payload)
            good = all(event.time <= self.latest and source in (None, event.source) for event in events)
        except (msgspec.DecodeError, RecursionError):
            good = False
        if good:
            passed.lines = msgspec.json.Encoder().encode_lines(events).splitlines()
        else:
            self._one_by_one(passed, payload, where, source)
        return passed

    def _one_by_one(self, passed: Passed, payload: bytes, where: str, source: str | None) -> None:
        try:
            raws = _raws().decode(payload)
        except (msgspec.DecodeError, RecursionError) as error:
            passed.refused.append(Refusal(where=where, reason="malformed", why=f"no JSON array: {error}"))
            return
        for number, raw in enumerate(raws):
            event = self.judge(passed.table.event, bytes(raw), f"{where}[{number}]", source)
            if isinstance(event, Refusal):
                passed.refused.append(event)
            else:
                passed.lines.append(event.model_dump_json().encode())

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
    by_table: dict[str, Passed] = {}
    for event in events:
        table = BY_EVENT[type(event)]
        by_table.setdefault(table.name, Passed(table)).lines.append(event.model_dump_json().encode())
    return list(by_table.values())


def first_error(error: ValidationError) -> str:
    """What is wrong first, and where."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])


@cache
def _raws() -> msgspec.json.Decoder[list[msgspec.Raw]]:
    return msgspec.json.Decoder(list[msgspec.Raw])


@cache
def _decoder(kind: type[CloudEvent]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(types.GenericAlias(list, (_struct(kind),)))


def _struct(model: type[BaseModel]) -> type[msgspec.Struct]:
    """A msgspec structure that accepts what a contract accepts, or less."""
    fields: list[Any] = []
    for name, info in model.model_fields.items():
        needs = info.is_required() or name == "type"  # the type tells which contract it is: never left to a default
        kind = _kind(info.annotation, tuple(info.metadata))
        fields.append((name, kind) if needs else (name, kind, info.default))
    return msgspec.defstruct(
        model.__name__, sorted(fields, key=len), kw_only=True, frozen=True, gc=False, forbid_unknown_fields=True
    )


def _kind(annotation: Any, metadata: tuple[Any, ...] = ()) -> Any:
    if annotation in (AwareDatetime, datetime):
        return Annotated[datetime, msgspec.Meta(tz=True)]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _kind(arguments[0], (*metadata, *arguments[1:]))
    if origin in (typing.Union, types.UnionType):
        return typing.Union[tuple(_kind(each, metadata) for each in arguments)]  # noqa: UP007 - made at run time
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _struct(annotation)
    if origin is tuple:
        annotation = types.GenericAlias(tuple, (_kind(arguments[0]), ...))
    elif origin is dict:
        annotation = types.GenericAlias(dict, tuple(_kind(each) for each in arguments))
    bounds = _bounds(metadata)
    return Annotated[annotation, msgspec.Meta(**bounds)] if bounds and annotation is not type(None) else annotation


def _bounds(metadata: tuple[Any, ...]) -> dict[str, Any]:
    flat = [part for each in metadata for part in (each.metadata if isinstance(each, FieldInfo) else [each])]
    bounds: dict[str, Any] = {}
    for part in flat:
        for name in ("ge", "gt", "le", "lt", "min_length", "max_length"):
            if isinstance(part, annotated_types.BaseMetadata) and getattr(part, name, None) is not None:
                bounds[name] = getattr(part, name)
        if pattern := getattr(part, "pattern", None):
            bounds["pattern"] = re.sub(r"\$$", r"\\Z", pattern)  # Python's $ allows a line feed after it
    return bounds


assert set(ENVELOPE) <= set(CloudEvent.model_fields)
