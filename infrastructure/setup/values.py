"""Helm values, generated from what Terraform made; each is checked against the keys of its chart."""

from typing import Any

from .charts import check_values
from .platform import Platform
from .profile import GPU_TAINT, LABEL, SPOT_TAINT, NodePool

type Values = dict[str, Any]

OSMO_VERSION = "6.3.1"
OSMO_IMAGES = "nvcr.io/nvidia/osmo"
GATEWAY = "osmo-gateway.osmo.svc.cluster.local"
INGRESS_CLASS = "physai-ingress"
WORKLOAD_IDENTITY = {"azure.workload.identity/use": "true"}
GPU_TOLERATION = {"key": GPU_TAINT, "operator": "Exists", "effect": "NoSchedule"}
SPOT_TOLERATION = {"key": SPOT_TAINT, "operator": "Equal", "value": "spot", "effect": "NoSchedule"}


def gpu_operator() -> Values:
    """AKS installs the driver, the operator the rest: device plugin, feature labels, DCGM's exporter for Prometheus."""
    tolerations = [GPU_TOLERATION, SPOT_TOLERATION]
    return _checked(
        "gpu-operator",
        {
            "driver": {"enabled": False},
            "toolkit": {"enabled": True},
            "daemonsets": {"tolerations": tolerations},
            "dcgmExporter": {"enabled": True, "serviceMonitor": {"enabled": False}},
            "node-feature-discovery": {"worker": {"tolerations": tolerations}},
        },
    )


def kai_scheduler() -> Values:
    """The scheduler of OSMO's groups; it asks the cluster's autoscaler for nodes, since pools go to zero."""
    return _checked(
        "kai-scheduler", {"global": {"clusterAutoscaling": True}, "scheduler": {"placementStrategy": "binpack"}}
    )


def osmo(platform: Platform, host: str, client_id: str) -> Values:
    """OSMO's control plane with authentication on: OAuth2 proxy, JWT and authorisation in front of every service.

    Args:
        platform: What Terraform made.
        host: Name under which people reach OSMO.
        client_id: Entra application that people log in to.
    """
    return _checked(
        "osmo",
        {
            "global": {
                "osmoImageLocation": OSMO_IMAGES,
                "osmoImageTag": OSMO_VERSION,
                "hostname": host,
                "serviceAccountName": "osmo",
                "logs": {"logLevel": "INFO", "logFormat": "json"},
            },
            "serviceAccount": {
                "create": True,
                "annotations": {"azure.workload.identity/client-id": platform.identities["osmo"]},
            },
            "services": _osmo_services(platform, host, client_id),
            "gateway": _osmo_gateway(platform, host, client_id),
        },
    )


def osmo_backend(name: str, service_url: str) -> Values:
    """The part of OSMO that runs tasks on a cluster: this one, or one at the edge.

    Args:
        name: Name of the backend in OSMO.
        service_url: Where the control plane is, seen from there.
    """
    return _checked(
        "osmo-backend",
        {
            "global": {
                "osmoImageLocation": OSMO_IMAGES,
                "osmoImageTag": OSMO_VERSION,
                "serviceUrl": service_url,
                "backendName": name,
                "agentNamespace": "osmo-operator",
                "backendNamespace": "osmo-workflows",
                "loginMethod": "token",
                "accountTokenSecret": "osmo-operator-token",
                "accountTokenSecretKey": "token",
                "logs": {"logLevel": "INFO", "logFormat": "json"},
                "networkPolicy": {"enabled": True},
            }
        },
    )


def _checked(chart: str, values: Values) -> Values:
    check_values(chart, values)
    return values


def _osmo_services(platform: Platform, host: str, client_id: str) -> Values:
    login = f"https://login.microsoftonline.com/{platform.tenant_id}/oauth2/v2.0"
    labelled = {
        name: {"extraPodLabels": WORKLOAD_IDENTITY} for name in ("worker", "agent", "logger", "delayedJobMonitor")
    }
    return labelled | {
        "configFile": {"enabled": True},
        "configs": _osmo_configs(platform, host),
        "postgres": {
            "enabled": False,
            "serviceName": platform.osmo_database.host,
            "port": platform.osmo_database.port,
            "db": platform.osmo_database.name,
            "user": platform.osmo_database.user,
            "passwordSecretName": "db-secret",
            "passwordSecretKey": "db-password",
        },
        "redis": {
            "enabled": False,
            "serviceName": platform.osmo_redis.host,
            "port": platform.osmo_redis.port,
            "tlsEnabled": True,
        },
        "service": {
            "hostname": host,
            "extraPodLabels": WORKLOAD_IDENTITY,
            "auth": {
                "enabled": True,
                "device_endpoint": f"{login}/devicecode",
                "device_client_id": client_id,
                "browser_endpoint": f"{login}/authorize",
                "browser_client_id": client_id,
                "token_endpoint": f"{login}/token",
                "logout_endpoint": f"{login}/logout",
            },
        },
    }


def _osmo_configs(platform: Platform, host: str) -> Values:
    """Pools and platforms as the node pools have them; OSMO serves them from here, and refuses to change them."""
    data = {"credential": {"endpoint": platform.containers["workflows"]}}
    pools: Values = {}
    for name in sorted({pool.osmo_pool for pool in platform.node_pools.values()}):
        members = [pool for pool in platform.node_pools.values() if pool.osmo_pool == name]
        pools[name] = _osmo_pool(members)
    return {
        "enabled": True,
        "workflow": {
            "workflow_data": data | {"base_url": platform.containers["workflows"]},
            "workflow_log": data,
            "workflow_app": data,
        },
        "podTemplates": {f"platform_{pool.platform}": _pod_template(pool) for pool in platform.node_pools.values()},
        "resourceValidations": {
            f"platform_{pool.platform}": _validations(pool) for pool in platform.node_pools.values()
        },
        "backends": {
            "default": {
                "description": f"AKS cluster {platform.cluster}",
                "router_address": f"wss://{host}",
                "scheduler_settings": {
                    "scheduler_type": "kai",
                    "scheduler_name": "kai-scheduler",
                    "scheduler_timeout": 30,
                },
            }
        },
        "pools": pools,
    }


def _osmo_pool(members: list[NodePool]) -> Values:
    first = min(members, key=lambda pool: (pool.job_limit.gpu, pool.platform))  # the cheapest kind of machine
    return {
        "description": f"Platforms {', '.join(sorted(pool.platform for pool in members))}",
        "backend": "default",
        "default_platform": first.platform,
        "common_pod_template": ["default_ctrl", "default_user"],
        "common_resource_validations": ["default_cpu", "default_memory", "default_storage", "default_gpu"],
        "common_default_variables": {"USER_CPU": 1, "USER_GPU": 0, "USER_MEMORY": "1Gi", "USER_STORAGE": "1Gi"},
        "platforms": {
            "default": None,  # the chart's own, which selects no nodes; null takes it away
        }
        | {
            pool.platform: {
                "description": pool.vm_size + (", spot" if pool.spot else ""),
                "override_pod_template": [f"platform_{pool.platform}"],
                "resource_validations": [f"platform_{pool.platform}"],
            }
            for pool in members
        },
    }


def _pod_template(pool: NodePool) -> Values:
    tolerations = ([GPU_TOLERATION] if pool.job_limit.gpu else []) + ([SPOT_TOLERATION] if pool.spot else [])
    return {
        "metadata": {"labels": WORKLOAD_IDENTITY},  # tasks act as the identity of their namespace's service account
        "spec": {"nodeSelector": {LABEL: pool.platform}, **({"tolerations": tolerations} if tolerations else {})},
    }


def _validations(pool: NodePool) -> list[Values]:
    """Rules that hold even while the pool has no node to ask."""
    limits = {
        "USER_CPU": str(pool.job_limit.cpu),
        "USER_MEMORY": f"{pool.job_limit.memory_gib}Gi",
        "USER_GPU": str(pool.job_limit.gpu),
    }
    return [
        {
            "operator": "LE",
            "left_operand": f"{{{{{name}}}}}",
            "right_operand": limit,
            "assert_message": f"{{{{{name}}}}} is more than platform {pool.platform} has: {limit}",
        }
        for name, limit in limits.items()
    ]


def _osmo_gateway(platform: Platform, host: str, client_id: str) -> Values:
    issuer = f"https://login.microsoftonline.com/{platform.tenant_id}/v2.0"
    keys = f"https://login.microsoftonline.com/{platform.tenant_id}/discovery/v2.0/keys"
    provider = {
        "issuer": issuer,
        "audience": client_id,
        "jwks_uri": keys,
        "user_claim": "preferred_username",
        "cluster": "idp",
    }
    return {
        "envoy": {
            "hostname": host,
            "service": {"type": "ClusterIP"},
            "ingress": {"enabled": True, "ingressClass": INGRESS_CLASS, "sslEnabled": True, "sslSecret": "osmo-tls"},
            "idp": {"host": "login.microsoftonline.com"},
            "jwt": {"user_header": "x-osmo-user", "providers": [provider]},
        },
        "oauth2Proxy": {
            "enabled": True,
            "provider": "oidc",
            "oidcIssuerUrl": issuer,
            "clientId": client_id,
            "cookieDomain": host,
            "useKubernetesSecrets": True,
            "secretName": "oauth2-proxy-secrets",
            "redis": {
                "serviceName": platform.osmo_redis.host,
                "port": platform.osmo_redis.port,
                "tlsEnabled": True,
            },
            "extraEnv": [
                {
                    "name": "OAUTH2_PROXY_REDIS_PASSWORD",
                    "valueFrom": {"secretKeyRef": {"name": "redis-secret", "key": "redis-password"}},
                }
            ],
        },
        "authz": {"enabled": True, "postgres": {"sslMode": "require"}},
    }
