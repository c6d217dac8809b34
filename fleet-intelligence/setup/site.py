"""A site: an Arc cluster with Azure IoT Operations, its robots, and where their telemetry goes."""

from typing import Annotated, Literal

from pydantic import Field

from physai.infrastructure.contracts import YamlDocument

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$")]
Guid = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


class Site(YamlDocument):
    """What every step of `physai fleet-intelligence setup` is made from."""

    kind: Literal["site"] = "site"
    version: Literal[1] = 1
    name: Name
    """As robots say it in `source`."""
    robots: tuple[Name, ...] = Field(min_length=1)
    subscription: Guid
    resource_group: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.()-]{1,90}$")]
    location: Annotated[str, Field(pattern=r"^[a-z0-9]+$")]
    cluster: Name
    """Arc-enabled Kubernetes cluster, from `physai data-pipeline setup arc-kubernetes`."""
    schema_registry: Name
    """From Terraform's module `iot`."""
    event_hubs: Name
    """Namespace, from the same module."""
    kusto_cluster: Name
    kusto_database: Annotated[str, Field(pattern=r"^[A-Za-z0-9 .-]+$")] = "Fleet"
    identity: Guid
    """Client id of the user-assigned identity that dataflows send with."""
    tenant: Guid
    fabric_host: Annotated[str, Field(pattern=r"^([a-z0-9.-]+:[0-9]+)?$")] = ""
    """Kafka endpoint of a Fabric eventstream, `<name>.servicebus.windows.net:9093`; empty for none."""
    fabric_topic: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]*$")] = ""
    workspace: Annotated[str, Field(pattern=r"^(/subscriptions/[^ ]+)?$")] = ""
    """Resource id of the Log Analytics workspace whose alert rules watch the tables."""
    action_group: Annotated[str, Field(pattern=r"^(/subscriptions/[^ ]+)?$")] = ""
    """Resource id of who is called."""
    alert_identity: Annotated[str, Field(pattern=r"^(/subscriptions/[^ ]+)?$")] = ""
    """Resource id of the identity that may query the tables."""
    grafana: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]*$")] = ""
    """Azure Managed Grafana; empty for none."""

    @property
    def group(self) -> str:
        """Resource id of the group."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"

    @property
    def instance(self) -> str:
        """Name of the Azure IoT Operations instance."""
        return f"aio-{self.name}"

    @property
    def custom_location(self) -> str:
        """Resource id of the cluster as a place for resources."""
        return f"{self.group}/providers/Microsoft.ExtendedLocation/customLocations/{self.instance}-location"

    @property
    def namespace(self) -> str:
        """Resource id of the namespace of devices and assets."""
        return f"{self.group}/providers/Microsoft.DeviceRegistry/namespaces/ns-{self.name}"
