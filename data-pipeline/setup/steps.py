"""Steps that set up an edge, each a list of commands that may be run again and again."""

import sys
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

from physai.infrastructure.errors import PhysaiError
from physai.infrastructure.setup.command import Command

from ..arc import manifests
from ..arc.edge import Edge
from ..arc.units import units

CERT_MANAGER = "microsoft.certmanagement"
CONTAINER_STORAGE = "microsoft.arc.containerstorage"
WATCHES = {"fs.inotify.max_user_instances": 8192, "fs.inotify.max_user_watches": 524288}
"""What k3s and edge volumes ask for. Source: Microsoft, "Prepare Linux for Edge Volumes"."""


class UnknownStepError(PhysaiError):
    """There is no such step."""

    def __init__(self, name: str) -> None:
        near = get_close_matches(name, STEPS, n=1)
        meant = f" Did you mean '{near[0]}'?" if near else ""
        super().__init__(f"step '{name}' is unknown.{meant} Known: {', '.join(STEPS)}.")


class NeedsOptionError(PhysaiError):
    """A step lacks something that it is made from."""

    def __init__(self, step: str, option: str) -> None:
        super().__init__(f"setup {step}: needs {option}. Give it on the command line.")


def commands_of(name: str, edge: Edge) -> list[Command]:
    """Commands of a step, in order.

    Raises:
        UnknownStepError: If there is no such step.
        NeedsOptionError: If the edge lacks something that the step is made from.
    """
    if name not in STEPS:
        raise UnknownStepError(name)
    needed = {
        "storage": ("storage_account",),
        "systemd": ("storage_account",),
        "workloads": ("storage_account", "image"),
    }
    for option in needed.get(name, ()):
        if not getattr(edge, option):
            raise NeedsOptionError(name, f"--{option.replace('_', '-')}")
    return STEPS[name](edge)


def k3s(_edge: Edge) -> list[Command]:
    """Let k3s and edge volumes watch as many files as they need, also after the next start."""
    settings = "".join(f"{name} = {value}\n" for name, value in WATCHES.items())
    return [
        Command(argv=("tee", "/etc/sysctl.d/90-physai.conf"), input=settings),
        Command(argv=("sysctl", "--load", "/etc/sysctl.d/90-physai.conf")),
        Command(argv=("kubectl", "wait", "--for=condition=Ready", "node", "--all", "--timeout=60s")),
    ]


def arc_server(edge: Edge) -> list[Command]:
    """Make the machine a resource of Azure, with the identity of whoever is logged in."""
    connect = ("azcmagent", "connect", "--resource-group", edge.resource_group, "--location", edge.location)
    return [
        Command(
            argv=(*connect, "--resource-name", edge.name, "--use-azcli"),
            unless=("azcmagent", "show", "--check", "Connected"),
        )
    ]


def arc_kubernetes(edge: Edge) -> list[Command]:
    """Make the cluster a resource of Azure, with custom locations and workload identity."""
    who = ("--name", edge.name, "--resource-group", edge.resource_group)
    return [
        Command(argv=("az", "extension", "add", "--upgrade", "--name", "connectedk8s")),
        Command(argv=("az", "extension", "add", "--upgrade", "--name", "k8s-extension")),
        Command(
            argv=(
                *("az", "connectedk8s", "connect", *who, "--location", edge.location),
                *("--enable-oidc-issuer", "--enable-workload-identity"),
            ),
            unless=("az", "connectedk8s", "show", *who, "--output", "none"),
        ),
    ]


def storage(edge: Edge) -> list[Command]:
    """Install Azure Container Storage, and make the edge volume with the part that goes to Blob."""
    return [
        _extension(edge, "cert-manager", CERT_MANAGER),
        _extension(edge, "azure-arc-containerstorage", CONTAINER_STORAGE),
        *_namespace(edge),
        _apply(manifests.storage(edge)),
    ]


def workloads(edge: Edge) -> list[Command]:
    """Run the recorder and the transfer on the cluster."""
    return [*_namespace(edge), _apply(manifests.workloads(edge))]


def systemd(edge: Edge) -> list[Command]:
    """Run the recorder and the transfer on the machine itself."""
    program = str(Path(sys.executable).with_name("physai"))
    user = ("useradd", "--system", "--no-create-home", "physai")
    return [
        Command(argv=user, unless=("id", "physai")),
        *(
            Command(argv=("tee", f"/etc/systemd/system/{name}"), input=text)
            for name, text in units(edge, program).items()
        ),
        Command(argv=("systemctl", "daemon-reload")),
        Command(argv=("systemctl", "enable", "--now", "physai-recorder.service", "physai-transfer.timer")),
    ]


STEPS: dict[str, Callable[[Edge], list[Command]]] = {
    "k3s": k3s,
    "arc-server": arc_server,
    "arc-kubernetes": arc_kubernetes,
    "storage": storage,
    "workloads": workloads,
    "systemd": systemd,
}


def _extension(edge: Edge, name: str, kind: str) -> Command:
    who = ("--cluster-name", edge.name, "--resource-group", edge.resource_group, "--cluster-type", "connectedClusters")
    return Command(
        argv=("az", "k8s-extension", "create", *who, "--name", name, "--extension-type", kind, "--scope", "cluster"),
        unless=("az", "k8s-extension", "show", *who, "--name", name, "--output", "none"),
    )


def _namespace(edge: Edge) -> list[Command]:
    probe = ("kubectl", "get", "namespace", edge.namespace)
    return [Command(argv=("kubectl", "create", "namespace", edge.namespace), unless=probe)]


def _apply(found: list[manifests.Manifest]) -> Command:
    return Command(argv=("kubectl", "apply", "--server-side", "--filename", "-"), input=manifests.text(found))
