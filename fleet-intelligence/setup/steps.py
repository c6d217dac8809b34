"""Steps that set up a site, each a list of commands that may be run again and again."""

import json
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path

from physai.infrastructure.errors import PhysaiError
from physai.infrastructure.kusto import script
from physai.infrastructure.setup.command import Command

from ..dashboards.azure import alert_rules
from ..telemetry.tables import IN_KUSTO, TABLES
from . import resources
from .site import Site

GENERATED = Path(__file__).parents[1] / "dashboards" / "generated"


class UnknownStepError(PhysaiError):
    """There is no such step."""

    def __init__(self, name: str) -> None:
        near = get_close_matches(name, STEPS, n=1)
        meant = f" Did you mean '{near[0]}'?" if near else ""
        super().__init__(f"step '{name}' is unknown.{meant} Known: {', '.join(STEPS)}.")


class NeedsFieldError(PhysaiError):
    """A step lacks something of the site that it is made from."""

    def __init__(self, step: str, field: str) -> None:
        super().__init__(f"setup {step}: the site has no '{field}'. Add it to the site's file.")


NEEDED = {"alerts": ("workspace", "action_group", "alert_identity"), "grafana": ("grafana",)}


def commands_of(name: str, site: Site) -> list[Command]:
    """Commands of a step, in order.

    Raises:
        UnknownStepError: If there is no such step.
        NeedsFieldError: If the site lacks something that the step is made from.
    """
    if name not in STEPS:
        raise UnknownStepError(name)
    for field in NEEDED.get(name, ()):
        if not getattr(site, field):
            raise NeedsFieldError(name, field)
    return STEPS[name](site)


def iot_operations(site: Site) -> list[Command]:
    """Azure IoT Operations on the Arc cluster, with the namespace of its devices."""
    group = ("--resource-group", site.resource_group)
    namespace, registry = site.namespace, f"{site.group}/providers/Microsoft.DeviceRegistry/schemaRegistries"
    who = ("--name", site.instance, *group)
    return [
        Command(argv=("az", "extension", "add", "--upgrade", "--name", "azure-iot-ops")),
        Command(
            argv=("az", "iot", "ops", "ns", "create", "--name", f"ns-{site.name}", *group),
            unless=("az", "resource", "show", "--ids", namespace, "--output", "none"),
        ),
        Command(
            argv=("az", "iot", "ops", "init", "--cluster", site.cluster, *group),
            unless=("az", "iot", "ops", "show", *who, "--output", "none"),
        ),
        Command(
            argv=(
                *("az", "iot", "ops", "create", "--cluster", site.cluster, *who),
                *("--custom-location", site.custom_location.rsplit("/", 1)[1]),
                *("--sr-resource-id", f"{registry}/{site.schema_registry}", "--ns-resource-id", namespace),
            ),
            unless=("az", "iot", "ops", "show", *who, "--output", "none"),
        ),
    ]


def streams(site: Site) -> list[Command]:
    """An event hub for each table, and Kusto's own group of readers in it."""
    made: list[Command] = []
    for table in TABLES.values():
        hub = ("--namespace-name", site.event_hubs, "--resource-group", site.resource_group)
        name = ("--name", table.topic)
        group = (*hub, "--eventhub-name", table.topic, "--name", "eventhouse")
        show = ("--output", "none")
        made += [
            Command(
                argv=("az", "eventhubs", "eventhub", "create", *hub, *name, "--partition-count", "4"),
                unless=("az", "eventhubs", "eventhub", "show", *hub, *name, *show),
            ),
            Command(
                argv=("az", "eventhubs", "eventhub", "consumer-group", "create", *group),
                unless=("az", "eventhubs", "eventhub", "consumer-group", "show", *group, *show),
            ),
        ]
    return made


def tables(site: Site) -> list[Command]:
    """The tables, mappings and views in Kusto, and what fills them from the event hubs."""
    uri = f"https://{site.kusto_cluster}.{site.location}.kusto.windows.net"
    asked = json.dumps({"db": site.kusto_database, "csl": script(IN_KUSTO)})
    create = Command(
        argv=(
            *("az", "rest", "--method", "post", "--url", f"{uri}/v1/rest/mgmt", "--resource", uri),
            *("--headers", "Content-Type=application/json", "--body", "@-"),
        ),
        input=asked,
    )
    return [create, *put(resources.connections(site))]


def alerts(site: Site) -> list[Command]:
    """The alert rules over the tables."""
    eventhouse = f"https://{site.kusto_cluster}.{site.location}.kusto.windows.net/{site.kusto_database}"
    values = {
        "workspace": site.workspace,
        "eventhouse": eventhouse,
        "actionGroup": site.action_group,
        "identity": site.alert_identity,
    }
    return [
        Command(
            argv=(
                *("az", "deployment", "group", "create", "--resource-group", site.resource_group),
                *("--name", "physai-alerts", "--template-file", "/dev/stdin"),
                *("--parameters", *(f"{name}={value}" for name, value in values.items())),
            ),
            input=json.dumps(alert_rules(), indent=2),
        )
    ]


def grafana(site: Site) -> list[Command]:
    """The dashboards in Azure Managed Grafana."""
    return [
        Command(
            argv=(
                *("az", "grafana", "dashboard", "create", "--name", site.grafana),
                *("--resource-group", site.resource_group, "--overwrite", "true", "--definition", f"@{path}"),
            )
        )
        for path in sorted(GENERATED.glob("grafana/*.json"))
    ]


def put(found: Sequence[resources.Resource]) -> list[Command]:
    """Each resource as it is to be; putting it again changes nothing."""
    return [
        Command(
            argv=(
                *("az", "rest", "--method", "put"),
                *("--url", f"https://management.azure.com{each.id}?api-version={each.api_version}", "--body", "@-"),
            ),
            input=json.dumps(each.body, indent=2),
        )
        for each in found
    ]


STEPS: dict[str, Callable[[Site], list[Command]]] = {
    "iot-operations": iot_operations,
    "broker": lambda site: put(resources.broker(site)),
    "dataflows": lambda site: put(resources.dataflows(site)),
    "assets": lambda site: put(resources.assets(site)),
    "streams": streams,
    "tables": tables,
    "alerts": alerts,
    "grafana": grafana,
}
