"""What the parts of a workflow say of one another: names, leads, profiles, inputs, tokens, cycles."""

from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from ..errors import suggest
from .spec import Task, Workflow
from .tokens import input_names, texts, used

Found = tuple[str, str, str]
"""(message, task, field)."""


def problems(workflow: Workflow) -> Iterator[Found]:
    """Everything that does not hold together."""
    yield from _names(workflow)
    yield from _leads(workflow)
    yield from _resources(workflow)
    yield from _inputs(workflow)
    yield from _tokens(workflow)


def same_name(name: str) -> str:
    """OSMO takes names as equal whose letters are, whatever their case, with `-` and `_` for one another."""
    return name.lower().replace("_", "-")


def group_of(workflow: Workflow) -> dict[str, str]:
    """Task → its group, or itself when it stands alone."""
    return {task.name: task.name for task in workflow.tasks} | {
        task.name: group.name for group in workflow.groups for task in group.tasks
    }


def _names(workflow: Workflow) -> Iterator[Found]:
    tasks = [task.name for task in workflow.all_tasks()]
    names = [group.name for group in workflow.groups] + tasks
    count = Counter(map(same_name, names))
    for name in dict.fromkeys(names):
        if count[same_name(name)] > 1:
            same = [other for other in names if same_name(other) == same_name(name)]
            what = f"the name is taken twice ({', '.join(same)}). Every task and group needs its own."
            yield what, name if name in tasks else "", "name"
            count[same_name(name)] = 0


def _leads(workflow: Workflow) -> Iterator[Found]:
    for index, group in enumerate(workflow.groups):
        leads = [task.name for task in group.tasks if task.lead]
        if len(group.tasks) > 1 and not leads:
            message = f"group '{group.name}' has no lead. Give one of its tasks `lead: true`."
            yield message, "", f"groups[{index}]"
        if len(leads) > 1:
            yield f"group '{group.name}' has {len(leads)} leads ({', '.join(leads)}). Keep one.", leads[1], "lead"


def _resources(workflow: Workflow) -> Iterator[Found]:
    for task in workflow.all_tasks():
        if task.resource not in workflow.resources:
            message = f"resource profile '{task.resource}' is not under workflow.resources."
            yield f"{message} {suggest(task.resource, workflow.resources)}", task.name, "resource"


def _inputs(workflow: Workflow) -> Iterator[Found]:
    group = group_of(workflow)
    broken = False
    for task in workflow.all_tasks():
        for index, source in enumerate(task.inputs):
            if source.task is None or ":" in source.task:
                continue
            message = _refusal(task, source.task, group)
            broken = broken or bool(message)
            if message:
                yield message, task.name, f"inputs[{index}].task"
    if not broken:
        yield from _order(workflow, group)


def _refusal(task: Task, upstream: str, group: dict[str, str]) -> str:
    if upstream not in group:
        others = [name for name in group if name != task.name]
        return f"there is no task '{upstream}'. {suggest(upstream, others)}"
    if upstream == task.name:
        return "a task cannot be its own input."
    if group[upstream] == group[task.name]:
        return f"'{upstream}' is in the same group and runs at the same time. Take it from an earlier group."
    return ""


def _order(workflow: Workflow, group: dict[str, str]) -> Iterator[Found]:
    upstream: dict[str, set[str]] = {name: set() for name in dict.fromkeys(group.values())}
    for task in workflow.all_tasks():
        upstream[group[task.name]] |= {group[i.task] for i in task.inputs if i.task and ":" not in i.task}
    try:
        TopologicalSorter(upstream).prepare()
    except CycleError as error:
        circle = error.args[1]
        first = next(task for task in workflow.all_tasks() if group[task.name] == circle[-1])
        yield f"tasks wait for one another: {' → '.join(circle)}. Remove one of these inputs.", first.name, "inputs"
        return
    seen: set[str] = set()
    for task in workflow.all_tasks():
        for index, source in enumerate(task.inputs):
            if source.task and ":" not in source.task and source.task not in seen:
                message = f"'{source.task}' comes later in the file. OSMO wants it first: move '{task.name}' below it."
                yield message, task.name, f"inputs[{index}].task"
        seen.add(task.name)


def _tokens(workflow: Workflow) -> Iterator[Found]:
    group = group_of(workflow)
    for task in workflow.all_tasks():
        beside = [name for name in group if group[name] == group[task.name]]
        for field, text in texts(task):
            for token in dict.fromkeys(used(text)):
                kind, _, which = token.partition(":")
                if kind == "input" and which not in input_names(task):
                    has = f"it has {len(task.inputs)} (from 0)" if task.inputs else "it has none"
                    yield f"{{{{{token}}}}} names no input of this task: {has}.", task.name, field
                if kind == "host" and which not in beside:
                    message = f"{{{{{token}}}}} names no task of its group. {suggest(which, beside)}"
                    yield message, task.name, field
