"""Serve recovered schemas to the real `terraform`, as providers that are running already.

    python -S serve.py SITE SCHEMAS SOCKETS

SITE holds grpc, msgpack and the plugin protocol's messages; SCHEMAS one `<name>.json` per provider; sockets are made
in SOCKETS. Prints the value of TF_REATTACH_PROVIDERS and serves until its standard input ends.

A plan marks computed attributes that are unset as unknown; what is applied or read gets stand-in values.
There is no cloud, no validation of values and no state behind it.
"""

import json
import os
import sys
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from typing import Any

SITE, SCHEMAS, SOCKETS = (Path(argument) for argument in sys.argv[1:4])
sys.path[:0] = [str(SITE), str(SITE / "pyvider/protocols/tfprotov6/protobuf")]

import grpc  # noqa: E402
import msgpack  # noqa: E402
import tfplugin6_pb2 as pb  # noqa: E402

type Json = Any

UNKNOWN = msgpack.ExtType(0, b"\0")
SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"
PLAIN: Json = {"number": 0, "bool": False}
DYNAMIC = [b'["object",{}]', {}]


def attribute_message(name: str, attribute: Json) -> Json:
    """An attribute as the protocol has it."""
    flags = {flag: attribute.get(flag, False) for flag in ("optional", "required", "computed", "write_only")}
    message = pb.Schema.Attribute(name=name, **flags)
    if "nested" in attribute:
        message.nested_type.nesting = pb.Schema.Object.NestingMode.Value(attribute["nested"]["nesting_mode"].upper())
        nested = attribute["nested"]["attributes"].items()
        message.nested_type.attributes.extend(attribute_message(key, value) for key, value in nested)
    else:
        message.type = json.dumps(attribute["type"], separators=(",", ":")).encode()
    return message


def block_message(block: Json) -> Json:
    """A block as the protocol has it."""
    message = pb.Schema.Block(version=0)
    message.attributes.extend(attribute_message(name, value) for name, value in block["attributes"].items())
    for name, nested in block["block_types"].items():
        repeats = nested["nesting_mode"] in ("list", "set")
        message.block_types.add(
            type_name=name,
            nesting=pb.Schema.NestedBlock.NestingMode.Value(nested["nesting_mode"].upper()),
            min_items=nested.get("min_items", 0) if repeats else 0,
            max_items=nested.get("max_items", 0) if repeats else 0,
            block=block_message(nested["block"]),
        )
    return message


def schema_message(schema: Json) -> bytes:
    """The answer to GetProviderSchema."""
    answer = pb.GetProviderSchema.Response()
    answer.provider.CopyFrom(pb.Schema(version=0, block=block_message(schema["provider"])))
    for target, section in (
        (answer.resource_schemas, "resources"),
        (answer.data_source_schemas, "data"),
        (answer.ephemeral_resource_schemas, "ephemeral"),
    ):
        for name, block in schema[section].items():
            target[name].CopyFrom(pb.Schema(version=0, block=block_message(block)))
    answer.server_capabilities.get_provider_schema_optional = True
    return bytes(answer.SerializeToString())


def decode(value: Json) -> Json:
    """A value of the protocol, what is unknown as `ExtType`."""
    return msgpack.unpackb(value.msgpack, strict_map_key=False, ext_hook=msgpack.ExtType) if value.msgpack else None


def encode(value: Json) -> Json:
    """A value for the protocol."""
    return pb.DynamicValue(msgpack=msgpack.packb(value))


def walk(block: Json, value: Json, leaf: Callable[[str, Json, Json], Json]) -> Json:
    """A value with every attribute replaced by what `leaf` makes of it."""
    if not isinstance(value, dict):
        return value
    new = dict(value)
    for name, attribute in block["attributes"].items():
        if "nested" in attribute and isinstance(new.get(name), dict):
            inner = {"attributes": attribute["nested"]["attributes"], "block_types": {}}
            new[name] = walk(inner, new[name], leaf)
        else:
            new[name] = leaf(name, attribute, new.get(name))
    for name, nested in block["block_types"].items():
        inner = new.get(name)
        if isinstance(inner, list):
            new[name] = [walk(nested["block"], item, leaf) for item in inner]
        else:
            new[name] = walk(nested["block"], inner, leaf)
    return new


def planned(_name: str, attribute: Json, value: Json) -> Json:
    """Write-only values never reach a plan; what only the cloud knows is unknown."""
    if attribute.get("write_only"):
        return None
    return UNKNOWN if attribute.get("computed") and value is None else value


def stand_in(kind: Json, name: str, resource_id: str) -> Json:
    """A value of a type."""
    if kind == "string":
        return resource_id if name == "id" else f"stub-{name.replace('_', '-')}"
    if kind == "dynamic":
        return DYNAMIC
    if isinstance(kind, str):
        return PLAIN[kind]
    if kind[0] == "object":
        return {key: stand_in(inner, key, resource_id) for key, inner in kind[1].items()}
    return {} if kind[0] == "map" else []


def filled(block: Json, type_name: str, value: Json) -> Json:
    """A planned value, with stand-ins for what is unknown."""
    group, name = (
        value.get(key) if isinstance(value.get(key), str) else key for key in ("resource_group_name", "name")
    )
    resource_id = f"{SUBSCRIPTION}/resourceGroups/{group}/providers/stub/{type_name}/{name}"

    def leaf(name: str, attribute: Json, old: Json) -> Json:
        unknown = isinstance(old, msgpack.ExtType)
        return stand_in(attribute.get("type", "dynamic"), name, resource_id) if unknown else old

    return walk(block, value, leaf)


class Provider(grpc.GenericRpcHandler):  # type: ignore[misc]
    """One provider: its schema, and an answer to every call that a plan or a test makes."""

    def __init__(self, schema: Json) -> None:
        self._schema = schema
        self._message = schema_message(schema)

    def service(self, call: Json) -> Json:
        """The handler of a method, or None for one that the protocol does not have."""
        method = call.method.rsplit("/", 1)[-1]
        if method == "GetProviderSchema":
            return grpc.unary_unary_rpc_method_handler(lambda _request, _context: self._message, bytes, bytes)
        messages = getattr(pb, method, None)
        if not hasattr(messages, "Response"):
            return None
        special = {
            "PlanResourceChange": self._plan,
            "ApplyResourceChange": self._apply,
            "ReadDataSource": self._data,
            "OpenEphemeralResource": self._ephemeral,
            "ReadResource": lambda request: messages.Response(new_state=request.current_state),
            "UpgradeResourceState": self._upgrade,
        }
        answer = special.get(method, lambda _request: messages.Response())
        return grpc.unary_unary_rpc_method_handler(
            lambda request, _context: answer(request),
            messages.Request.FromString,
            lambda response: response.SerializeToString(),
        )

    def _plan(self, request: Json) -> Json:
        new = decode(request.proposed_new_state)
        state = request.proposed_new_state
        if new is not None:
            state = encode(walk(self._schema["resources"][request.type_name], new, planned))
        return pb.PlanResourceChange.Response(planned_state=state)

    def _apply(self, request: Json) -> Json:
        new = decode(request.planned_state)
        state = request.planned_state
        if new is not None:
            state = encode(filled(self._schema["resources"][request.type_name], request.type_name, new))
        return pb.ApplyResourceChange.Response(new_state=state)

    def _data(self, request: Json) -> Json:
        return pb.ReadDataSource.Response(state=self._read("data", request))

    def _ephemeral(self, request: Json) -> Json:
        return pb.OpenEphemeralResource.Response(result=self._read("ephemeral", request))

    def _read(self, section: str, request: Json) -> Json:
        block = self._schema[section][request.type_name]
        return encode(filled(block, request.type_name, walk(block, decode(request.config), planned)))

    def _upgrade(self, request: Json) -> Json:
        return pb.UpgradeResourceState.Response(upgraded_state=pb.DynamicValue(json=request.raw_state.json))


def start(path: Path) -> tuple[Json, Json]:
    """A server on a socket of its own, and what `terraform` needs to find it."""
    socket = SOCKETS / f"{path.stem}.sock"
    server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.max_send_message_length", -1)])
    server.add_generic_rpc_handlers((Provider(json.loads(path.read_text())),))
    server.add_insecure_port(f"unix://{socket}")
    server.start()
    address = {"Network": "unix", "String": str(socket)}
    return server, {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": os.getpid(), "Test": True, "Addr": address}


def main() -> None:
    """Serve every provider of the index until standard input ends."""
    SOCKETS.mkdir(parents=True, exist_ok=True)
    index = json.loads((SCHEMAS / "index.json").read_text())  # provider address → file
    started = {address: start(SCHEMAS / file) for address, file in index.items()}
    sys.stdout.write(json.dumps({address: reattach for address, (_, reattach) in started.items()}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    for server, _ in started.values():
        server.stop(None)


if __name__ == "__main__":
    main()
