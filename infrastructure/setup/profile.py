"""Profiles of the platform: the `*.tfvars.json` files that Terraform and the preflight of jobs both read."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ..contracts import Contract, Document
from ..errors import PhysaiError, suggest

FOLDER = Path(__file__).parents[1] / "terraform" / "profiles"
SUFFIX = ".tfvars.json"
LABEL = "physai.io/platform"
"""Node label by which OSMO platforms and AzureML instance types select their nodes; `modules/aks` sets it."""
GPU_TAINT = "nvidia.com/gpu"
SPOT_TAINT = "kubernetes.azure.com/scalesetpriority"

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,11}$")]
"""Linux node pools of AKS have at most 12 characters: https://learn.microsoft.com/azure/aks/create-node-pools."""


class UnknownProfileError(PhysaiError):
    """There is no such profile."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"{FOLDER}: no profile '{name}'. {suggest(name, known)}")


class JobLimit(Contract):
    """The most that one task may ask of a node: the machine less what Kubernetes and its daemons keep."""

    cpu: Annotated[int, Field(gt=0)]
    memory_gib: Annotated[int, Field(gt=0)]
    gpu: Annotated[int, Field(ge=0)]


class NodePool(Contract):
    """A pool of equal machines for jobs, and how OSMO and AzureML name it."""

    vm_size: str
    min_count: Annotated[int, Field(ge=0)] = 0
    max_count: Annotated[int, Field(ge=1)]
    spot: bool = False
    platform: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    """OSMO platform, AzureML instance type, and value of the node label `physai.io/platform`."""
    osmo_pool: str = "default"
    job_limit: JobLimit


class SystemPool(Contract):
    """Nodes of the cluster's own services and of OSMO's."""

    vm_size: str = "Standard_D8ds_v5"
    min_count: Annotated[int, Field(ge=1)] = 1
    max_count: Annotated[int, Field(ge=1)] = 3


class Database(Contract):
    """PostgreSQL of OSMO."""

    sku: str = "GP_Standard_D2ds_v5"
    storage_gib: int = 32
    high_availability: bool = False
    backup_days: int = 7


class Redis(Contract):
    """Managed Redis of OSMO."""

    sku: str = "Balanced_B3"
    high_availability: bool = True


class Iot(Contract):
    """Telemetry of the fleet."""

    event_hubs_capacity: Annotated[int, Field(ge=1, le=40)] = 1


class Profile(Document):
    """The variables of the root module that a profile sets; defaults are those of Terraform."""

    kind: Literal["platform-profile"] = "platform-profile"
    version: Literal[1] = 1
    environment: Literal["dev", "prod"]
    location: str
    network_mode: Literal["public", "hybrid", "private"]
    aks_sku_tier: Literal["Free", "Standard"] = "Standard"
    registry_sku: Literal["Basic", "Standard", "Premium"] = "Premium"
    storage_replication: Literal["LRS", "ZRS", "GRS", "GZRS"] = "LRS"
    system_pool: SystemPool = SystemPool()
    osmo_database: Database = Database()
    osmo_redis: Redis = Redis()
    iot: Iot | None = None
    node_pools: Annotated[dict[Name, NodePool], Field(min_length=1)]


def profile_names() -> tuple[str, ...]:
    """The profiles that ship."""
    return tuple(sorted(path.name.removesuffix(SUFFIX) for path in FOLDER.glob(f"*{SUFFIX}")))


def load_profile(name: str) -> Profile:
    """A profile by name (`dev`, `prod`, `private`), or by the path of a file of your own.

    Raises:
        UnknownProfileError: If there is neither.
        ContractError: If a value is none that the platform can have.
    """
    path = Path(name) if name.endswith(".json") else FOLDER / f"{name}{SUFFIX}"
    if not path.exists() and not name.endswith(".json"):
        raise UnknownProfileError(name, profile_names())
    return Profile.read(path)
