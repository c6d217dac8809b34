"""What stands in the way of the platform, found out before it costs an hour: tools, login, quota, rights, reach."""

import shutil
from collections.abc import Iterator

from ..contracts import Contract
from ..prices import load_prices
from .azure import ask, run
from .command import TOOLS
from .platform import Platform
from .profile import Profile

PROVIDERS = (
    "Microsoft.ContainerService",
    "Microsoft.MachineLearningServices",
    "Microsoft.ContainerRegistry",
    "Microsoft.DBforPostgreSQL",
    "Microsoft.Cache",
    "Microsoft.KeyVault",
    "Microsoft.Monitor",
    "Microsoft.Dashboard",
    "Microsoft.App",
    "Microsoft.EventHub",
)
GRANTING = {"Owner", "User Access Administrator", "Role Based Access Control Administrator"}
BUILDING = {"Owner", "Contributor"}
OAUTH_SECRETS = ("osmo-oauth-client-secret", "osmo-oauth-cookie-secret")
SPOT_QUOTA = "lowPriorityCores"


class Finding(Contract):
    """One thing that was looked at."""

    name: str
    ok: bool
    said: str
    """What was found."""
    mend: str = ""
    """What to do about it; empty when it is well."""


class Diagnosis(Contract):
    """Everything that was looked at."""

    findings: tuple[Finding, ...]

    @property
    def is_well(self) -> bool:
        """Whether nothing stands in the way."""
        return all(finding.ok for finding in self.findings)


def diagnose(profile: Profile, platform: Platform | None) -> Diagnosis:
    """Look at everything, in the order in which it is needed.

    Args:
        profile: What is to be built.
        platform: What has been built, or None before `terraform apply`.
    """
    findings = list(_tools(platform))
    if all(finding.ok for finding in findings if finding.name == "az"):
        login = _login(platform)
        findings.append(login)
        if login.ok:
            findings += [*_providers(), *_quotas(profile), *_rights()]
            findings += [*_reach(platform)] if platform else []
    return Diagnosis(findings=tuple(findings))


def _tools(platform: Platform | None) -> Iterator[Finding]:
    needed = TOOLS if platform else {name: TOOLS[name] for name in ("az", "terraform")}
    for name, mend in needed.items():
        found = shutil.which(name)
        yield Finding(name=name, ok=found is not None, said=found or "not on PATH", mend="" if found else mend)


def _login(platform: Platform | None) -> Finding:
    account = ask("account", "show")
    if not isinstance(account, dict):
        return Finding(name="login", ok=False, said="not logged in", mend="Run `az login`.")
    said = f"{account['user']['name']} in {account['name']}"
    if platform and account["id"] != platform.subscription_id:
        mend = f"Run `az account set --subscription {platform.subscription_id}`."
        return Finding(name="login", ok=False, said=f"{said}, not the platform's subscription", mend=mend)
    return Finding(name="login", ok=True, said=said)


def _providers() -> Iterator[Finding]:
    listed = ask("provider", "list", "--query", "[?registrationState=='Registered'].namespace")
    registered = {name.lower() for name in listed or []}
    missing = [name for name in PROVIDERS if name.lower() not in registered]
    mend = "" if not missing else f"Run `az provider register --namespace {missing[0]} --wait`, and so on."
    yield Finding(name="resource providers", ok=not missing, said=", ".join(missing) or "all registered", mend=mend)


def _quotas(profile: Profile) -> Iterator[Finding]:
    usage = ask("vm", "list-usage", "--location", profile.location)
    left = {row["name"]["value"].lower(): int(row["limit"]) - int(row["currentValue"]) for row in usage or []}
    for family, cores in _cores(profile).items():
        name = f"quota of {family}"
        free = left.get(family.lower())
        if free is None:
            mend = f"Check that {profile.location} has these machines: `az vm list-skus --location {profile.location}`."
            yield Finding(name=name, ok=False, said=f"{profile.location} does not list it", mend=mend)
        else:
            mend = f"Ask for {cores} cores in {profile.location}: https://aka.ms/QuotaIncrease; or lower max_count."
            said = f"{cores} cores needed at most, {free} free"
            yield Finding(name=name, ok=free >= cores, said=said, mend="" if free >= cores else mend)


def _cores(profile: Profile) -> dict[str, int]:
    """Cores that the profile takes at most, by quota."""
    prices = load_prices()
    system = prices.vm(profile.system_pool.vm_size)
    cores = {system.quota_family: system.vcpus * profile.system_pool.max_count}
    for pool in profile.node_pools.values():
        machine = prices.vm(pool.vm_size)
        quota = SPOT_QUOTA if pool.spot else machine.quota_family
        cores[quota] = cores.get(quota, 0) + machine.vcpus * pool.max_count
    return cores


def _rights() -> Iterator[Finding]:
    me = ask("ad", "signed-in-user", "show", "--query", "id")
    words = ("role", "assignment", "list", "--include-inherited", "--include-groups", "--all")
    mine = ask(*words, "--assignee", str(me), "--query", "[].roleDefinitionName") if me else None
    roles = set(mine or [])
    ok = bool(roles & BUILDING) and bool(roles & GRANTING)
    mend = "Ask for Contributor and Role Based Access Control Administrator: Terraform makes resources and gives roles."
    yield Finding(name="rights", ok=ok, said=", ".join(sorted(roles)) or "no role found", mend="" if ok else mend)


def _reach(platform: Platform) -> Iterator[Finding]:
    closed = "Connect to the network (`vpn/`), or add this machine's address to allowed_ips."
    ready = run("kubectl", "--context", platform.cluster, "get", "--raw", "/readyz")
    mend = f"Run `physai infrastructure setup apply cluster`. {closed}"
    said = "answers" if ready.returncode == 0 else (ready.stderr.strip() or "does not answer")[-200:]
    yield Finding(name="cluster", ok=ready.returncode == 0, said=said, mend="" if ready.returncode == 0 else mend)
    names = ask("keyvault", "secret", "list", "--vault-name", platform.key_vault, "--query", "[].name")
    if names is None:
        yield Finding(
            name="key vault", ok=False, said="does not answer", mend=f"Ask for Key Vault Secrets Officer. {closed}"
        )
    else:
        wanted = (platform.osmo_database.secret, platform.osmo_redis.secret, *OAUTH_SECRETS)
        missing = [name for name in wanted if name not in names]
        put = f"az keyvault secret set --vault-name {platform.key_vault} --name {', '.join(missing)} --file FILE"
        mend = "" if not missing else f"Put it there: `{put}`; see infrastructure/terraform/README.md."
        yield Finding(name="key vault", ok=not missing, said=", ".join(missing) or "all secrets are there", mend=mend)
    words = ("storage", "container", "list", "--auth-mode", "login", "--account-name", platform.storage_account)
    there = ask(*words, "--query", "[].name")
    mend = "" if there is not None else f"Ask for Storage Blob Data Contributor. {closed}"
    yield Finding(
        name="storage", ok=there is not None, said="answers" if there is not None else "does not answer", mend=mend
    )
