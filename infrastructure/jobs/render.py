"""From the text a user writes to plain YAML: Jinja with `default-values`, runtime tokens left as they are."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml
from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError, meta
from jinja2.exceptions import TemplateError
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.sandbox import SandboxedEnvironment

from ..errors import suggest
from .errors import Problem, WorkflowError

SECTION = re.compile(r"^([a-zA-Z][a-zA-Z0-9_-]*):", re.MULTILINE)
SECTIONS = ("version", "workflow", "default-values")
TOKEN = re.compile(r"\{\{(uuid|workflow_id|output|input:[^}]+|host:[^}]+)\}\}")
RESERVED = frozenset({"uuid", "workflow_id", "output"})
# Private-use characters stand in for what Jinja must not see.
OPEN, CLOSE, MARK, END_MARK = "\ue000", "\ue001", "\ue002", "\ue003"
MARKER = re.compile(f"{MARK}(\\d+){END_MARK}")
USER_ERRORS = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError)

Value = Any
"""What a variable may hold: anything YAML has."""


@dataclass(frozen=True)
class Rendered:
    """YAML text, and where each of its lines comes from."""

    text: str
    lines: tuple[int, ...]
    """Line of the user's file, from 1, for every line of `text`."""
    unused: tuple[str, ...]
    """Default values whose name OSMO keeps for itself."""

    def line(self, rendered: int) -> int:
        """The user's line for a rendered line, both from 1."""
        return self.lines[min(rendered, len(self.lines)) - 1] if self.lines and rendered > 0 else 0


class LineMarks(Extension):
    """Writes the number of the source line at the start of every line of template text."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """Mark data tokens; leave expressions alone."""
        for token in stream:
            if token.type != "data":
                yield token
                continue
            lines = enumerate(token.value.split("\n"), token.lineno)
            yield Token(token.lineno, "data", "\n".join(f"{MARK}{number}{END_MARK}{line}" for number, line in lines))


def read_text(path: Path) -> str:
    """The text of a workflow file.

    Raises:
        WorkflowError: If there is none.
    """
    try:
        return path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise WorkflowError(path, [Problem("there is no such file. Check the path.")]) from None
    except UnicodeDecodeError as error:
        raise WorkflowError(path, [Problem(f"is not UTF-8 text ({error.reason}). Save it as UTF-8.")]) from error
    except OSError as error:
        raise WorkflowError(path, [Problem(f"cannot be read: {error.strerror}. Check the path.")]) from error


def render(path: Path, text: str, values: Mapping[str, Value]) -> Rendered:
    """Fill in the variables of a workflow file.

    Args:
        path: Named in errors.
        text: The file as the user wrote it.
        values: What `--set` gives; wins over `default-values`.

    Raises:
        WorkflowError: If a section is unknown, a variable has no value, or the template is broken.
    """
    template, defaults = split(path, text)
    variables = {**defaults, **values}
    guarded = TOKEN.sub(lambda match: f"{OPEN}{match[1]}{CLOSE}", template)
    _refuse_unused(path, guarded, defaults, values)
    filled = _fill(path, guarded, variables, marks=False)
    marked = _fill(path, guarded, variables, marks=True)
    return Rendered(
        filled.replace(OPEN, "{{").replace(CLOSE, "}}"),
        _line_map(marked, filled),
        tuple(sorted(RESERVED & defaults.keys())),
    )


def split(path: Path, text: str) -> tuple[str, dict[str, Value]]:
    """The template with everything else blanked out, so that lines keep their number, and the default values."""
    starts = [*SECTION.finditer(text)]
    names = [start[1] for start in starts]
    for number, (name, start) in enumerate(zip(names, starts, strict=True)):
        line = text.count("\n", 0, start.start()) + 1
        if name not in SECTIONS:
            hint = "OSMO files have no such header; remove it." if name in ("apiVersion", "kind", "metadata") else ""
            raise WorkflowError(path, [Problem(f"unknown field. {hint or suggest(name, SECTIONS)}", name, line=line)])
        if name in names[:number]:
            raise WorkflowError(path, [Problem("is there twice. Keep one.", name, line=line)])
    if "workflow" not in names:
        raise WorkflowError(
            path, [Problem("is missing. A workflow file has 'workflow:' at its left edge.", "workflow")]
        )
    ends = [start.start() for start in starts[1:]] + [len(text)]
    template, defaults = _blank(text[: starts[0].start()]), dict[str, Value]()
    for name, start, end in zip(names, starts, ends, strict=True):
        section = text[start.start() : end]
        if name == "default-values":
            defaults = _default_values(path, section, text.count("\n", 0, start.start()))
        template += _blank(section) if name == "default-values" else section
    return template, defaults


def _blank(text: str) -> str:
    return "\n" * text.count("\n")


def _default_values(path: Path, section: str, lines_above: int) -> dict[str, Value]:
    try:
        values = yaml.safe_load(section)["default-values"]
    except (yaml.YAMLError, ValueError) as error:  # the latter of a date that is none
        mark = getattr(error, "problem_mark", None)
        line = lines_above + mark.line + 1 if mark else lines_above + 1
        why = getattr(error, "problem", None) or str(error)
        raise WorkflowError(path, [Problem(f"not valid YAML: {why}.", "default-values", line=line)]) from error
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        message = "must hold lines of the form `name: value`."
        raise WorkflowError(path, [Problem(message, "default-values", line=lines_above + 1)])
    return values


def _refuse_unused(path: Path, template: str, defaults: Mapping[str, Value], values: Mapping[str, Value]) -> None:
    """A value for a variable that is nowhere in the file is a typing error."""
    try:
        known = meta.find_undeclared_variables(SandboxedEnvironment().parse(template)) | defaults.keys()
    except TemplateSyntaxError as error:
        raise WorkflowError(path, [Problem(_syntax(error, template), line=error.lineno)]) from error
    for name in values:
        if name in RESERVED:
            raise WorkflowError(path, [Problem(f"variable '{name}' is OSMO's own and cannot be set.")])
        if name not in known:
            raise WorkflowError(path, [Problem(f"has no variable '{name}'. {suggest(name, known)}")])


def _fill(path: Path, template: str, variables: Mapping[str, Value], *, marks: bool) -> str:
    environment = SandboxedEnvironment(undefined=StrictUndefined, extensions=[LineMarks] if marks else [])
    try:
        return environment.from_string(template).render(variables)
    except UndefinedError as error:
        raise WorkflowError(path, [_undefined(error, variables)]) from error
    except USER_ERRORS as error:
        line = _template_line(error.__traceback__)
        raise WorkflowError(path, [Problem(f"template cannot be filled in: {error}.", line=line)]) from error


def _syntax(error: TemplateSyntaxError, template: str) -> str:
    line = template.splitlines()[error.lineno - 1] if 0 < error.lineno <= template.count("\n") + 1 else ""
    if re.search(r"\{\{\s+(input|host):|\{\{(input|host):[^}]*\s+\}\}", line):
        return "runtime tokens are written without spaces: {{input:0}}, {{host:name}}."
    return f"not a valid Jinja template: {error.message}."


def _undefined(error: UndefinedError, variables: Mapping[str, Value]) -> Problem:
    line = _template_line(error.__traceback__)
    quoted = re.match(r"'(\w+)' is undefined", error.message or "")
    if quoted is None:
        return Problem(f"template cannot be filled in: {error.message}.", line=line)
    name = quoted[1]
    if name in RESERVED:
        return Problem(f"runtime tokens are written without spaces: {{{{{name}}}}}.", line=line)
    mend = f"Pass --set {name}=…, or give it a line under default-values."
    known = suggest(name, variables) if variables else ""
    return Problem(f"variable '{name}' has no value. {mend} {known}".rstrip(), line=line)


def _template_line(trace: TracebackType | None) -> int:
    line = 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _line_map(marked: str, filled: str) -> tuple[int, ...]:
    """The source line of every rendered line; line for line if a template made it impossible to follow."""
    if MARKER.sub("", marked) != filled:
        return tuple(range(1, filled.count("\n") + 2))
    lines: list[int] = []
    for text in marked.split("\n"):
        found = MARKER.search(text)
        lines.append(int(found[1]) if found else (lines[-1] if lines else 1))
    return tuple(lines)
