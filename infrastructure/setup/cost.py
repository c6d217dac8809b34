"""What a profile costs, from the price table: what is always there, and what an hour of each pool adds."""

from collections.abc import Iterator

from ..contracts import Contract
from ..prices import HOURS_PER_MONTH, load_prices
from .profile import Profile

ENDPOINTS = 8
"""Private endpoints of modes hybrid and private: vault 1, storage 2, registry 1, AzureML 3, Redis 1."""
ZONES = 9
"""Private DNS zones of those modes; PostgreSQL's is there in every mode."""
UNPRICED = (
    "Managed Grafana, the ingestion of logs and metrics, stored data and its transfer, node disks, the load balancer, "
    "Fabric, the viewer while it is used, and the roots vpn/, dns/ and automation/"
)


class Line(Contract):
    """Something that is paid for as long as it is there."""

    what: str
    count: float
    monthly_usd: float
    source: str


class PoolCost(Contract):
    """A pool of jobs, which is paid for while nodes are up."""

    name: str
    vm_size: str
    spot: bool
    node_usd_per_hour: float
    max_usd_per_hour: float
    """With every node up."""
    source: str


class Cost(Contract):
    """A profile's bill, at list prices of one day."""

    profile: str
    region: str
    retrieved: str
    fixed: tuple[Line, ...]
    pools: tuple[PoolCost, ...]
    fixed_usd_per_month: float
    unpriced: str = UNPRICED


def cost_of(name: str, profile: Profile) -> Cost:
    """Add it up.

    Raises:
        UnknownPriceError: If a machine or service is not in the table.
    """
    prices = load_prices()
    fixed = tuple(_fixed(profile))
    pools = []
    for key, pool in profile.node_pools.items():
        machine = prices.vm(pool.vm_size)
        hourly = machine.usd_per_hour
        if pool.spot and machine.spot_usd_per_hour is not None:
            hourly = machine.spot_usd_per_hour
        pools.append(
            PoolCost(
                name=key,
                vm_size=pool.vm_size,
                spot=pool.spot,
                node_usd_per_hour=hourly,
                max_usd_per_hour=round(hourly * pool.max_count, 4),
                source=machine.source,
            )
        )
    total = round(sum(line.monthly_usd for line in fixed), 2)
    return Cost(
        profile=name,
        region=prices.region,
        retrieved=prices.retrieved,
        fixed=fixed,
        pools=tuple(pools),
        fixed_usd_per_month=total,
    )


def _fixed(profile: Profile) -> Iterator[Line]:
    yield _machine("system nodes", profile.system_pool.min_count, profile.system_pool.vm_size)
    for key, pool in profile.node_pools.items():
        if pool.min_count:
            yield _machine(f"nodes of {key} that stay", pool.min_count, pool.vm_size)
    if profile.aks_sku_tier == "Standard":
        yield _service("AKS, tier Standard", "aks_standard", 1)
    yield _service("NAT gateway", "nat_gateway", 1)
    yield _service("public address", "public_ip", 1)
    yield _service(f"container registry, {profile.registry_sku}", f"registry_{profile.registry_sku}", 1)
    servers = 2 if profile.osmo_database.high_availability else 1
    yield _service(f"PostgreSQL {profile.osmo_database.sku}", f"postgresql_{profile.osmo_database.sku}", servers)
    gib = profile.osmo_database.storage_gib * servers
    yield _service("PostgreSQL's disk, GiB", "postgresql_storage_gib", gib)
    nodes = 2 if profile.osmo_redis.high_availability else 1
    yield _service(f"Managed Redis {profile.osmo_redis.sku}", f"redis_{profile.osmo_redis.sku}_node", nodes)
    closed = profile.network_mode != "public"
    yield _service("private DNS zones", "private_dns_zone", 1 + (ZONES if closed else 0))
    if closed:
        yield _service("private endpoints", "private_endpoint", ENDPOINTS + (1 if profile.iot else 0))
    if profile.iot:
        yield _service("Event Hubs, throughput units", "event_hubs_standard_unit", profile.iot.event_hubs_capacity)


def _machine(what: str, count: int, size: str) -> Line:
    machine = load_prices().vm(size)
    monthly = round(machine.usd_per_hour * HOURS_PER_MONTH * count, 2)
    return Line(what=f"{what}, {size}", count=count, monthly_usd=monthly, source=machine.source)


def _service(what: str, key: str, count: float) -> Line:
    service = load_prices().service(key)
    return Line(what=what, count=count, monthly_usd=round(service.monthly_usd * count, 2), source=service.source)


def markdown(costs: list[Cost]) -> str:
    """A page of all profiles; it is committed, and a test compares it."""
    prices = load_prices()
    lines = [
        "# Costs",
        "",
        f"Made by `physai infrastructure cost --markdown infrastructure/terraform/COSTS.md` from "
        f"[prices/azure.json](../prices/azure.json): list prices of {prices.region}, {prices.retrieved}. {prices.note}",
        "",
    ]
    for cost in costs:
        lines += [f"## {cost.profile}", "", "| always there | count | $ a month | source |", "|---|---|---|---|"]
        lines += [f"| {line.what} | {line.count:g} | {line.monthly_usd:,.2f} | {line.source} |" for line in cost.fixed]
        lines += [f"| **together** | | **{cost.fixed_usd_per_month:,.2f}** | |", ""]
        lines += ["| pool | machine | $ an hour and node | $ an hour, all nodes up | source |", "|---|---|---|---|---|"]
        lines += [
            f"| {pool.name} | {pool.vm_size}{', spot' if pool.spot else ''} | {pool.node_usd_per_hour:g} | "
            f"{pool.max_usd_per_hour:g} | {pool.source} |"
            for pool in cost.pools
        ]
        lines.append("")
    lines += [f"Not priced: {UNPRICED}.", "", "Sources:", ""]
    lines += [f"- **{name}**: [{source.what}]({source.url})" for name, source in prices.sources.items()]
    return "\n".join(lines) + "\n"
