"""Put Flux on an Arc-enabled cluster and point it at the fleet's repository, through the real `az`.

Source: learn.microsoft.com/azure/azure-arc/kubernetes/tutorial-use-gitops-flux2.
"""

import json
import subprocess
from collections.abc import Callable
from typing import Any, Literal

from physai.infrastructure.contracts import Contract

from ..errors import AzureError

TIMEOUT_S = 1800.0

type ClusterType = Literal["connectedClusters", "managedClusters"]
type Run = Callable[[tuple[str, ...]], Any]


class Target(Contract):
    """A cluster on Azure, and what it is to apply."""

    subscription: str
    resource_group: str
    cluster: str
    cluster_type: ClusterType
    repository: str
    branch: str = "main"
    path: str
    """Folder of the repository, e.g. `clusters/plant-1`."""


class Step(Contract):
    """One command, and why it is run or not."""

    command: tuple[str, ...]
    why: str
    done: bool
    """Whether the cluster is that far already."""


def plan(target: Target, run: Run) -> tuple[Step, ...]:
    """What remains to be done; asks the cluster, and changes nothing.

    Raises:
        AzureError: If `az` refuses.
    """
    place = _place(target)
    extensions = run(("az", "k8s-extension", "list", *place))
    has_flux = any(str(one.get("extensionType", "")).lower() == "microsoft.flux" for one in extensions)
    found = [one for one in run(("az", "k8s-configuration", "flux", "list", *place)) if one.get("name") == "fleet"]
    extension = ("az", "k8s-extension", "create", *place, "--name", "flux", "--extension-type", "microsoft.flux")
    verb = "update" if found else "create"
    return (
        Step(command=(*extension, "--scope", "cluster"), why="Flux runs on the cluster", done=has_flux),
        Step(command=_configure(target, verb), why="Flux follows the repository", done=_follows(found, target)),
    )


def apply(steps: tuple[Step, ...], run: Run) -> None:
    """Run what is not done yet, in order.

    Raises:
        AzureError: If `az` refuses; run it again once that is mended, it goes on where it stopped.
    """
    for step in steps:
        if not step.done:
            run(step.command)


def azure(command: tuple[str, ...]) -> Any:
    """Run one command of the Azure CLI; its JSON answer."""
    line = (*command, "--output", "json", "--only-show-errors")
    try:
        done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    except FileNotFoundError as error:
        raise AzureError(command, "az is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise AzureError(command, f"no answer after {TIMEOUT_S:.0f} s") from error
    if done.returncode:
        raise AzureError(command, " ".join(done.stderr.split())[:300])
    try:
        return json.loads(done.stdout or "null")
    except ValueError as error:
        raise AzureError(command, "answered with something that is not JSON") from error


def _place(target: Target) -> tuple[str, ...]:
    return (
        "--subscription", target.subscription, "--resource-group", target.resource_group,
        "--cluster-name", target.cluster, "--cluster-type", target.cluster_type,
    )  # fmt: skip


def _configure(target: Target, verb: str) -> tuple[str, ...]:
    own = ("--namespace", "flux-system", "--scope", "cluster") if verb == "create" else ("--yes",)
    return (
        "az", "k8s-configuration", "flux", verb, *_place(target), "--name", "fleet", *own,
        "--url", target.repository, "--branch", target.branch,
        "--kustomization", "name=fleet", f"path=./{target.path}", "prune=true", "sync_interval=1m",
    )  # fmt: skip


def _follows(found: list[dict[str, Any]], target: Target) -> bool:
    """Whether a configuration on the cluster says what is wanted."""
    if not found:
        return False
    git = found[0].get("gitRepository") or {}
    branch = (git.get("repositoryRef") or {}).get("branch")
    paths = [(one or {}).get("path") for one in (found[0].get("kustomizations") or {}).values()]
    return (git.get("url"), branch) == (target.repository, target.branch) and f"./{target.path}" in paths
