"""Whether the layers of a platform agree: machines, node pools, OSMO platforms, AzureML instance types.

The same node pool is spelled in each of them. The reference quick start that this repository learned from could not
schedule its first job, because they differed and nothing compared them.
"""

from collections.abc import Iterator
from pathlib import Path

from ..contracts import Contract
from ..prices import UnknownPriceError, load_prices
from ..setup.profile import FOLDER, SUFFIX, NodePool, Profile, load_profile

AZUREML_NAME = 63  # Kubernetes names: InstanceType is a custom resource


class Contradiction(Contract):
    """Two layers that say different things."""

    file: str
    """To change."""
    field: str
    message: str

    def text(self) -> str:
        """One line."""
        return f"{self.file}: {self.field}: {self.message}"


def check_layers(name: str) -> tuple[Contradiction, ...]:
    """Compare the layers of a profile.

    Args:
        name: Of a profile that ships, or the path of a `*.tfvars.json`.

    Returns:
        Every contradiction, with the file to change; empty if they agree.
    """
    path = Path(name) if name.endswith(".json") else FOLDER / f"{name}{SUFFIX}"
    profile = load_profile(name)
    file = str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
    return tuple(
        Contradiction(file=file, field=field, message=message)
        for field, message in (*_machines(profile), *_platforms(profile))
    )


def _machines(profile: Profile) -> Iterator[tuple[str, str]]:
    """Node pools against the machines that they are made of."""
    for key, pool in profile.node_pools.items():
        root = f"node_pools.{key}"
        try:
            size = load_prices().vm(pool.vm_size)
        except UnknownPriceError as error:
            yield f"{root}.vm_size", str(error)
            continue
        limit = pool.job_limit
        if limit.gpu != size.gpus:
            message = f"a task may ask for {limit.gpu} GPUs, a {pool.vm_size} has {size.gpus}. Write {size.gpus}."
            yield f"{root}.job_limit.gpu", message
        for field, asked, has in (("cpu", limit.cpu, size.vcpus), ("memory_gib", limit.memory_gib, size.memory_gib)):
            if asked >= has:
                message = (
                    f"a task may ask for {asked}, a {pool.vm_size} has {has:g}, and Kubernetes keeps some of it: "
                    "no pod of that size is ever scheduled. Write less."
                )
                yield f"{root}.job_limit.{field}", message
        if pool.min_count > pool.max_count:
            yield f"{root}.min_count", f"{pool.min_count} is more than max_count {pool.max_count}. Write no more."
        if pool.spot and size.spot_usd_per_hour is None:
            yield f"{root}.spot", f"{pool.vm_size} has no spot price in the table: a plan would name the full price."


def _platforms(profile: Profile) -> Iterator[tuple[str, str]]:
    """Pools that share a platform, which OSMO and AzureML describe once."""
    first: dict[str, tuple[str, NodePool]] = {}
    for key, pool in profile.node_pools.items():
        other_key, other = first.setdefault(pool.platform, (key, pool))
        field = f"node_pools.{key}.platform"
        if other.job_limit != pool.job_limit:
            yield field, f"'{pool.platform}' is also '{other_key}', whose job_limit is another. Give it its own name."
        if other.spot != pool.spot:
            yield field, f"'{pool.platform}' is also '{other_key}', and one of them is spot. Give it its own name."
        if other.osmo_pool != pool.osmo_pool:
            yield field, f"'{pool.platform}' is in OSMO pools '{other.osmo_pool}' and '{pool.osmo_pool}'. Choose one."
        if len(pool.platform) > AZUREML_NAME:
            yield field, f"an AzureML instance type has at most {AZUREML_NAME} characters. Shorten it."
