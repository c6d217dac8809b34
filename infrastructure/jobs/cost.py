"""What a workflow would cost on the platform: where each task lands, for how long, at which price, with which quota."""

from ..contracts import Contract
from ..prices import load_prices
from ..setup.profile import Profile
from .check import Checked
from .machine import Machine
from .placement import GIB, Place, asked, land
from .plan import Share, Unit, make_plan
from .site import nodes_for
from .state import RunState

HUGE = Machine(10**6, 10**18, tuple(map(str, range(10**4))))
"""A machine on which nothing is cut, so that waves and requests are those of the file."""


class PlacedTask(Contract):
    """One task, where it lands and what it costs."""

    wave: int
    task: str
    group: str | None
    after: tuple[str, ...]
    cores: int
    memory_gib: float
    gpus: int
    platform: str
    vm_size: str
    usd_per_hour: float
    """Of the whole node, which nobody else may be using."""
    hours: float | None
    hours_source: str
    usd: float | None


class Quota(Contract):
    """Cores that the subscription must allow at once."""

    family: str
    vcpus: int


class CostPlan(Contract):
    """A workflow on the platform."""

    workflow: str
    profile: str
    tasks: tuple[PlacedTask, ...]
    usd: float | None
    """Sum over the tasks; None if the hours of one are not known."""
    hours: float | None
    """Along the longest chain of waves."""
    quotas: tuple[Quota, ...]
    price_source: str
    notes: tuple[str, ...]


def make_cost_plan(checked: Checked, profile: Profile, name: str, before: RunState | None) -> CostPlan:
    """Plan a workflow for the platform.

    Args:
        checked: Which fits the profile (`check_site`).
        profile: The platform.
        name: Of the profile.
        before: An earlier run on this machine, whose times stand for those of the platform.
    """
    workflow = checked.workflow
    tasks: list[PlacedTask] = []
    quotas: dict[str, int] = {}
    for wave, units in enumerate(make_plan(workflow, HUGE).waves()):
        landed: dict[str, list[Share]] = {}
        for unit in units:
            for task in unit.tasks:
                resource = workflow.resources[task.resource]
                found = land(profile, resource, asked(resource), workflow.pool)
                assert found is not None, "checked before"
                landed.setdefault(found.key, []).append(asked(resource))
                hours = _hours(task.name, before, workflow.timeout.exec_timeout)
                tasks.append(_placed(wave, unit, task.name, asked(resource), found, hours))
        for family, vcpus in _wave_quotas(landed, profile).items():
            quotas[family] = max(quotas.get(family, 0), vcpus)
    return _summed(workflow.name, name, tasks, quotas)


def _placed(wave: int, unit: Unit, task: str, ask: Share, found: Place, hours: tuple[float | None, str]) -> PlacedTask:
    return PlacedTask(
        wave=wave,
        task=task,
        group=unit.name if len(unit.tasks) > 1 else None,
        after=tuple(sorted(unit.upstream)),
        cores=ask.cores,
        memory_gib=ask.memory_bytes / GIB,
        gpus=ask.gpus,
        platform=found.pool.platform,
        vm_size=found.pool.vm_size,
        usd_per_hour=found.usd_per_hour,
        hours=hours[0],
        hours_source=hours[1],
        usd=None if hours[0] is None else round(hours[0] * found.usd_per_hour, 4),
    )


def _hours(task: str, before: RunState | None, timeout_s: float | None) -> tuple[float | None, str]:
    """(hours, where they are from): the last run on this machine, else the longest that it may take."""
    record = before.tasks.get(task) if before else None
    if record is not None and record.seconds and record.result:
        return round(record.seconds / 3600, 4), "its last run on this machine"
    if timeout_s:
        return timeout_s / 3600, "exec_timeout, the most it may take"
    return None, "not known: run it here once, or set timeout.exec_timeout"


def _wave_quotas(landed: dict[str, list[Share]], profile: Profile) -> dict[str, int]:
    """Cores by quota family that the tasks of one wave take at once, no more than the pools may grow to."""
    quotas: dict[str, int] = {}
    for key, asks in landed.items():
        found = Place(key, profile.node_pools[key])
        size = load_prices().vm(found.pool.vm_size)
        nodes = min(nodes_for(found, asks), found.pool.max_count)
        quotas[size.quota_family] = quotas.get(size.quota_family, 0) + nodes * size.vcpus
    return quotas


def _summed(workflow: str, profile: str, tasks: list[PlacedTask], quotas: dict[str, int]) -> CostPlan:
    prices = load_prices()
    known = all(task.hours is not None for task in tasks)
    longest: dict[int, float] = {}
    for task in tasks:
        longest[task.wave] = max(longest.get(task.wave, 0.0), task.hours or 0.0)
    sources = sorted({prices.sources[prices.vm(task.vm_size).source].url for task in tasks})
    return CostPlan(
        workflow=workflow,
        profile=profile,
        tasks=tuple(tasks),
        usd=round(sum(task.usd or 0.0 for task in tasks), 4) if known else None,
        hours=round(sum(longest.values()), 4) if known else None,
        quotas=tuple(Quota(family=family, vcpus=vcpus) for family, vcpus in sorted(quotas.items())),
        price_source=f"{prices.cloud} {prices.region}, {prices.retrieved}, {', '.join(sources)}",
        notes=(prices.note, "a node is paid for whole and alone; start, image pull and scale-down come on top"),
    )
