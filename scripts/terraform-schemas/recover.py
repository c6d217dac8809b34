"""Recover a Terraform provider's schema from its CDK bindings.

The bindings are JavaScript that was generated from `terraform providers schema -json`. A comment over each attribute
keeps its flags, the getter its type, the function `…ToHclTerraform` its nesting:

    // address_space - computed: true, optional: true, required: false
    get addressSpace() { return cdktn.Fn.tolist(this.getListAttribute('address_space')); }

A block here is `{"attributes": {name: attribute}, "block_types": {name: nested block}}` with Terraform's own type
encoding (`["list", "string"]`), as Terraform's plugin protocol has it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

type Json = Any

CLASS = re.compile(r"^class (\w+) extends (?:cdktn|cdktf)\.(\w+) \{\n(.*?)^}$", re.MULTILINE | re.DOTALL)
FUNCTION = re.compile(r"^function (\w+?)\(struct\) \{\n(.*?)^}$", re.MULTILINE | re.DOTALL)
ATTRIBUTE = re.compile(
    r"^    // (\w+) - computed: (true|false), optional: (true|false), required: (true|false)\n"
    r"(.*?)(?=^    // \w+ - computed|^    // =====|\Z)",
    re.MULTILINE | re.DOTALL,
)
HCL = re.compile(
    r"^\s+(\w+): \{\n\s+value: (.*?),\n\s+isBlock: (true|false),\n\s+type: \"(\w+)\",\n\s+storageClassType: \"(\w+)\"",
    re.MULTILINE,
)
COMPLEX = re.compile(r"= new (\w+)\(this, \"\w+\"(?:, (true|false))?\)")
MAP = re.compile(r"= new (?:cdktn|cdktf)\.(\w+)\(this, \"\w+\"")
GETTER = re.compile(r"this\.(\w+)\(['\"]")
MAPPER = re.compile(r"listMapper(?:Hcl)?\((\w+), (true|false)\)")
TO_HCL = "ToHclTerraform"

LISTS = ("ComplexList", "ComplexMap", "MapList")
SIMPLE = {"string": "string", "boolean": "bool", "number": "number", "any": "dynamic"}
ITEMS = {
    "stringList": "string",
    "numberList": "number",
    "booleanList": "bool",
    "numberListList": ["list", "number"],
    "stringListList": ["list", "string"],
}
MAPS = {
    "stringMap": ["map", "string"],
    "numberMap": ["map", "number"],
    "booleanMap": ["map", "bool"],
    "anyMap": "dynamic",
    "stringListMap": ["map", ["list", "string"]],
}
MAP_CLASSES = {
    "StringMap": ["map", "string"],
    "NumberMap": ["map", "number"],
    "BooleanMap": ["map", "bool"],
    "AnyMap": "dynamic",
    "StringMapList": ["list", ["map", "string"]],
    "NumberMapList": ["list", ["map", "number"]],
    "StringListList": ["list", ["list", "string"]],
    "NumberListList": ["list", ["list", "number"]],
}
GETTERS = {
    "getStringAttribute": "string",
    "getBooleanAttribute": "bool",
    "getNumberAttribute": "number",
    "getListAttribute": ["list", "string"],
    "getNumberListAttribute": ["list", "number"],
    "getStringMapAttribute": ["map", "string"],
    "getNumberMapAttribute": ["map", "number"],
    "getBooleanMapAttribute": ["map", "bool"],
    "getAnyMapAttribute": "dynamic",
}
SECTIONS = {"TerraformDataSource": "data", "TerraformEphemeralResource": "ephemeral", "TerraformResource": "resources"}


class UnresolvedError(Exception):
    """An attribute whose type the bindings do not give away."""


@dataclass(frozen=True)
class Hcl:
    """How an attribute is written out as HCL."""

    value: str
    type: str
    storage: str


@dataclass(frozen=True)
class Entry:
    """One attribute or block, as the class of its owner has it."""

    name: str
    flags: dict[str, bool]
    body: str
    hcl: Hcl | None

    @property
    def is_computed_only(self) -> bool:
        """Whether only the cloud sets it."""
        return "computed" in self.flags and "optional" not in self.flags

    @property
    def complex(self) -> tuple[str, bool] | None:
        """Class of a nested object, and whether its list wraps a set."""
        found = COMPLEX.search(self.body)
        return (found.group(1), found.group(2) == "true") if found else None


def recover(lib: Path) -> Json:
    """Schema of a whole provider.

    Args:
        lib: The folder `lib` of the bindings, one folder per resource in it.

    Raises:
        UnresolvedError: If the type of an attribute is not there.
    """
    schema: Json = {"provider": None, "version": None, "resources": {}, "data": {}, "ephemeral": {}}
    for path in sorted(lib.glob("*/index.js")):
        source = Source(path.read_text())
        for name, base, body in source.owners():
            block = source.block(name)
            if base == "TerraformProvider":
                del block["attributes"]["alias"]  # Terraform's own
                schema["provider"], schema["version"] = block, _field(body, r"providerVersion: '([^']+)'")
            else:
                schema[SECTIONS[base]][_field(body, r'static tfResourceType = "(\w+)"')] = block
    return schema


def _field(body: str, pattern: str) -> str:
    found = re.search(pattern, body)
    assert found, pattern
    return found.group(1)


class Source:
    """One file of the bindings."""

    def __init__(self, text: str) -> None:
        self._classes = {name: (base, body) for name, base, body in CLASS.findall(text)}
        self._functions = dict(FUNCTION.findall(text))
        self._lower = {name.lower(): body for name, body in self._functions.items()}

    def owners(self) -> Iterator[tuple[str, str, str]]:
        """(class, base, body) of the provider, resources and data sources."""
        for name, (base, body) in self._classes.items():
            if base == "TerraformProvider" or base in SECTIONS:
                yield name, base, body

    def block(self, name: str) -> Json:
        """The block that a class stands for."""
        base, _ = self._classes[name]
        entries = self._entries(name)
        first_block = len(entries)  # blocks come last, after every attribute
        while first_block and entries[first_block - 1].complex and "computed" not in entries[first_block - 1].flags:
            first_block -= 1
        attributes: Json = {}
        blocks: Json = {}
        for index, entry in enumerate(entries):
            if entry.complex:
                self._add_complex(entry, index >= first_block, attributes, blocks)
            elif base == "TerraformProvider" and (nested := self._provider_block(entry)):
                blocks[entry.name] = nested
            else:
                attributes[entry.name] = {"type": attribute_type(entry), **entry.flags}
        return {"attributes": attributes, "block_types": blocks}

    def _entries(self, name: str) -> list[Entry]:
        base, body = self._classes[name]
        text = body if base.startswith("Terraform") else self._hcl_function(name.removesuffix("OutputReference"))
        hcl = table(text)
        entries = []
        for found in ATTRIBUTE.finditer(body):
            key = found.group(1)
            flags = dict(zip(("computed", "optional", "required"), found.group(2, 3, 4), strict=True))
            kept = {flag: True for flag, value in flags.items() if value == "true"}
            if key in hcl and "markWriteOnly" in hcl[key].value:
                kept["write_only"] = True
            entries.append(Entry(key, kept, found.group(5), hcl.get(key)))
        return entries

    def _hcl_function(self, name: str) -> str:
        return self._lower.get(f"{name}{TO_HCL}".lower(), "")

    def _add_complex(self, entry: Entry, may_be_block: bool, attributes: Json, blocks: Json) -> None:
        assert entry.complex
        name, wraps_set = entry.complex
        base, body = self._classes[name]
        single = base not in LISTS
        inner = self.block(name if single else _field(body, r"return new (\w+)\("))
        hcl = entry.hcl
        is_set = wraps_set or (hcl is not None and hcl.type == "set")
        if hcl and not entry.is_computed_only and is_block(hcl, single and may_be_block):
            blocks[entry.name] = nested_block(entry, hcl, inner, single=single, is_set=is_set)
        elif single:
            nested = {"nesting_mode": "single", "attributes": inner["attributes"]}
            attributes[entry.name] = {"nested": nested, **entry.flags}
        else:
            kind = "set" if is_set else "map" if base == "ComplexMap" else "list"
            attributes[entry.name] = {"type": [kind, ["object", object_type(inner)]], **entry.flags}

    def _provider_block(self, entry: Entry) -> Json:
        """A block of the provider's own configuration; it has no class, only functions."""
        value = entry.hcl.value if entry.hcl else ""
        listed = MAPPER.search(value)
        if listed and listed.group(2) == "true" and listed.group(1) in self._functions:
            nested = {"nesting_mode": "list", "block": self._function_block(listed.group(1))}
        elif single := re.match(rf"(\w+{TO_HCL})\(", value):
            if single.group(1) not in self._functions:
                return None
            nested = {"nesting_mode": "list", "max_items": 1, "block": self._function_block(single.group(1))}
        else:
            return None
        return nested | ({"min_items": 1} if "required" in entry.flags else {})

    def _function_block(self, function: str) -> Json:
        attributes: Json = {}
        blocks: Json = {}
        for name, hcl in table(self._functions.get(function, "")).items():
            called = re.search(rf"(?:\(|^.*? : )(\w+{TO_HCL})(?:,|\()", hcl.value)
            if called and called.group(1) in self._functions:
                blocks[name] = {"nesting_mode": "list", "block": self._function_block(called.group(1))}
                if hcl.type == "struct" or "listMapper" not in hcl.value:
                    blocks[name]["max_items"] = 1
            else:
                entry = Entry(name, {"optional": True}, "", hcl)
                attributes[name] = {"type": attribute_type(entry), "optional": True}
        return {"attributes": attributes, "block_types": blocks}


def table(text: str) -> dict[str, Hcl]:
    """What a `…ToHclTerraform` function or a resource's own synthesis says of each attribute."""
    return {name: Hcl(value, kind, storage) for name, value, _, kind, storage in HCL.findall(text)}


def is_block(hcl: Hcl, otherwise: bool) -> bool:
    """Whether something nested is written as a block rather than assigned; lists say so, single objects do not."""
    mapped = MAPPER.search(hcl.value)
    return mapped.group(2) == "true" if mapped else otherwise


def nested_block(entry: Entry, hcl: Hcl, inner: Json, *, single: bool, is_set: bool) -> Json:
    """A nested block with the counts that are known of it."""
    only_one = single and (entry.name == "timeouts" or hcl.type == "struct")
    mode = "single" if only_one else "set" if is_set else "list"
    block: Json = {"nesting_mode": mode, "block": inner}
    if single and mode != "single":
        block["max_items"] = 1
    if "required" in entry.flags:
        block["min_items"] = 1
    return block


def attribute_type(entry: Entry) -> Json:
    """Type of an attribute in Terraform's encoding.

    Raises:
        UnresolvedError: If nothing tells it.
    """
    mapped = MAP.search(entry.body)
    found = MAP_CLASSES.get(mapped.group(1)) if mapped else None
    if found is None and entry.hcl:
        found = hcl_type(entry.hcl)
    if found is None and (getter := GETTER.search(entry.body)):
        found = GETTERS.get(getter.group(1))
        if "Fn.tolist" in entry.body and isinstance(found, list):
            found = ["set", found[1]]
    if found is None:
        raise UnresolvedError(entry.name)
    return found


def hcl_type(hcl: Hcl) -> Json:
    """Type that the HCL form gives away, or None."""
    if hcl.type == "simple":
        return SIMPLE.get(hcl.storage)
    if hcl.type in ("list", "set"):
        return [hcl.type, ITEMS.get(hcl.storage, "dynamic")]
    return MAPS.get(hcl.storage) if hcl.type == "map" else None


def object_type(block: Json) -> Json:
    """A block as an object type: what an attribute holds that is a list of such blocks."""
    attributes = {name: attribute.get("type", "dynamic") for name, attribute in block["attributes"].items()}
    for name, nested in block["block_types"].items():
        kind = "set" if nested["nesting_mode"] == "set" else "list"
        attributes[name] = [kind, ["object", object_type(nested["block"])]]
    return attributes
