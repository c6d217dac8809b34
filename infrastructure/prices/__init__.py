"""List prices of cloud machines and services, each with its source, all with one date."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ..contracts import Contract, Document
from ..errors import PhysaiError

TABLE = Path(__file__).parent / "azure.json"
HOURS_PER_MONTH = 730.0  # 365 · 24 / 12, as Azure's own calculator counts

Usd = Annotated[float, Field(ge=0)]


class UnknownPriceError(PhysaiError):
    """The table has no such machine or service."""

    def __init__(self, what: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"{TABLE}: no price of '{what}'. Add it with its source, or choose one of: {', '.join(sorted(known))}."
        )


class Source(Contract):
    """Where a price was published."""

    url: str
    what: str


class VmSize(Contract):
    """A virtual machine: what is in it, and what an hour of it costs."""

    vcpus: int
    memory_gib: float
    gpus: int
    gpu: str | None = None
    gpu_memory_gib: float | None = None
    """Memory of one GPU."""
    quota_family: str
    """Name under which `az vm list-usage` counts its cores."""
    usd_per_hour: Usd
    spot_usd_per_hour: Usd | None = None
    """Absent where no spot price is published."""
    source: str


class Service(Contract):
    """A service that is paid for by the hour or by the month."""

    usd_per_hour: Usd | None = None
    usd_per_month: Usd | None = None
    source: str

    @property
    def monthly_usd(self) -> float:
        """What it costs when it is there the whole month."""
        return (self.usd_per_hour or 0.0) * HOURS_PER_MONTH + (self.usd_per_month or 0.0)


class PriceTable(Document):
    """What a cloud asks, in one region, on one day."""

    kind: Literal["price-table"] = "price-table"
    version: Literal[1] = 1
    cloud: Literal["azure"]
    region: str
    currency: Literal["USD"]
    retrieved: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
    note: str
    sources: dict[str, Source]
    vm_sizes: dict[str, VmSize]
    services: dict[str, Service]

    def vm(self, size: str) -> VmSize:
        """A machine by Azure's name of it, e.g. `Standard_NV36ads_A10_v5`.

        Raises:
            UnknownPriceError: If the table does not have it.
        """
        if size not in self.vm_sizes:
            raise UnknownPriceError(size, tuple(self.vm_sizes))
        return self.vm_sizes[size]

    def service(self, name: str) -> Service:
        """A service by its key.

        Raises:
            UnknownPriceError: If the table does not have it.
        """
        if name not in self.services:
            raise UnknownPriceError(name, tuple(self.services))
        return self.services[name]


@cache
def load_prices() -> PriceTable:
    """The table that ships with physai."""
    return PriceTable.read(TABLE)
