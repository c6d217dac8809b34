"""Facts of one edge, from which every command and manifest is made."""

from pydantic import Field

from physai.infrastructure.contracts import Contract


class Edge(Contract):
    """One edge machine or cluster."""

    name: str = Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,52}[a-z0-9])?$")
    """Of the Arc resource, e.g. `lab-1`."""
    resource_group: str = Field(min_length=1)
    location: str = "westeurope"
    storage_account: str = Field(default="", pattern=r"^([a-z0-9]{3,24})?$")
    container: str = "robots"
    """Blob container that recordings go to."""
    image: str = Field(default="", pattern=r"^(.+@sha256:[0-9a-f]{64})?$")
    """Image with `physai`, by digest."""
    namespace: str = "physai"
    volume_gi: int = Field(default=50, ge=1)
    """Size of the edge volume, GiB."""

    @property
    def target(self) -> str:
        """Where recordings go."""
        return f"azure://{self.storage_account}/{self.container}/fleet"
