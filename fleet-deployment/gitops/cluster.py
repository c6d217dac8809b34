"""What is to be known of a cluster that serves robots."""

from typing import Literal

from pydantic import Field

from physai.infrastructure.contracts import Contract


class Cluster(Contract):
    """A cluster."""

    name: str
    repository: str
    """URL of the fleet's repository as the cluster reaches it; `oci://…` for an artifact made of it."""
    cohorts: dict[str, tuple[str, ...]] = Field(min_length=1)
    """Cohort → its robots whose runtime this cluster runs; none where they run it themselves."""
    image: str | None = None
    """Repository of the runtime's container image, e.g. `fleet.azurecr.io/physai`; None to run nothing here."""
    verifier: Literal["kyverno", "sigstore"] = "kyverno"
    """Which controller of the cluster reads the signatures of images."""
    webhook: str | None = None
    """Where to tell of failures; None for nowhere."""

    @property
    def source(self) -> str:
        """Kind of Flux's source."""
        return "OCIRepository" if self.repository.startswith("oci://") else "GitRepository"


def namespace_of(cohort: str) -> str:
    """Where a cohort's release and runtimes live; each has a ConfigMap of the same name."""
    return f"robots-{cohort}"
