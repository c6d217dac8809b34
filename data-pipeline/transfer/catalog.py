"""What the catalog of a store says of a dataset in it."""

from pydantic import AwareDatetime, Field

from physai.infrastructure.contracts import Contract, Digest


class CatalogEntry(Contract):
    """`catalog/<name>/<version>.json` of a store: a dataset in it, whole and read back."""

    name: str
    """`<robot>-<folder>`, as in its path; a folder within others `<robot>-<outer>-<folder>`."""
    version: str
    """The first 12 digits of its content, so that the same dataset is registered once."""
    uri: str
    """Where it lies."""
    content: Digest
    robot: str
    task: str
    episodes: int = Field(ge=1)
    created_at: AwareDatetime
    asset: str = ""
    """Id of its AzureML data asset; empty without one."""
