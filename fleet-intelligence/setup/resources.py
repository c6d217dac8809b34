"""Azure resources of a site, as Azure Resource Manager takes them.

The tables go to Event Hubs, one hub each, from where Kusto takes them in; the same topics go to a Fabric
eventstream by a dataflow graph. Dataflows hand bytes on as they are, so robots of such a site send plain JSON
(`telemetry send --uncompressed`).
"""

from typing import Any, NamedTuple

from physai.infrastructure.kusto import mapping, raw

from ..telemetry.tables import TABLES
from ..telemetry.wire import PREFIX
from .site import Site

IOT_OPERATIONS = "2026-07-01"
DEVICE_REGISTRY = "2025-10-01"
KUSTO = "2024-04-13"
PORT = 8883
SAN = "aio-robots"
TRUSTED = "physai-robot-ca"
"""ConfigMap with the certificate authority of the robots."""

type Body = dict[str, Any]


class Resource(NamedTuple):
    """One resource to put."""

    id: str
    api_version: str
    body: Body


def broker(site: Site) -> list[Resource]:
    """A listener with TLS for robots, who they are by their certificates, and what each may do.

    A robot may connect, and publish below its own name alone. The tokens in topics are filled in by the broker.
    """
    base = f"{_instance(site)}/brokers/default"
    subjects = {
        robot: {"subject": f"CN = {robot}", "attributes": {"site": site.name, "robot": robot}} for robot in site.robots
    }
    own = f"{PREFIX}/{{principal.attributes.site}}/{{principal.attributes.robot}}/#"
    may = [{"method": "Connect"}, {"method": "Publish", "topics": [own]}]
    x509 = {"trustedClientCaCert": TRUSTED, "authorizationAttributes": subjects}
    issuer = {"group": "cert-manager.io", "kind": "Issuer", "name": "azure-iot-operations-aio-certificate-issuer"}
    port = {
        "port": PORT,
        "protocol": "Mqtt",
        "authenticationRef": "robots",
        "authorizationRef": "robots",
        "tls": {"mode": "Automatic", "certManagerCertificateSpec": {"issuerRef": issuer}},
    }
    return [
        _extended(
            site,
            f"{base}/authentications/robots",
            {"authenticationMethods": [{"method": "X509", "x509Settings": x509}]},
        ),
        _extended(
            site,
            f"{base}/authorizations/robots",
            {
                "authorizationPolicies": {
                    "cache": "Enabled",
                    "rules": [
                        {"principals": {"attributes": [{"site": site.name}]}, "brokerResources": may},
                    ],
                }
            },
        ),
        _extended(
            site,
            f"{base}/listeners/robots",
            {"serviceName": SAN, "serviceType": "LoadBalancer", "ports": [port]},
        ),
    ]


def dataflows(site: Site) -> list[Resource]:
    """Endpoints and dataflows to Event Hubs, and where it is wanted a dataflow graph to Fabric."""
    base = _instance(site)
    login = {
        "method": "UserAssignedManagedIdentity",
        "userAssignedManagedIdentitySettings": {"clientId": site.identity, "tenantId": site.tenant},
    }
    made = [
        _extended(
            site,
            f"{base}/dataflowEndpoints/event-hubs",
            _kafka(f"{site.event_hubs}.servicebus.windows.net:9093", login),
        )
    ]
    made += [
        _extended(
            site,
            f"{base}/dataflowProfiles/default/dataflows/{table.topic}",
            {
                "mode": "Enabled",
                "requestDiskPersistence": "Enabled",
                "operations": [
                    {
                        "operationType": "Source",
                        "sourceSettings": {"endpointRef": "default", "dataSources": [_topics(table.topic)]},
                    },
                    {
                        "operationType": "Destination",
                        "destinationSettings": {"endpointRef": "event-hubs", "dataDestination": table.topic},
                    },
                ],
            },
        )
        for table in TABLES.values()
    ]
    return [*made, *fabric(site)] if site.fabric_host else made


def fabric(site: Site) -> list[Resource]:
    """All tables to an eventstream of Fabric's, which tells them apart by their CloudEvents type."""
    base = _instance(site)
    secret = {"method": "Sasl", "saslSettings": {"saslType": "Plain", "secretRef": "fabric-eventstream"}}
    source = {
        "nodeType": "Source",
        "name": "robots",
        "sourceSettings": {"endpointRef": "default", "dataSources": [_topics(each.topic) for each in TABLES.values()]},
    }
    target = {
        "nodeType": "Destination",
        "name": "eventstream",
        "destinationSettings": {"endpointRef": "fabric", "dataDestination": site.fabric_topic},
    }
    return [
        _extended(site, f"{base}/dataflowEndpoints/fabric", _kafka(site.fabric_host, secret)),
        _extended(
            site,
            f"{base}/dataflowProfiles/default/dataflowGraphs/fabric",
            {
                "mode": "Enabled",
                "requestDiskPersistence": "Enabled",
                "nodes": [source, target],
                "nodeConnections": [{"from": {"name": "robots"}, "to": {"name": "eventstream"}}],
            },
        ),
    ]


def assets(site: Site) -> list[Resource]:
    """A device for each robot, and the asset whose streams are its tables."""
    place = {"type": "CustomLocation", "name": site.custom_location}
    made: list[Resource] = []
    for robot in site.robots:
        endpoint = {"endpointType": "Microsoft.Mqtt", "address": f"mqtts://{SAN}:{PORT}"}
        device: Body = {
            "enabled": True,
            "attributes": {"site": site.name},
            "endpoints": {"inbound": {"mqtt": endpoint}},
        }
        streams = [
            {
                "name": table.topic,
                "typeRef": table.type,
                "destinations": [
                    {
                        "target": "Mqtt",
                        "configuration": {"topic": f"{PREFIX}/{site.name}/{robot}/{table.topic}", "qos": "Qos1"},
                    }
                ],
            }
            for table in TABLES.values()
        ]
        asset: Body = {
            "displayName": robot,
            "enabled": True,
            "deviceRef": {"deviceName": robot, "endpointName": "mqtt"},
            "streams": streams,
        }
        for kind, properties in (("devices", device), ("assets", asset)):
            body = {"location": site.location, "extendedLocation": place, "properties": properties}
            made.append(Resource(f"{site.namespace}/{kind}/{robot}", DEVICE_REGISTRY, body))
    return made


def connections(site: Site) -> list[Resource]:
    """What lets Kusto take each event hub into the raw table of the same name."""
    hubs = f"{site.group}/providers/Microsoft.EventHub/namespaces/{site.event_hubs}/eventhubs"
    cluster = f"{site.group}/providers/Microsoft.Kusto/clusters/{site.kusto_cluster}"
    return [
        Resource(
            f"{cluster}/databases/{site.kusto_database}/dataConnections/{site.name}-{table.topic}",
            KUSTO,
            {
                "kind": "EventHub",
                "location": site.location,
                "properties": {
                    "eventHubResourceId": f"{hubs}/{table.topic}",
                    "consumerGroup": "eventhouse",
                    "tableName": raw(table),
                    "mappingRuleName": mapping(table),
                    "dataFormat": "MULTIJSON",
                    "managedIdentityResourceId": cluster,
                },
            },
        )
        for table in TABLES.values()
    ]


def _instance(site: Site) -> str:
    return f"{site.group}/providers/Microsoft.IoTOperations/instances/{site.instance}"


def _topics(table: str) -> str:
    return f"{PREFIX}/+/+/{table}"


def _kafka(host: str, authentication: Body) -> Body:
    settings = {
        "host": host,
        "authentication": authentication,
        "tls": {"mode": "Enabled"},
        "kafkaAcks": "All",
        "partitionStrategy": "Topic",  # of one robot in order
        "copyMqttProperties": "Enabled",
    }
    return {"endpointType": "Kafka", "kafkaSettings": settings}


def _extended(site: Site, id_: str, properties: Body) -> Resource:
    place = {"type": "CustomLocation", "name": site.custom_location}
    return Resource(id_, IOT_OPERATIONS, {"extendedLocation": place, "properties": properties})
