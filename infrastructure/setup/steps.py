"""What is installed on the platform, step by step; each step is a list of commands that may be run again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ..contracts import Contract
from . import manifests, values
from .charts import load_charts
from .command import Command, Secret
from .errors import MissingOptionError, UnknownStepError
from .platform import Platform

DASHBOARDS = Path(__file__).parent / "dashboards"
TOKEN_DAYS = 365


class Options(Contract):
    """What neither Terraform nor a default knows."""

    host: str | None = None
    """Name under which people reach OSMO, e.g. `osmo.example.com`."""
    client_id: str | None = None
    """Entra application that people log in to."""
    edge_context: str | None = None
    """kubectl context of a cluster at the edge."""
    dashboards: str | None = None
    """Folder of more Grafana dashboards, as JSON."""


class Context(Contract):
    """Everything that a step is made from."""

    platform: Platform
    options: Options

    def need(self, step: str, option: str) -> str:
        """An option that a step cannot do without.

        Raises:
            MissingOptionError: If it was not given.
        """
        value: str | None = getattr(self.options, option)
        if value is None:
            what = (Options.model_fields[option].description or "").rstrip(".")
            raise MissingOptionError(step, f"--{option.replace('_', '-')}", what)
        return value


def helm(name: str, chart: str, content: values.Values, context: str) -> Command:
    """Install or upgrade a pinned chart; Helm takes back what it could not finish."""
    pin = load_charts()[chart]
    where = ("--repo", pin.repository) if pin.repository else ()
    argv = ("helm", "upgrade", "--install", name, pin.chart, *where, "--version", pin.version)
    target = ("--kube-context", context, "--namespace", pin.namespace, "--create-namespace")
    end = ("--atomic", "--timeout", "15m", "--values", "-")
    return Command(argv=(*argv, *target, *end), input=manifests.render([content]))


def apply(content: str, context: str, secrets: dict[str, Secret] | None = None) -> Command:
    """Apply Kubernetes objects."""
    argv = ("kubectl", "--context", context, "apply", "--server-side", "--force-conflicts", "-f", "-")
    return Command(argv=argv, input=content, secrets=secrets or {})


def vault(platform: Platform, name: str) -> Secret:
    """A secret of the platform's Key Vault."""
    show = ("az", "keyvault", "secret", "show", "--vault-name", platform.key_vault, "--name", name)
    return Secret(argv=(*show, "--query", "value", "--output", "tsv"))


def cluster(context: Context) -> list[Command]:
    """Log kubectl in to the cluster, with an Entra token."""
    platform = context.platform
    credentials = (
        "az",
        "aks",
        "get-credentials",
        "--resource-group",
        platform.resource_group,
        "--name",
        platform.cluster,
    )
    return [
        Command(argv=("az", "account", "set", "--subscription", platform.subscription_id)),
        Command(argv=(*credentials, "--context", platform.cluster, "--overwrite-existing")),
        Command(argv=("kubelogin", "convert-kubeconfig", "--login", "azurecli", "--context", platform.cluster)),
        Command(argv=("kubectl", "--context", platform.cluster, "get", "nodes")),
    ]


def identity(context: Context) -> list[Command]:
    """Namespaces, and service accounts that act as the platform's identities."""
    platform = context.platform
    return [apply(manifests.render(manifests.namespaces(platform)), platform.cluster)]


def gpu(context: Context) -> list[Command]:
    """NVIDIA's GPU Operator."""
    return [helm("gpu-operator", "gpu-operator", values.gpu_operator(), context.platform.cluster)]


def scheduler(context: Context) -> list[Command]:
    """KAI, which schedules OSMO's groups."""
    return [helm("kai-scheduler", "kai-scheduler", values.kai_scheduler(), context.platform.cluster)]


def ingress(context: Context) -> list[Command]:
    """The ingress controller."""
    platform = context.platform
    return [apply(manifests.render(manifests.ingress(platform)), platform.cluster)]


def osmo(context: Context) -> list[Command]:
    """OSMO's control plane, with authentication on; its secrets go from the vault to the cluster."""
    platform = context.platform
    host, client_id = context.need("osmo", "host"), context.need("osmo", "client_id")
    database = manifests.secret("db-secret", "osmo", {"db-password": "${database}"})
    redis = manifests.secret("redis-secret", "osmo", {"redis-password": "${redis}"})
    login = manifests.secret(
        "oauth2-proxy-secrets", "osmo", {"client_secret": "${client_secret}", "cookie_secret": "${cookie_secret}"}
    )
    secrets = {
        "database": vault(platform, platform.osmo_database.secret),
        "redis": vault(platform, platform.osmo_redis.secret),
        "client_secret": vault(platform, "osmo-oauth-client-secret"),
        "cookie_secret": vault(platform, "osmo-oauth-cookie-secret"),
    }
    return [
        apply(manifests.render([database, redis, login]), platform.cluster, secrets),
        helm("osmo", "osmo", values.osmo(platform, host, client_id), platform.cluster),
    ]


def osmo_backend(context: Context) -> list[Command]:
    """The part of OSMO that runs tasks on this cluster."""
    platform = context.platform
    host = context.need("osmo-backend", "host")
    return _backend("default", platform.cluster, host, f"http://{values.GATEWAY}")


def edge_backend(context: Context) -> list[Command]:
    """The part of OSMO that runs tasks on a cluster at the edge."""
    host, edge = context.need("edge-backend", "host"), context.need("edge-backend", "edge_context")
    return _backend("edge", edge, host, f"https://{host}")


def _backend(name: str, kube_context: str, host: str, service_url: str) -> list[Command]:
    user = f"backend-{name}"
    expires = (datetime.now(UTC) + timedelta(days=TOKEN_DAYS)).date().isoformat()
    token = ("osmo", "token", "set", "backend-token", "--user", user, "--roles", "osmo-backend")
    secret = Secret(argv=(*token, "--expires-at", expires, "-t", "json"), field="token")
    manifest = manifests.secret("osmo-operator-token", "osmo-operator", {"token": "${token}"})
    there = (
        "kubectl",
        "--context",
        kube_context,
        "--namespace",
        "osmo-operator",
        "get",
        "secret",
        "osmo-operator-token",
    )
    spaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}}
        for space in ("osmo-operator", "osmo-workflows")
    ]
    return [
        Command(argv=("osmo", "login", f"https://{host}")),
        Command(
            argv=("osmo", "user", "create", user, "--roles", "osmo-backend"),
            unless=("osmo", "user", "get", user, "-t", "json"),
        ),
        apply(manifests.render(spaces), kube_context),
        apply(manifests.render([manifest]), kube_context, {"token": secret}).model_copy(update={"unless": there}),
        helm("osmo-backend", "osmo-backend", values.osmo_backend(name, service_url), kube_context),
    ]


def azureml(context: Context) -> list[Command]:
    """AzureML's extension on the cluster, the cluster as a compute target, and its instance types."""
    platform = context.platform
    group = ("--resource-group", platform.resource_group)
    on_cluster = ("--cluster-type", "managedClusters", "--cluster-name", platform.cluster, "--name", "azureml")
    load_balancer = (
        "internalLoadBalancerProvider=azure" if platform.network_mode == "private" else "inferenceLoadBalancerHA=False"
    )
    settings = ("enableTraining=True", "enableInference=True", "inferenceRouterServiceType=LoadBalancer", load_balancer)
    create = ("az", "k8s-extension", "create", *on_cluster, *group, "--extension-type", "Microsoft.AzureML.Kubernetes")
    secure = ("allowInsecureConnections=False", "sslCname=inference.azureml", "sslSecret=azureml-tls")
    resource = (
        f"/subscriptions/{platform.subscription_id}/resourceGroups/{platform.resource_group}"
        f"/providers/Microsoft.ContainerService/managedClusters/{platform.cluster}"
    )
    workspace = ("--workspace-name", platform.azureml_workspace, *group)
    attach = ("az", "ml", "compute", "attach", "--type", "Kubernetes", "--name", platform.azureml_compute)
    identity_of_jobs = ("--identity-type", "SystemAssigned")
    return [
        Command(
            argv=(*create, "--scope", "cluster", "--release-train", "stable", "--config", *settings, *secure),
            unless=("az", "k8s-extension", "show", *on_cluster, *group),
        ),
        Command(
            argv=(*attach, *workspace, "--resource-id", resource, "--namespace", "azureml", *identity_of_jobs),
            unless=("az", "ml", "compute", "show", "--name", platform.azureml_compute, *workspace),
        ),
        apply(manifests.render(manifests.instance_types(platform)), platform.cluster),
    ]


def dashboards(context: Context) -> list[Command]:
    """Dashboards in Managed Grafana: that of the GPUs, and those of another folder."""
    platform = context.platform
    if platform.grafana is None:
        return []
    target = ("--name", platform.grafana, "--resource-group", platform.resource_group, "--overwrite", "true")
    more = sorted(Path(context.options.dashboards).rglob("*.json")) if context.options.dashboards else []
    return [
        Command(argv=("az", "grafana", "dashboard", "create", *target, "--definition", f"@{path.absolute()}"))
        for path in [*sorted(DASHBOARDS.glob("*.json")), *more]
    ]


STEPS: dict[str, Callable[[Context], list[Command]]] = {
    "cluster": cluster,
    "identity": identity,
    "gpu-operator": gpu,
    "kai-scheduler": scheduler,
    "ingress": ingress,
    "osmo": osmo,
    "osmo-backend": osmo_backend,
    "azureml": azureml,
    "dashboards": dashboards,
    "edge-backend": edge_backend,
}
"""In the order in which they are done. `edge-backend` is for another cluster, and not part of `all`."""

ALL = tuple(name for name in STEPS if name != "edge-backend")


def chosen(step: str) -> tuple[str, ...]:
    """The steps that a word stands for: one, or all in order.

    Raises:
        UnknownStepError: If there is no such step.
    """
    if step != "all" and step not in STEPS:
        raise UnknownStepError(step, tuple(STEPS))
    return ALL if step == "all" else (step,)
