"""A resource against the models of Microsoft's SDK, strictly: the SDK itself lets unknown fields and values pass."""

import typing
from collections.abc import Iterator, MutableMapping
from enum import Enum
from types import ModuleType
from typing import Any


def faults(module: ModuleType, kind: Any, value: Any, where: str = "$") -> Iterator[str]:
    """What is not as a type declares it: unknown, missing, of another type, no member of an enumeration."""
    kind = getattr(module, kind.rpartition(".")[2]) if isinstance(kind, str) else kind
    origin = typing.get_origin(kind)
    if origin is not None:
        yield from _generic(module, kind, value, where)
    elif isinstance(kind, type) and issubclass(kind, Enum):
        if value not in [each.value for each in kind]:
            yield f"{where}: {value!r} is none of {kind.__name__}"
    elif isinstance(kind, type) and issubclass(kind, MutableMapping):  # every model of the SDK is one
        yield from _model(module, kind, value, where)
    elif kind is not Any and type(value) is not kind:
        yield f"{where}: {value!r} is no {kind.__name__}"


def _generic(module: ModuleType, kind: Any, value: Any, where: str) -> Iterator[str]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Union:  # `Union[str, "Enum"]` of the SDK means the enumeration
        real = [each for each in arguments if each is not type(None)]
        narrow = [each for each in real if each is not str] or real
        yield from min((list(faults(module, _resolved(module, each), value, where)) for each in narrow), key=len)
    elif origin is list:
        for index, each in enumerate(value):
            yield from faults(module, _resolved(module, arguments[0]), each, f"{where}[{index}]")
    elif origin is dict:
        for name, each in value.items():
            yield from faults(module, _resolved(module, arguments[1]), each, f"{where}.{name}")
    elif value not in [getattr(each, "value", each) for each in arguments]:
        yield f"{where}: {value!r}"


def _resolved(module: ModuleType, kind: Any) -> Any:
    text = kind.__forward_arg__ if isinstance(kind, typing.ForwardRef) else kind
    return eval(text, {**vars(typing), **vars(module), "_models": module}) if isinstance(text, str) else kind


def _model(module: ModuleType, kind: Any, value: dict[str, Any], where: str) -> Iterator[str]:
    kind({})  # the SDK resolves a model's fields when it is first made
    tag = next((f._rest_name for f in kind._attr_to_rest_field.values() if f._is_discriminator), None)
    if tag is not None:
        kind = next((each for name, each in kind.__mapping__.items() if name == value.get(tag)), kind)
        kind({})
    fields = {field._rest_name: (name, field) for name, field in kind._attr_to_rest_field.items()}
    hints: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        hints |= getattr(base, "__annotations__", {})
    for name, each in value.items():
        if name in fields:
            yield from faults(module, _resolved(module, hints[fields[name][0]]), each, f"{where}.{name}")
        else:
            yield f"{where}.{name}: unknown to {kind.__name__}"
    for name, (attribute, field) in fields.items():
        optional = type(None) in typing.get_args(_resolved(module, hints[attribute])) or field._visibility == ["read"]
        if not optional and name not in value:
            yield f"{where}.{name}: missing"
