#!/usr/bin/env python
"""Hold an artifact against a reference: what the task leaves open is named, all else must say the same.

    uv run scripts/judge.py command answer.sh reference.sh --free reason
    uv run scripts/judge.py file answer.yaml reference.yaml --free 'start*' --any-order topics
    uv run scripts/judge.py workflow answer.yaml reference.yaml --set dataset=file:///data --then steps=7 --asks gpu

`command`: one `physai` command, parsed by its own parser, so that order and spelling of options do not matter.
`file`: a contract, or a file that people write for one domain. `workflow`: an OSMO file, rendered with what `--set`
gives, and once more with `--then`; what a task reads of another must be what that one writes, and its command the
reference's.
"""

import argparse
import json
import math
import posixpath
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml
from typer.exceptions import Exit, TyperException

from physai.infrastructure.commands import find
from physai.infrastructure.contracts.catalog import read_any
from physai.infrastructure.errors import PhysaiError
from physai.infrastructure.jobs.check import read_workflow

PLACE = re.compile(r"\{\{\s*(output|input:(\d+))\s*\}\}((?:/[^\s\"'};|]*)?)")
QUIET = {"as_json"}  # how a result is printed


class WrongError(Exception):
    """Why an artifact is not what was asked for."""


def calls(text: str) -> dict[str, Any]:
    """What a command line means: its words, and every parameter, those left out with their defaults."""
    lines = [line for line in text.replace("\\\n", " ").splitlines() if not line.lstrip().startswith("#")]
    return call(shlex.split("\n".join(lines)))


def call(words: Sequence[str]) -> dict[str, Any]:
    """The same of words."""
    if "physai" not in words:
        raise WrongError("there is no `physai` command")
    words = words[words.index("physai") + 1 :]
    command, depth = find(words)
    if isinstance(command, str):
        raise WrongError(command)
    try:
        context = command.make_context(command.name, list(words[depth:]))
    except TyperException as error:
        raise WrongError(error.format_message()) from error
    except Exit as error:  # of `--help`
        raise WrongError("the command would only tell about itself") from error
    options = {param.name: param.opts[0] for param in command.params}
    return {"command": " ".join(words[:depth])} | {
        options[name]: plain(value) for name, value in context.params.items() if name not in QUIET
    }


def plain(value: Any) -> Any:
    """A parameter as it is compared: paths without detours, lists in any order, `name=3e-4` like `name=0.0003`."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list | tuple):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, str | Path):
        name, equals, number = str(value).partition("=")
        try:
            return f"{name}={float(number):g}" if equals else _path(name)
        except ValueError:
            return f"{name}={_path(number)}"
    return value


def _path(text: str) -> str:
    return posixpath.normpath(text) if "/" in text and "://" not in text and " " not in text else text


def leaves(value: Any, any_order: Sequence[str], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every number and word of plain data, by its path: `topics.0.align.how`."""
    if isinstance(value, Mapping) and value:
        for key, part in value.items():
            yield from leaves(part, any_order, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        ordered = value
        if any(fnmatch(path, pattern) for pattern in any_order):
            ordered = sorted(value, key=lambda part: json.dumps(part))
        for number, part in enumerate(ordered):
            yield from leaves(part, any_order, f"{path}.{number}")
    else:
        yield path, value


def compare(made: Mapping[str, Any], asked: Mapping[str, Any], free: Sequence[str]) -> None:
    """Raise at the first thing that differs."""
    for path in [*asked, *(path for path in made if path not in asked)]:
        if any(fnmatch(path, pattern) or path == f"--{pattern}" for pattern in free):
            continue
        if path not in asked:
            raise WrongError(f"{path}: {made[path]!r}, where nothing was asked for")
        if path not in made or not same(made[path], asked[path]):
            said = repr(made[path]) if path in made else "not just that"
            raise WrongError(f"{path}: {said}, where {asked[path]!r} was asked for")


def same(one: Any, other: Any) -> bool:
    """Equal, numbers to a thousandth."""
    if any(isinstance(part, bool) or not isinstance(part, int | float) for part in (one, other)):
        return bool(one == other)
    return math.isclose(one, other, rel_tol=1e-3, abs_tol=1e-9)


def file(path: Path, kind: str | None, any_order: Sequence[str]) -> dict[str, Any]:
    """The leaves of a contract."""
    return dict(leaves(read_any(path, kind).model_dump(mode="json"), any_order))


def workflow(path: Path, values: Mapping[str, Any], asks: Sequence[str]) -> dict[str, Any]:
    """What a workflow does, apart from the names that its tasks give to files between them."""
    read = read_workflow(path, values).workflow
    tasks = {task.name: task for task in read.all_tasks()}
    written = {
        name: [found[3] for found in PLACE.finditer(_text(task)) if found[1] == "output"]
        for name, task in tasks.items()
    }
    found: dict[str, Any] = {"name": read.name, "tasks": sorted(tasks)}
    for name, task in tasks.items():
        for place in PLACE.finditer(_text(task)):
            source = task.inputs[int(place[2])].task if place[2] else None
            if source and not any(place[3] == path or place[3].startswith(f"{path}/") for path in written[source]):
                raise WrongError(
                    f"{name} reads {place[3] or 'all'} of what {source} writes, which is {written[source]}"
                )

        def named(place: re.Match[str], task: Any = task) -> str:
            source = task.inputs[int(place[2])] if place[2] else None
            if source is None or source.task:
                return f"<{source.task if source else 'output'}>"
            return f"{source.url}{place[3]}"

        words = [PLACE.sub(named, word) for word in (*(task.command or ()), *(task.args or ()))]
        if words[:2] in (["sh", "-c"], ["bash", "-c"]) and words[2].startswith("physai "):
            words = shlex.split(words[2])
        if "physai" in words:
            found |= {f"{name}: {key}": value for key, value in call(words).items()}
        resource = read.resources[task.resource]
        found |= {f"{name}: {ask}": getattr(resource, ask) for ask in asks}
    return found


def values_of(words: Sequence[str]) -> dict[str, Any]:
    """Template variables, read as YAML reads them."""
    return {name: yaml.safe_load(value) for name, _, value in (word.partition("=") for word in words)}


def _text(task: Any) -> str:
    return " \n ".join([*(task.command or ()), *(task.args or ()), *(part.contents or "" for part in task.files or ())])


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("form", choices=("command", "file", "workflow"))
    parser.add_argument("artifact", type=Path)
    parser.add_argument("reference", type=Path)
    parser.add_argument("--free", action="append", default=[], help="path that the task leaves open, `*` for any part")
    parser.add_argument("--any-order", action="append", default=[], help="path of a list whose order does not matter")
    parser.add_argument("--as", dest="kind", help="kind of a file that names none")
    parser.add_argument("--set", action="append", default=[], help="name=value: render with it")
    parser.add_argument("--then", action="append", default=[], help="name=value: render once more with it")
    parser.add_argument(
        "--asks", action="append", default=[], help="request that every task must make: gpu, cpu, memory"
    )
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    options = parse(words)
    try:
        pair = (options.artifact, options.reference)
        if options.form == "command":
            compare(*(calls(path.read_text()) for path in pair), options.free)
        elif options.form == "file":
            compare(*(file(path, options.kind, options.any_order) for path in pair), options.free)
        else:
            given, then = values_of(options.set), values_of(options.then)
            for values in (given, given | then):
                compare(*(workflow(path, values, options.asks) for path in pair), options.free)
    except (WrongError, PhysaiError, OSError, ValueError) as error:
        print(" ".join(str(error).split()))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
