"""Where tasks land: the node pools of a platform profile, and which of them a task fits."""

from dataclasses import dataclass

from ..prices import load_prices
from ..setup.profile import NodePool, Profile
from .plan import Share
from .quantity import size_bytes
from .spec import Resource, Task, Workflow

GIB = 2**30


@dataclass(frozen=True)
class Place:
    """One node pool, by its key in the profile."""

    key: str
    pool: NodePool

    def fits(self, ask: Share) -> bool:
        """Whether one node holds a request."""
        limit = self.pool.job_limit
        return ask.cores <= limit.cpu and ask.memory_bytes <= limit.memory_gib * GIB and ask.gpus <= limit.gpu

    @property
    def usd_per_hour(self) -> float:
        """List price of one node."""
        size = load_prices().vm(self.pool.vm_size)
        spot = size.spot_usd_per_hour if self.pool.spot else None
        return size.usd_per_hour if spot is None else spot

    def describe(self) -> str:
        """`a10 (34 cores, 400 Gi, 1 GPU a node)`."""
        limit = self.pool.job_limit
        return f"{self.pool.platform} ({limit.cpu} cores, {limit.memory_gib} Gi, {limit.gpu} GPUs a node)"


def asked(resource: Resource) -> Share:
    """What a profile asks for; OSMO gives one core where none is named."""
    return Share(max(1, resource.cpu or 1), size_bytes(resource.memory or "0"), resource.gpu or 0)


def together(workflow: Workflow, tasks: tuple[Task, ...]) -> Share:
    """What tasks on one node ask for."""
    shares = [asked(workflow.resources[task.resource]) for task in tasks]
    return Share(
        sum(share.cores for share in shares),
        sum(share.memory_bytes for share in shares),
        sum(share.gpus for share in shares),
    )


def candidates(profile: Profile, resource: Resource, osmo_pool: str = "") -> list[Place]:
    """The pools that a request may use, whatever its size: its platform, its OSMO pool, no spot unless it is named."""
    return [
        Place(key, pool)
        for key, pool in profile.node_pools.items()
        if (resource.platform == pool.platform if resource.platform else not pool.spot)
        and (not osmo_pool or osmo_pool == pool.osmo_pool)
    ]


def place(profile: Profile, resource: Resource, ask: Share, osmo_pool: str = "") -> Place | None:
    """The cheapest node that holds a request; None if none does."""
    fitting = [found for found in candidates(profile, resource, osmo_pool) if found.fits(ask)]
    return min(fitting, key=lambda found: (found.usd_per_hour, found.key), default=None)


def land(profile: Profile, resource: Resource, ask: Share, osmo_pool: str = "") -> Place | None:
    """Where OSMO puts a task; None if it does not fit there. Without a platform it is the pool's default one."""
    named = resource.platform or default_platform(profile, osmo_pool)
    return place(profile, resource.model_copy(update={"platform": named}), ask, osmo_pool)


def default_platform(profile: Profile, osmo_pool: str = "") -> str | None:
    """The platform of an OSMO pool for tasks that name none, as `physai infrastructure setup` configures it."""
    members = [pool for pool in profile.node_pools.values() if not osmo_pool or pool.osmo_pool == osmo_pool]
    return min(members, key=lambda pool: (pool.job_limit.gpu, pool.platform)).platform if members else None


def why_not_on_osmo(profile: Profile, resource: Resource, ask: Share, osmo_pool: str = "") -> tuple[str, str]:
    """(message, field of the resource) for a request that OSMO could not schedule."""
    elsewhere = place(profile, resource, ask, osmo_pool)
    if resource.platform or elsewhere is None:
        return why_not(profile, resource, ask, osmo_pool)
    default = default_platform(profile, osmo_pool)
    better = elsewhere.pool.platform
    return (
        f"names no platform, so OSMO puts it on '{default}', which is too small. Write `platform: {better}`.",
        "platform",
    )


def why_not(profile: Profile, resource: Resource, ask: Share, osmo_pool: str = "") -> tuple[str, str]:
    """(message, field of the resource) for a request that no node holds."""
    possible = candidates(profile, resource, osmo_pool)
    platforms = ", ".join(dict.fromkeys(pool.platform for pool in profile.node_pools.values()))
    if resource.platform and resource.platform not in platforms.split(", "):
        return f"there is no platform '{resource.platform}'. Known: {platforms}.", "platform"
    if not possible:
        pools = ", ".join(dict.fromkeys(pool.osmo_pool for pool in profile.node_pools.values()))
        return f"pool '{osmo_pool}' has no such platform. Pools: {pools}.", "platform"
    limits = [found.pool.job_limit for found in possible]
    most = {
        "gpu": (ask.gpus, max(limit.gpu for limit in limits), ""),
        "cpu": (ask.cores, max(limit.cpu for limit in limits), ""),
        "memory": (ask.memory_bytes / GIB, max(limit.memory_gib for limit in limits), " Gi"),
    }
    there = "; ".join(found.describe() for found in possible)
    for field, (wish, most_there, unit) in most.items():
        if wish > most_there:
            return f"asks for {wish:g}{unit}; a node has at most {most_there}{unit}: {there}.", field
    return f"no node holds all of what it asks for: {there}.", "cpu"
