"""What the parts of a pipeline job say of one another, which azure-ai-ml does not check offline.

It lets pass: a reference to a step, output or input that is not there, an input that a component does not have, a value
outside its range, and a malformed `azureml:` path (tried with 1.35.2).
"""

import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from ...errors import suggest
from ..document import Key

Found = tuple[str, Key]
"""(message, path to the value)."""

PARENT = re.compile(r"\$\{\{\s*parent\.(\w+)\.([\w-]+)(?:\.(\w+)\.([\w-]+))?\s*\}\}")
OWN = re.compile(r"\$\{\{\s*(inputs|outputs)\.([\w-]+)\s*\}\}")
ASSET = re.compile(r"azureml:[A-Za-z0-9][\w.-]*(:[\w.-]+|@[\w-]+)?|azureml://.+")


def problems(data: dict[str, Any], folder: Path) -> Iterator[Found]:
    """Everything that does not hold together.

    Args:
        data: A pipeline job as it stands in its file.
        folder: Of the file; components are relative to it.
    """
    steps = {name: step for name, step in _mapping(data.get("jobs")).items() if isinstance(step, dict)}
    components = {name: _component(step, folder) for name, step in steps.items()}
    for name, step in steps.items():
        key: Key = ("jobs", name)
        yield from _declared(step, components[name], key)
        yield from _values(step, components[name], key)
        for path, text in _texts(step, key):
            yield from ((message, path) for message in _parents(text, data, components, inside=name))
    for path, text in _texts(_mapping(data.get("outputs")), ("outputs",)):
        yield from ((message, path) for message in _parents(text, data, components, inside=""))
    yield from _circles(steps)


def _component(step: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What declares a step's inputs and outputs: its component's file, or the step itself."""
    component = step.get("component")
    if isinstance(component, dict):
        return component
    if isinstance(component, str) and component.endswith((".yml", ".yaml")):
        try:
            return _mapping(yaml.safe_load((folder / component.removeprefix("file:")).read_text()))
        except (OSError, yaml.YAMLError):
            return {}  # azure-ai-ml tells that
    return {} if component else step


def _declared(step: dict[str, Any], component: dict[str, Any], key: Key) -> Iterator[Found]:
    """References of a command to its own inputs and outputs."""
    if not isinstance(step.get("command"), str):
        return
    for section, name in dict.fromkeys(OWN.findall(step["command"])):
        known = _mapping(component.get(section))
        if name not in known:
            message = f"${{{{{section}.{name}}}}} is not among the step's {section}. {suggest(name, known)}"
            yield message, (*key, "command")


def _values(step: dict[str, Any], component: dict[str, Any], key: Key) -> Iterator[Found]:
    for name, value in _mapping(step.get("inputs")).items():
        path: Key = (*key, "inputs", name)
        declared = _mapping(component.get("inputs"))
        if component and component is not step and name not in declared:
            yield f"the component has no such input. {suggest(name, declared)}", path
            continue
        yield from ((message, path) for message in _range(value, _mapping(declared.get(name))))
        location = value.get("path") if isinstance(value, dict) else value
        if isinstance(location, str) and location.startswith("azureml:") and not ASSET.fullmatch(location):
            yield f"'{location}' is no asset. Write azureml:name:version or azureml://datastores/…/paths/….", path


def _range(value: Any, declared: dict[str, Any]) -> Iterator[str]:
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else None
    if number is None:
        return
    low, high = declared.get("min"), declared.get("max")
    if (low is not None and number < float(low)) or (high is not None and number > float(high)):
        yield f"{number} is outside [{low}, {high}]. Choose a value within."


def _parents(text: str, data: dict[str, Any], components: dict[str, dict[str, Any]], inside: str) -> Iterator[str]:
    for match in PARENT.finditer(text):
        section, name, part, item = match.groups()
        if section == "jobs":
            yield from _step_reference(match[0], name, part, item, components, inside)
        elif section in ("inputs", "outputs"):
            known = _mapping(data.get(section))
            if name not in known:
                yield f"{match[0]}: the pipeline has no {section[:-1]} '{name}'. {suggest(name, known)}"
        else:
            yield f"{match[0]}: '{section}' is nothing of a pipeline. Write jobs, inputs or outputs."


def _step_reference(
    text: str, name: str, part: str | None, item: str | None, components: dict[str, dict[str, Any]], inside: str
) -> Iterator[str]:
    others = [other for other in components if other != inside]
    if name not in components:
        yield f"{text}: there is no step '{name}'. {suggest(name, others)}"
    elif name == inside:
        yield f"{text}: a step cannot be its own input. {suggest(name, others)}"
    elif part not in ("outputs", "inputs") or item is None:
        yield f"{text}: names no output. Write ${{{{parent.jobs.{name}.outputs.NAME}}}}."
    elif components[name] and item not in (known := _mapping(components[name].get(part))):
        yield f"{text}: step '{name}' has no {part[:-1]} '{item}'. {suggest(item, known)}"


def _circles(steps: dict[str, dict[str, Any]]) -> Iterator[Found]:
    upstream = {
        name: {
            match[2]
            for _, text in _texts(_mapping(step.get("inputs")), ())
            for match in PARENT.finditer(text)
            if match[1] == "jobs" and match[2] in steps and match[2] != name
        }
        for name, step in steps.items()
    }
    try:
        TopologicalSorter(upstream).prepare()
    except CycleError as error:
        circle = error.args[1]
        yield f"steps wait for one another: {' → '.join(circle)}. Remove one of these inputs.", ("jobs", circle[0])


def _texts(value: Any, key: Key) -> Iterator[tuple[Key, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, (*key, str(name)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*key, index))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
