"""Whether a workflow fits the platform that Terraform makes: pools, platforms, nodes, locations, images, commands."""

import math
from collections.abc import Iterator
from urllib.parse import urlsplit

from ..setup.profile import Profile
from . import commands, images
from .check import Checked
from .errors import Problem, WorkflowError
from .placement import Place, asked, land, why_not_on_osmo
from .plan import Share
from .spec import Group, Task, Workflow

REMOTE = frozenset({"azure", "https", "s3", "gs", "swift", "tos"})
"""Schemes that a task on a cluster can reach. Source: NVIDIA/OSMO src/lib/data/storage/backends."""
Found = tuple[str, str, str]
"""(message, task, field)."""


def check_site(checked: Checked, profile: Profile, name: str) -> None:
    """Refuse a workflow that the platform could not run.

    Args:
        checked: A workflow in which nothing else is wrong.
        profile: The platform.
        name: Of the profile, to say which file sizes the pools.

    Raises:
        WorkflowError: Naming everything that does not fit, with what to change.
    """
    found = [checked.problem(*one) for one in (*_static(checked.workflow), *_pools(checked.workflow, profile, name))]
    if found:
        raise WorkflowError(checked.path, sorted(found, key=lambda problem: problem.line))


def check_commands(checked: Checked) -> list[Problem]:
    """Commands that do not exist and images that are too old, whatever the platform."""
    return [
        checked.problem(message, task.name, field)
        for task in checked.workflow.all_tasks()
        for message, field in (*commands.problems(task), *images.problems(task))
    ]


def _static(workflow: Workflow) -> Iterator[Found]:
    for task in workflow.all_tasks():
        urls = [(source.url, f"inputs[{index}].url") for index, source in enumerate(task.inputs) if source.url]
        urls += [(output.url, f"outputs[{index}].url") for index, output in enumerate(task.outputs)]
        urls += [(checkpoint.url, f"checkpoint[{index}].url") for index, checkpoint in enumerate(task.checkpoint)]
        for url, field in urls:
            scheme = urlsplit(url).scheme
            if scheme not in REMOTE:
                known = "azure://account/container/path"
                yield f"{url} cannot be reached from a cluster. Write {known}.", task.name, field


def _pools(workflow: Workflow, profile: Profile, name: str) -> Iterator[Found]:
    file = f"infrastructure/terraform/profiles/{name}.tfvars.json" if not name.endswith(".json") else name
    for task in workflow.all_tasks():
        resource = workflow.resources[task.resource]
        if land(profile, resource, asked(resource), workflow.pool) is None:
            message, field = why_not_on_osmo(profile, resource, asked(resource), workflow.pool)
            mend = f"Ask for less under workflow.resources.{task.resource}.{field}, or change node_pools in {file}."
            yield f"{message} {mend}", task.name, "resource"
    for index, group in enumerate(workflow.groups):
        yield from ((message, "", f"groups[{index}]") for message in _too_many(workflow, group, profile, file))


def _too_many(workflow: Workflow, group: Group, profile: Profile, file: str) -> Iterator[str]:
    """The tasks of a group run at the same time, so their nodes must be there at the same time."""
    wanted: dict[str, tuple[Place, list[Task]]] = {}
    for task in group.tasks:
        resource = workflow.resources[task.resource]
        if found := land(profile, resource, asked(resource), workflow.pool):
            wanted.setdefault(found.key, (found, []))[1].append(task)
    for key, (found, tasks) in wanted.items():
        nodes = nodes_for(found, [asked(workflow.resources[task.resource]) for task in tasks])
        if nodes > found.pool.max_count:
            yield (
                f"group '{group.name}' needs {nodes} nodes of '{found.pool.platform}' at once; the pool grows to "
                f"{found.pool.max_count}. Raise node_pools.{key}.max_count in {file}, or make the group smaller."
            )


def nodes_for(found: Place, asks: list[Share]) -> int:
    """How many nodes of a pool hold requests at once, each of which fits one node; an upper bound by first fit."""
    free: list[Share] = []
    limit = found.pool.job_limit
    whole = Share(limit.cpu, math.floor(limit.memory_gib * 2**30), limit.gpu)
    for ask in sorted(asks, key=lambda share: (-share.gpus, -share.memory_bytes, -share.cores)):
        for index, node in enumerate(free):
            if ask.cores <= node.cores and ask.memory_bytes <= node.memory_bytes and ask.gpus <= node.gpus:
                free[index] = _less(node, ask)
                break
        else:
            free.append(_less(whole, ask))
    return len(free)


def _less(node: Share, ask: Share) -> Share:
    return Share(node.cores - ask.cores, node.memory_bytes - ask.memory_bytes, node.gpus - ask.gpus)
