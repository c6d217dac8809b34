"""Which tasks make one unit, what a unit waits for, and what it gets of this machine."""

from dataclasses import dataclass

from .machine import Machine
from .quantity import size_bytes
from .references import group_of
from .spec import Resource, Task, Workflow


@dataclass(frozen=True)
class Share:
    """What a task gets of the machine."""

    cores: int
    memory_bytes: int
    gpus: int


@dataclass(frozen=True)
class Unit:
    """A task, or the tasks of a group, which start together and end with their lead."""

    name: str
    tasks: tuple[Task, ...]
    lead: str
    ignore_nonlead: bool
    upstream: frozenset[str]
    """Names of the units it waits for."""
    shares: dict[str, Share]
    """Of each task, after what the machine has."""

    @property
    def total(self) -> Share:
        """What all its tasks take together."""
        shares = self.shares.values()
        return Share(
            sum(share.cores for share in shares),
            sum(share.memory_bytes for share in shares),
            sum(share.gpus for share in shares),
        )


@dataclass(frozen=True)
class Plan:
    """How a workflow runs on one machine."""

    workflow: Workflow
    machine: Machine
    units: tuple[Unit, ...]
    """In the order of the file, so that a unit comes after what it waits for."""
    notes: tuple[str, ...]
    """What is different here from a cluster."""

    def waves(self) -> list[list[Unit]]:
        """Units by the earliest moment at which they could start."""
        depth: dict[str, int] = {}
        for unit in self.units:
            depth[unit.name] = 1 + max((depth[name] for name in unit.upstream), default=-1)
        return [[u for u in self.units if depth[u.name] == wave] for wave in range(max(depth.values()) + 1)]


def make_plan(workflow: Workflow, machine: Machine) -> Plan:
    """Plan a checked workflow for a machine."""
    group = group_of(workflow)
    parts: list[tuple[str, tuple[Task, ...], bool]] = [(task.name, (task,), True) for task in workflow.tasks]
    parts += [(part.name, part.tasks, part.ignore_nonlead_status) for part in workflow.groups]
    units, notes = [], _notes(workflow)
    for name, tasks, ignore in parts:
        shares = _shares([workflow.resources[task.resource] for task in tasks], machine)
        units.append(
            Unit(
                name,
                tasks,
                next((task.name for task in tasks if task.lead), tasks[0].name),
                ignore,
                frozenset(group[i.task] for task in tasks for i in task.inputs if i.task and ":" not in i.task),
                {task.name: share for task, share in zip(tasks, shares, strict=True)},
            )
        )
        notes += _clamped(name, [workflow.resources[task.resource] for task in tasks], machine)
    return Plan(workflow, machine, tuple(units), tuple(notes))


def _shares(asked: list[Resource], machine: Machine) -> list[Share]:
    """What each task of a unit gets: what it asks for, or its part of what there is."""
    cores = _fit([max(1, resource.cpu or 1) for resource in asked], machine.cores, least=1)
    memory = _fit([size_bytes(resource.memory or "0") for resource in asked], machine.memory_bytes, least=0)
    gpus = _fit([resource.gpu or 0 for resource in asked], len(machine.gpus), least=0)
    return [Share(*share) for share in zip(cores, memory, gpus, strict=True)]


def _fit(asked: list[int], there: int, least: int) -> list[int]:
    if sum(asked) <= there:
        return asked
    return [max(least, wish * there // sum(asked)) for wish in asked]


def _clamped(unit: str, asked: list[Resource], machine: Machine) -> list[str]:
    cores = sum(max(1, resource.cpu or 1) for resource in asked)
    memory = sum(size_bytes(resource.memory or "0") for resource in asked)
    gpus = sum(resource.gpu or 0 for resource in asked)
    notes = []
    if cores > machine.cores:
        notes.append(f"'{unit}' asks for {cores} cores; this machine has {machine.cores}, so it gets those")
    if memory > machine.memory_bytes:
        has = f"{machine.memory_bytes / 2**30:.1f} Gi"
        notes.append(f"'{unit}' asks for {memory / 2**30:.1f} Gi of memory; this machine has {has}: it runs alone")
    if gpus > len(machine.gpus):
        notes.append(f"'{unit}' asks for {gpus} GPUs; this machine has {len(machine.gpus)}, so it gets those")
    return notes


def _notes(workflow: Workflow) -> list[str]:
    tasks = workflow.all_tasks()
    images = len({task.image for task in tasks})
    notes = [f"tasks run as processes of this machine; {'the image is' if images == 1 else 'images are'} not used"]
    ignored = {
        "timeout.queue_timeout": workflow.timeout.queue_timeout is not None,
        "privileged": any(task.privileged for task in tasks),
        "kpis": any(task.kpis for task in tasks),
        "cacheSize": any(task.cache_size for task in tasks),
        "pool": bool(workflow.pool),
        "platform": any(resource.platform for resource in workflow.resources.values()),
        "nodesExcluded": any(resource.nodes_excluded for resource in workflow.resources.values()),
        "topology": any(resource.topology for resource in workflow.resources.values()),
    }
    if found := [name for name, there in ignored.items() if there]:
        notes.append(f"of no meaning on one machine: {', '.join(found)}")
    return notes
