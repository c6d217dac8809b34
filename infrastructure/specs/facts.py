"""What the code says of itself, as Markdown tables."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import hcl2
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ..commands import commands
from ..contracts.catalog import CONTRACTS, UnknownKindError, files, model_of
from ..errors import PhysaiError, suggest
from ..jobs.render import split
from ..settings import PREFIX, Settings

Row = tuple[str, ...]
DEFAULT_LINE = re.compile(r"^  ([A-Za-z_]\w*):.*?\s#\s(.*)$", re.MULTILINE)


class UnknownFactError(PhysaiError):
    """A page names something that the code does not have."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        super().__init__(f"{kind} '{name}' does not exist. {suggest(name, known)}")


def table(head: Row, rows: Iterable[Row]) -> str:
    """A Markdown table; `|` inside a cell is escaped."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def command_facts(name: str) -> str:
    """Every command below a name, with its arguments and options.

    Raises:
        UnknownFactError: If there is no such command or group.
    """
    below = commands_below(name)
    if not below:
        raise UnknownFactError("command", name, commands())
    return "\n\n".join(_command(words, commands()[words]) for words in below)


def commands_below(name: str) -> list[str]:
    """The command of that name, or those of the group of that name."""
    return [words for words in commands() if words == name or words.startswith(f"{name} ")]


def _command(words: str, command: Any) -> str:
    title = f"`physai {words}`: {(command.help or '').strip().partition('\n')[0]}"
    rows = [_parameter(param) for param in command.params if param.name != "help" and not param.hidden]
    return f"{title}\n\n{table(('parameter', 'type', 'default', 'what it is'), rows)}" if rows else title


def _parameter(param: Any) -> Row:
    argument = param.param_type_name == "argument"
    name = param.name.upper() if argument else ", ".join([*param.opts, *param.secondary_opts])
    default = "required" if param.required else _value(param.default)
    return f"`{name}`", _type(param), default, param.help or ""


def _type(param: Any) -> str:
    name = f"`{_annotation(param.type_descriptor.annotation)}`"
    low, high = param.min, param.max
    if low is None and high is None:
        return name
    return f"{name}, {'' if low is None else f'{low} ≤ '}x{'' if high is None else f' ≤ {high}'}"


def _value(value: Any) -> str:
    if value is None or value == "" or callable(value):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Path):  # of the package, wherever it is checked out
        value = str(value).rpartition("/src/physai/")[2]
    return f"`{getattr(value, 'value', value)}`"


def contract_facts(kind: str) -> str:
    """The fields of one contract.

    Raises:
        UnknownFactError: If there is no such contract.
    """
    try:
        model = model_of(kind)
    except UnknownKindError as error:
        raise UnknownFactError("contract", kind, (*CONTRACTS, *files())) from error
    head = ("field", "type", "default", "what it is")
    parts = [f"`{kind}`: {_first_line(model)}", table(head, map(_field, *_items(model)))]
    for part in _parts(model, {model}):
        parts += [f"`{part.__name__}` in it: {_first_line(part)}", table(head, map(_field, *_items(part)))]
    return "\n\n".join(parts)


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").partition("\n")[0]


def _items(model: type[BaseModel]) -> tuple[Iterable[str], Iterable[FieldInfo]]:
    return model.model_fields.keys(), model.model_fields.values()


def _parts(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    """The models inside a model, each once, in the order of its fields."""
    for field in model.model_fields.values():
        for part in _models(field.annotation):
            if part not in seen:
                seen.add(part)
                yield part
                yield from _parts(part, seen)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and not get_args(annotation):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for part in get_args(annotation):
        yield from _models(part)


def _field(name: str, field: FieldInfo) -> Row:
    if field.is_required():
        default = "required"
    else:
        value = field.get_default(call_default_factory=True)
        default = "as below" if isinstance(value, BaseModel) else _value(value)
    limits = "".join(f", {_limit(part)}" for part in field.metadata if _limit(part))
    return f"`{name}`", f"`{_annotation(field.annotation)}`{limits}", default, field.description or ""


def _limit(part: Any) -> str:
    """A bound as people write it: `≥ 0`."""
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "min_length": "length ≥", "max_length": "length ≤"}
    found = [f"{sign} {getattr(part, name)}" for name, sign in signs.items() if getattr(part, name, None) is not None]
    pattern = getattr(part, "pattern", None)
    return ", ".join(found + ([f"`{pattern}`"] if pattern else []))


def _annotation(annotation: Any) -> str:
    """A type as it is written, without the modules that its parts come from, and without their bounds."""
    parts = get_args(annotation)
    if get_origin(annotation) is Annotated:
        return _annotation(parts[0])
    if get_origin(annotation) in (Union, UnionType):
        return " | ".join(map(_annotation, parts))
    if annotation is NoneType:
        return "None"
    if parts and get_origin(annotation) is not Literal:
        inner = ", ".join("..." if part is ... else _annotation(part) for part in parts)
        return f"{_annotation(get_origin(annotation))}[{inner}]"
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    return re.sub(r"\b(?:[a-z_]\w*\.)+(?=[A-Za-z])", "", text)


def workflow_facts(root: Path, name: str) -> str:
    """The variables of one OSMO file, their defaults and comments.

    Raises:
        UnknownFactError: If there is no such file.
    """
    path = root / name
    if not path.is_file():
        known = (str(file.relative_to(root)) for file in root.glob("*/**/workflows/osmo/*.yaml"))
        raise UnknownFactError("workflow", name, known)
    text = path.read_text()
    _, defaults = split(path, text)
    comments = dict(DEFAULT_LINE.findall(text))
    rows = [(f"`{key}`", _value(value) or '`""`', comments.get(key, "")) for key, value in defaults.items()]
    return f"`{name}`\n\n{table(('variable', 'default', 'what it is'), rows)}"


def terraform_facts(root: Path, name: str) -> str:
    """The variables and outputs of one Terraform folder.

    Raises:
        UnknownFactError: If there is no such folder, or it has no variables.
    """
    folder = root / name
    if not (folder / "variables.tf").is_file():
        known = (str(file.parent.relative_to(root)) for file in root.glob("infrastructure/terraform/**/variables.tf"))
        raise UnknownFactError("Terraform folder", name, known)
    variables = [_variable(key, body) for key, body in _blocks(folder, "variable").items()]
    outputs = [(f"`{key}`", _sentence(body)) for key, body in _blocks(folder, "output").items()]
    found = f"`{name}`\n\n{table(('variable', 'type', 'default', 'what it is'), variables)}"
    return found + (f"\n\n{table(('output', 'what it is'), outputs)}" if outputs else "")


def _blocks(folder: Path, kind: str) -> Mapping[str, Mapping[str, Any]]:
    found = {}
    for path in sorted(folder.glob("*.tf")):
        for block in hcl2.loads(path.read_text()).get(kind, []):
            for name, body in block.items():
                found[name.strip('"')] = body
    return dict(sorted(found.items()))


def _variable(name: str, body: Mapping[str, Any]) -> Row:
    declared = _text(body.get("type", "any"))
    kind = declared if len(declared) <= 60 else declared.partition("(")[0]
    default = f"`{_text(body['default'])}`" if "default" in body else "required"
    return f"`{name}`", f"`{kind}`", default, _sentence(body)


def _text(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(str(value).strip("${}").split()) if isinstance(value, str) else str(value)


def _sentence(body: Mapping[str, Any]) -> str:
    """The first paragraph of a description."""
    text = re.sub(r'^"?<<-?\w+\n|\n\s*\w+"?$', "", str(body.get("description", ""))).strip('"')
    return text.strip().partition("\n\n")[0]


def setting_facts(names: Iterable[str]) -> str:
    """Settings and the environment variables that set them.

    Raises:
        UnknownFactError: If there is no such setting.
    """
    rows = []
    for name in names:
        if name not in Settings.model_fields:
            raise UnknownFactError("setting", name, Settings.model_fields)
        field = Settings.model_fields[name]
        rows.append((f"`{name}`", f"`{PREFIX}{name.upper()}`", _value(field.default), field.description or ""))
    return table(("setting", "environment variable", "default", "what it is"), rows)


def facts_of(root: Path, kind: str, name: str) -> str:
    """The facts that a page asks for by kind and name, e.g. `terraform infrastructure/terraform/modules/aks`.

    Raises:
        UnknownFactError: If the kind or the name is unknown.
    """
    kinds: dict[str, Callable[[], str]] = {
        "command": lambda: command_facts(name),
        "contract": lambda: contract_facts(name),
        "workflow": lambda: workflow_facts(root, name),
        "terraform": lambda: terraform_facts(root, name),
        "settings": lambda: setting_facts(name.split() or Settings.model_fields),
    }
    if kind not in kinds:
        raise UnknownFactError("kind of fact", kind, kinds)
    return kinds[kind]()
