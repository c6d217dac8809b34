"""Taking the platform down: first what would be lost, then a name that is typed, then Terraform."""

from pathlib import Path

from ..contracts import Contract
from .azure import ask
from .command import Command
from .errors import RefusedError
from .platform import Platform

TERRAFORM = Path(__file__).parents[1] / "terraform"
UNKNOWN = "unknown: it did not answer"


class Holding(Contract):
    """Something that holds data."""

    what: str
    name: str
    content: str
    """What is in it, or that nobody could tell."""


class Losses(Contract):
    """What goes when the platform is destroyed."""

    platform: str
    holdings: tuple[Holding, ...]
    locks: tuple[str, ...]
    """Locks that keep it from being destroyed, or that nobody could tell."""


def losses(platform: Platform) -> Losses:
    """Ask Azure what the platform holds; what cannot be asked is said to be unknown, never empty."""
    group = ("--resource-group", platform.resource_group)
    containers = ask("storage", "container", "list", "--auth-mode", "login", "--account-name", platform.storage_account)
    repositories = ask("acr", "repository", "list", "--name", platform.registry.partition(".")[0])
    models = ask("ml", "model", "list", "--workspace-name", platform.azureml_workspace, *group)
    locks = ask("lock", "list", *group)
    return Losses(
        platform=platform.name,
        holdings=(
            Holding(what="storage account", name=platform.storage_account, content=_names(containers)),
            Holding(what="container registry", name=platform.registry, content=_names(repositories)),
            Holding(what="models", name=platform.azureml_workspace, content=_names(models)),
            Holding(what="OSMO's database", name=platform.osmo_database.host, content="workflows, users, tokens"),
            Holding(what="key vault", name=platform.key_vault, content="secrets; recoverable for 90 days"),
        ),
        locks=tuple(f"{lock['name']} ({lock['level']})" for lock in locks) if isinstance(locks, list) else (UNKNOWN,),
    )


def _names(listed: object) -> str:
    if not isinstance(listed, list):
        return UNKNOWN
    names = [item["name"] if isinstance(item, dict) else str(item) for item in listed]
    return ", ".join(names) or "empty"


def confirm(platform: Platform, typed: str) -> None:
    """Compare what was typed with the platform's name.

    Raises:
        RefusedError: If they differ.
    """
    if typed != platform.name:
        raise RefusedError(typed, platform.name)


def commands(platform: Platform, var_file: Path, plan: Path) -> list[Command]:
    """Plan the destruction, and apply that very plan."""
    terraform = ("terraform", f"-chdir={TERRAFORM}")
    where = (f"-var=subscription_id={platform.subscription_id}", f"-var=tenant_id={platform.tenant_id}")
    return [
        Command(argv=(*terraform, "plan", "-destroy", "-input=false", f"-var-file={var_file}", *where, f"-out={plan}")),
        Command(argv=(*terraform, "apply", "-input=false", str(plan))),
    ]
