"""A table made from the contract of an event: the same names in DuckDB, Kusto and every dashboard."""

import types
import typing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime

from ..contracts.telemetry import CloudEvent, EvaluationEvent

ENVELOPE = {"id": "event_id", "source": "source", "time": "timestamp"}
"""Attribute of the envelope → its column; `id` and `time` are too many things in KQL."""
KINDS: dict[object, tuple[str, str]] = {
    str: ("string", "VARCHAR"),
    int: ("long", "BIGINT"),
    float: ("real", "DOUBLE"),
    bool: ("bool", "BOOLEAN"),
    datetime: ("datetime", "TIMESTAMPTZ"),
    AwareDatetime: ("datetime", "TIMESTAMPTZ"),
    tuple: ("dynamic", "DOUBLE[]"),
    tuple[int, ...]: ("dynamic", "BIGINT[]"),
    dict: ("dynamic", "MAP(VARCHAR, DOUBLE)"),
}


@dataclass(frozen=True)
class Column:
    """One column, in each store's own type."""

    name: str
    path: str
    """Where in an event: `$.id`, `$.data.robot`."""
    kusto: str
    duckdb: str
    description: str


@dataclass(frozen=True)
class Table:
    """All events of one type."""

    name: str
    event: type[CloudEvent]
    columns: tuple[Column, ...]

    @property
    def topic(self) -> str:
        """Last level of the MQTT topic that carries these events."""
        return self.name.lower()

    @property
    def type(self) -> str:
        """The CloudEvents type, with its version."""
        return str(self.event.model_fields["type"].default)

    @property
    def data(self) -> tuple[Column, ...]:
        """The columns that are the event's own."""
        return self.columns[len(ENVELOPE) :]


def _kind(annotation: Any) -> tuple[str, str]:
    """Kusto's and DuckDB's type of a field."""
    if annotation in KINDS:
        return KINDS[annotation]
    if isinstance(annotation, typing.TypeAliasType):
        return _kind(annotation.__value__)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _kind(arguments[0])
    if origin in (typing.Union, types.UnionType):
        (inner,) = (argument for argument in arguments if argument is not type(None))
        return _kind(inner)
    return KINDS[origin]


def _columns(event: type[CloudEvent]) -> tuple[Column, ...]:
    data = event.model_fields["data"].annotation
    assert data is not None
    fields = [(name, f"$.{attribute}", event.model_fields[attribute]) for attribute, name in ENVELOPE.items()]
    fields += [(name, f"$.data.{name}", field) for name, field in data.model_fields.items()]
    return tuple(Column(name, path, *_kind(field.annotation), field.description or "") for name, path, field in fields)


def table_of(name: str, event: type[CloudEvent]) -> Table:
    """The table that keeps all events of one type."""
    return Table(name, event, _columns(event))


EVALUATIONS = table_of("Evaluations", EvaluationEvent)
"""One row per policy of an evaluation report; its columns `policy` and `task` are those of `Episodes`."""
