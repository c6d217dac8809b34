"""Setting the platform up: values that charts have, commands that may be run again, and nothing that shows a secret.

`az`, `kubectl`, `helm`, `osmo` and `terraform` are programs on PATH that write down how they were called.
"""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from physai.infrastructure.errors import PhysaiError
from physai.infrastructure.settings import settings
from physai.infrastructure.setup import values
from physai.infrastructure.setup.apply import apply_step
from physai.infrastructure.setup.charts import check_values, load_charts
from physai.infrastructure.setup.cli import app
from physai.infrastructure.setup.command import Command, Runner, Secret
from physai.infrastructure.setup.cost import cost_of, markdown
from physai.infrastructure.setup.doctor import diagnose
from physai.infrastructure.setup.errors import CommandError, MissingToolError, NoPlatformError, UnknownValueError
from physai.infrastructure.setup.manifests import instance_types
from physai.infrastructure.setup.platform import Platform, read_platform
from physai.infrastructure.setup.profile import FOLDER, SUFFIX, UnknownProfileError, load_profile, profile_names
from physai.infrastructure.setup.steps import ALL, STEPS, Context, Options

ROOT = Path(__file__).parents[2]
TENANT = "00000000-0000-0000-0000-000000000001"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
HOST = "osmo.example.com"
PASSWORD = "hunter2: 'of' the\\vault #1"  # which YAML would take for something else, were it not quoted

# The program looks its answer up in answers.json: the first pattern that its command line contains.
FAKE = """#!{python}
import json, pathlib, sys
folder = pathlib.Path({folder!r})
line = " ".join([pathlib.Path(sys.argv[0]).name, *sys.argv[1:]])
text = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read()
with (folder / "calls.jsonl").open("a") as file:
    file.write(json.dumps([line, text]) + "\\n")
for pattern, (code, answer) in json.loads((folder / "answers.json").read_text()).items():
    if pattern in line:
        sys.stdout.write(answer)
        sys.stderr.write("broken pipe of the fake\\n" if code else "")
        sys.exit(code)
"""
OUTPUTS = {
    "subscription_id": SUBSCRIPTION,
    "resource_group": "rg-physai-dev",
    "azureml_workspace": "mlw-physai-dev",
    "platform": {
        "name": "physai-dev",
        "environment": "dev",
        "location": "eastus",
        "tenant_id": TENANT,
        "network_mode": "public",
        "cluster": "aks-physai-dev",
        "registry": "crphysaidev.azurecr.io",
        "storage_account": "stphysaidev",
        "containers": {"workflows": "azure://stphysaidev/workflows"},
        "key_vault": "kv-physai-dev",
        "identities": {"jobs": "client-of-jobs", "osmo": "client-of-osmo"},
        "endpoint_identity_id": "/subscriptions/s/id",
        "node_pools": {
            "cpu": {
                "vm_size": "Standard_D8ds_v5",
                "max_count": 2,
                "min_count": 0,
                "spot": False,
                "platform": "cpu",
                "osmo_pool": "default",
                "job_limit": {"cpu": 7, "memory_gib": 26, "gpu": 0},
            },
            "a100spot": {
                "vm_size": "Standard_NC24ads_A100_v4",
                "max_count": 8,
                "min_count": 0,
                "spot": True,
                "platform": "a100-spot",
                "osmo_pool": "default",
                "job_limit": {"cpu": 22, "memory_gib": 200, "gpu": 1},
            },
        },
        "azureml_compute": "aks",
        "osmo_database": {
            "host": "psql",
            "port": 5432,
            "name": "osmo",
            "user": "osmo",
            "secret": "osmo-postgresql-password",
        },
        "osmo_redis": {"host": "redis", "port": 10000, "secret": "osmo-redis-password"},
        "grafana": "amg-physai-dev",
        "prometheus_query_endpoint": "https://prometheus.example",
    },
}


class Fakes:
    """The programs on PATH, what they answer, and how they were called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.answer({})

    def answer(self, answers: dict[str, tuple[int, str]]) -> None:
        (self.folder / "answers.json").write_text(json.dumps(answers))

    def calls(self) -> list[tuple[str, str]]:
        path = self.folder / "calls.jsonl"
        return [tuple(json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []

    def forget(self) -> None:
        (self.folder / "calls.jsonl").unlink(missing_ok=True)


@pytest.fixture
def fakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fakes:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("az", "kubectl", "kubelogin", "helm", "osmo", "terraform"):
        (folder / name).write_text(FAKE.format(python=sys.executable, folder=str(folder)))
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return Fakes(folder)


@pytest.fixture
def outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PHYSAI_HOME", str(tmp_path))
    settings.cache_clear()
    path = tmp_path / "terraform-outputs.json"
    path.write_text(json.dumps({name: {"value": value} for name, value in OUTPUTS.items()}))
    yield path
    settings.cache_clear()


@pytest.fixture
def platform(outputs: Path) -> Platform:
    return read_platform(outputs)


@pytest.fixture
def context(platform: Platform) -> Context:
    return Context(platform=platform, options=Options(host=HOST, client_id="client-of-people", edge_context="edge"))


def chart_values(commands: list[Command]) -> dict[str, Any]:
    [command] = [command for command in commands if command.argv[0] == "helm"]
    assert command.input
    return yaml.safe_load(command.input)


# --- what is generated


def test_osmo_asks_for_a_login_on_every_path(context: Context) -> None:
    osmo = chart_values(STEPS["osmo"](context))
    assert osmo["services"]["service"]["auth"]["enabled"] is True
    assert osmo["gateway"]["oauth2Proxy"]["enabled"] is True
    assert osmo["gateway"]["authz"]["enabled"] is True
    assert (
        osmo["gateway"]["envoy"]["jwt"]["providers"][0]["issuer"] == f"https://login.microsoftonline.com/{TENANT}/v2.0"
    )
    assert "defaultIdentity" not in osmo["gateway"]["envoy"], "a caller without a login would be somebody"


def test_a_platform_is_the_node_pool_under_one_name(context: Context) -> None:
    configs = chart_values(STEPS["osmo"](context))["services"]["configs"]
    assert {name for name, made in configs["pools"]["default"]["platforms"].items() if made} == {"cpu", "a100-spot"}
    assert configs["pools"]["default"]["default_platform"] == "cpu"
    template = configs["podTemplates"]["platform_a100-spot"]["spec"]
    assert template["nodeSelector"] == {"physai.io/platform": "a100-spot"}
    assert {taint["key"] for taint in template["tolerations"]} == {
        "nvidia.com/gpu",
        "kubernetes.azure.com/scalesetpriority",
    }
    names = [kind["metadata"]["name"] for kind in instance_types(context.platform)]
    assert names == ["cpu", "a100-spot"]


def test_a_task_acts_as_the_identity_of_jobs(context: Context) -> None:
    configs = chart_values(STEPS["osmo"](context))["services"]["configs"]
    label = {"azure.workload.identity/use": "true"}
    assert all(template["metadata"]["labels"] == label for template in configs["podTemplates"].values())
    [command] = STEPS["identity"](context)
    made = {
        (manifest["metadata"]["namespace"], manifest["metadata"]["name"]): manifest["metadata"]["annotations"]
        for manifest in yaml.safe_load_all(command.input or "")
        if manifest["kind"] == "ServiceAccount"
    }
    assert made["osmo-workflows", "default"] == {"azure.workload.identity/client-id": "client-of-jobs"}
    federated = (ROOT / "infrastructure/terraform/locals.tf").read_text()
    assert all(f'"{namespace}/{name}"' in federated for namespace, name in made), "Entra must trust these accounts"


def test_a_task_that_no_node_can_hold_is_refused_while_there_are_no_nodes(context: Context) -> None:
    rules = chart_values(STEPS["osmo"](context))["services"]["configs"]["resourceValidations"]["platform_cpu"]
    assert {rule["left_operand"]: rule["right_operand"] for rule in rules} == {
        "{{USER_CPU}}": "7",
        "{{USER_MEMORY}}": "26Gi",
        "{{USER_GPU}}": "0",
    }


def test_a_misspelt_value_is_refused() -> None:
    with pytest.raises(UnknownValueError, match=r"dcgmExporter.enable'"):
        check_values("gpu-operator", {"dcgmExporter": {"enable": True}})


def test_every_chart_is_pinned_and_osmo_is_6_3_or_later(context: Context) -> None:
    for chart in load_charts().values():
        assert re.fullmatch(r"v?\d+\.\d+\.\d+", chart.version)
    for name in ALL:
        for command in STEPS[name](context):
            assert command.argv[0] != "helm" or "--version" in command.argv
    assert tuple(int(part) for part in values.OSMO_VERSION.split(".")) >= (6, 3, 0)


@pytest.mark.parametrize("mode", ["public", "private"])
def test_a_private_platform_has_a_private_ingress(mode: str, context: Context) -> None:
    changed = context.model_copy(update={"platform": context.platform.model_copy(update={"network_mode": mode})})
    [command] = STEPS["ingress"](changed)
    assert ("azure-load-balancer-internal" in (command.input or "")) == (mode == "private")


def test_a_dashboard_asks_for_what_is_recorded() -> None:
    recorded = (ROOT / "infrastructure/terraform/modules/observability/main.alerts.tf").read_text()
    for path in (ROOT / "infrastructure/setup/dashboards").glob("*.json"):
        for panel in json.loads(path.read_text())["panels"]:
            for name in re.findall(r"physai:\w+:\w+", panel["targets"][0]["expr"]):
                assert f'"{name}"' in recorded


def test_dashboards_of_another_folder_come_too(context: Context, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "fleet.json").write_text("{}")
    options = context.options.model_copy(update={"dashboards": str(tmp_path / "more")})
    commands = STEPS["dashboards"](context.model_copy(update={"options": options}))
    assert [command.argv[-1].rsplit("/", 1)[-1] for command in commands] == ["gpus.json", "fleet.json"]


# --- what is done


def test_all_steps_run_and_no_secret_is_on_a_command_line(fakes: Fakes, context: Context, tmp_path: Path) -> None:
    fakes.answer(
        {"keyvault secret show": (0, f"{PASSWORD}\n"), "osmo token set": (0, 'New client!\n{"token": "t0ken"}')}
    )
    fakes.answer(
        {
            "keyvault secret show": (0, f"{PASSWORD}\n"),
            "osmo token set": (0, 'New client 6.3.2 available\n{"token": "t0ken"}'),
            "osmo user get": (1, ""),
            "get secret osmo-operator-token": (1, ""),
            "k8s-extension show": (1, ""),
            "compute show": (1, ""),
        }
    )
    told: list[str] = []
    for name in ALL:
        assert apply_step(name, context, tmp_path / "state", tell=told.append).ran == len(STEPS[name](context))
    lines = [line for line, _ in fakes.calls()]
    assert not [line for line in [*lines, *told] if PASSWORD in line or "t0ken" in line]
    secrets = next(text for line, text in fakes.calls() if "apply" in line and "db-secret" in text)
    assert [made["stringData"] for made in yaml.safe_load_all(secrets)] == [
        {"db-password": PASSWORD},
        {"redis-password": PASSWORD},
        {"client_secret": PASSWORD, "cookie_secret": PASSWORD},
    ]
    assert any("stringData" in text and "t0ken" in text for _, text in fakes.calls())


def test_what_is_done_is_not_done_again(fakes: Fakes, context: Context, tmp_path: Path) -> None:
    assert apply_step("cluster", context, tmp_path).ran == 4
    fakes.forget()
    assert apply_step("cluster", context, tmp_path).model_dump() == {"step": "cluster", "ran": 0, "skipped": 4}
    assert fakes.calls() == []
    assert apply_step("cluster", context, tmp_path, again=True).ran == 4


def test_a_step_goes_on_where_it_broke_off(fakes: Fakes, context: Context, tmp_path: Path) -> None:
    fakes.answer({"kubelogin": (1, "")})
    with pytest.raises(CommandError, match="broken pipe of the fake"):
        apply_step("cluster", context, tmp_path)
    fakes.forget()
    fakes.answer({})
    assert apply_step("cluster", context, tmp_path).model_dump() == {"step": "cluster", "ran": 2, "skipped": 2}
    assert [line.split()[0] for line, _ in fakes.calls()] == ["kubelogin", "kubectl"]


def test_a_killed_step_goes_on_where_it_was(fakes: Fakes, outputs: Path) -> None:
    (fakes.folder / "kubelogin").write_text(f"#!{sys.executable}\nimport time\ntime.sleep(600)\n")
    script = "from physai.infrastructure.cli import main; main()"
    command = [sys.executable, "-c", script, "infrastructure", "setup", "apply", "cluster"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stderr
        for line in process.stderr:
            if line.startswith("kubelogin"):
                break
        os.killpg(process.pid, signal.SIGKILL)
    (fakes.folder / "kubelogin").write_text((fakes.folder / "az").read_text())
    fakes.forget()
    done = call("setup", "apply", "cluster", "--json")
    assert json.loads(done.stdout)["done"] == [{"step": "cluster", "ran": 2, "skipped": 2}]
    assert [line.split()[0] for line, _ in fakes.calls()] == ["kubelogin", "kubectl"]


def test_a_changed_step_is_done_anew(fakes: Fakes, context: Context, tmp_path: Path) -> None:
    apply_step("osmo-backend", context, tmp_path)
    elsewhere = context.model_copy(update={"options": context.options.model_copy(update={"host": "other.example.com"})})
    assert apply_step("osmo-backend", elsewhere, tmp_path).ran > 0


def test_a_changed_dashboard_is_handed_over_again(fakes: Fakes, context: Context, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "fleet.json").write_text("{}")
    options = context.options.model_copy(update={"dashboards": str(tmp_path / "more")})
    more = context.model_copy(update={"options": options})
    assert apply_step("dashboards", more, tmp_path).ran == 2
    assert apply_step("dashboards", more, tmp_path).ran == 0
    (tmp_path / "more" / "fleet.json").write_text('{"title": "Fleet"}')
    assert apply_step("dashboards", more, tmp_path).ran == 2


def test_a_damaged_memory_of_a_step_means_doing_it_again(fakes: Fakes, context: Context, tmp_path: Path) -> None:
    apply_step("cluster", context, tmp_path)
    (tmp_path / "cluster.json").write_text('{"digest": "sha')
    assert apply_step("cluster", context, tmp_path).ran == 4


def test_a_probe_that_finds_it_there_leaves_it(fakes: Fakes, context: Context, tmp_path: Path) -> None:
    fakes.answer({"k8s-extension show": (0, "{}"), "compute show": (0, "{}")})
    assert apply_step("azureml", context, tmp_path).model_dump() == {"step": "azureml", "ran": 1, "skipped": 2}


def test_a_missing_program_says_how_to_install_it(fakes: Fakes) -> None:
    (fakes.folder / "helm").unlink()
    with pytest.raises(MissingToolError, match=r"helm: not on PATH. Install Helm"):
        Runner("gpu-operator").run(Command(argv=("helm", "version")))


def test_a_token_that_is_not_there_is_an_error(fakes: Fakes) -> None:
    fakes.answer({"osmo": (0, "you are not logged in")})
    command = Command(
        argv=("kubectl", "apply"), input="${t}", secrets={"t": Secret(argv=("osmo", "token"), field="token")}
    )
    with pytest.raises(CommandError, match="no 'token' in its output"):
        Runner("osmo-backend").run(command)


def test_outputs_of_something_else_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "terraform-outputs.json"
    with pytest.raises(NoPlatformError, match="there are no outputs"):
        read_platform(path)
    path.write_text('{"cluster": {"value": "aks"}}')
    with pytest.raises(NoPlatformError, match="not the outputs of infrastructure/terraform"):
        read_platform(path)


# --- commands


def call(*words: str, typed: str | None = None) -> Any:
    return CliRunner().invoke(app, list(words), input=typed)


def test_a_plan_runs_nothing_and_names_every_command(fakes: Fakes, outputs: Path) -> None:
    done = call("setup", "plan", "all", "--host", HOST, "--client-id", "people")
    assert done.exit_code == 0, done.output
    for word in ("gpu-operator --repo", "kai-scheduler-v0.14.0.tgz", "osmo-oauth-client-secret", "InstanceType"):
        assert word in done.output
    assert fakes.calls() == []


def test_apply_with_plan_runs_nothing(fakes: Fakes, outputs: Path) -> None:
    assert "helm upgrade" in call("setup", "apply", "gpu-operator", "--plan").output
    assert fakes.calls() == []


def test_a_missing_option_is_found_before_anything_runs(fakes: Fakes, outputs: Path) -> None:
    done = call("setup", "apply", "all")
    assert isinstance(done.exception, PhysaiError)
    assert "--host" in str(done.exception)
    assert fakes.calls() == []


def test_an_unknown_step_names_the_known_ones(outputs: Path) -> None:
    assert "gpu-operator" in str(call("setup", "plan", "gpus").exception)


WELL = {
    "account show": (0, json.dumps({"id": SUBSCRIPTION, "name": "robots", "user": {"name": "ada"}})),
    "signed-in-user": (0, '"ada"'),
    "role assignment list": (0, '["Contributor", "Role Based Access Control Administrator"]'),
    "keyvault secret list": (
        0,
        json.dumps(
            [
                "osmo-postgresql-password",
                "osmo-redis-password",
                "osmo-oauth-client-secret",
                "osmo-oauth-cookie-secret",
            ]
        ),
    ),
    "container list": (0, '["datasets"]'),
}


def usage(family: str, limit: int, used: int = 0) -> dict[str, Any]:
    return {"name": {"value": family}, "limit": str(limit), "currentValue": used}


def well() -> dict[str, tuple[int, str]]:
    from physai.infrastructure.setup.doctor import PROVIDERS

    # dev at most: D8ds_v5 3 system + 2 cpu nodes of 8 cores = 40; one A10 machine of 36.
    quotas = [usage("standardDDSv5Family", 100, 60), usage("StandardNVADSA10v5Family", 36)]
    return {**WELL, "provider list": (0, json.dumps(list(PROVIDERS))), "list-usage": (0, json.dumps(quotas))}


def test_a_healthy_platform_passes(fakes: Fakes, platform: Platform) -> None:
    fakes.answer(well())
    found = diagnose(load_profile("dev"), platform)
    assert found.is_well, [finding for finding in found.findings if not finding.ok]


@pytest.mark.parametrize(
    ("pattern", "answer", "name", "mend"),
    [
        ("account show", (1, ""), "login", "az login"),
        (
            "account show",
            (0, json.dumps({"id": "other", "name": "o", "user": {"name": "ada"}})),
            "login",
            f"az account set --subscription {SUBSCRIPTION}",
        ),
        (
            "provider list",
            (0, "[]"),
            "resource providers",
            "az provider register --namespace Microsoft.ContainerService",
        ),
        (
            "list-usage",
            (0, json.dumps([usage("standardDDSv5Family", 100, 61), usage("StandardNVADSA10v5Family", 36)])),
            "quota of standardDDSv5Family",  # 39 free, 40 needed
            "Ask for 40 cores in eastus",
        ),
        (
            "list-usage",
            (0, json.dumps([usage("standardDDSv5Family", 100)])),
            "quota of StandardNVADSA10v5Family",
            "az vm list-skus",
        ),
        ("role assignment list", (0, '["Contributor"]'), "rights", "Role Based Access Control Administrator"),
        ("readyz", (1, ""), "cluster", "setup apply cluster"),
        ("keyvault secret list", (1, ""), "key vault", "Key Vault Secrets Officer"),
        ("keyvault secret list", (0, "[]"), "key vault", "az keyvault secret set"),
        ("container list", (1, ""), "storage", "Storage Blob Data Contributor"),
    ],
)
def test_doctor_says_how_to_mend(
    pattern: str, answer: tuple[int, str], name: str, mend: str, fakes: Fakes, platform: Platform
) -> None:
    fakes.answer({**well(), pattern: answer})
    [finding] = [finding for finding in diagnose(load_profile("dev"), platform).findings if not finding.ok]
    assert finding.name == name
    assert mend in finding.mend


def test_doctor_names_a_missing_tool_and_fails(fakes: Fakes, outputs: Path) -> None:
    fakes.answer(well())
    (fakes.folder / "helm").unlink()
    done = call("doctor", "--json")
    assert done.exit_code == 1
    [finding] = [finding for finding in json.loads(done.stdout)["findings"] if not finding["ok"]]
    assert finding["name"] == "helm"


def test_destroy_shows_what_holds_data_and_stops_at_a_wrong_name(fakes: Fakes, outputs: Path) -> None:
    fakes.answer({"container list": (0, '[{"name": "datasets"}]'), "repository list": (1, "")})
    done = call("destroy", "--profile", "dev", "--json", typed="physai-prod\n")
    assert isinstance(done.exception, PhysaiError)
    assert "Nothing was destroyed" in str(done.exception)
    held = {
        holding["what"]: holding["content"]
        for holding in json.loads(done.stdout[: done.stdout.rindex("}") + 1])["holdings"]
    }
    assert held["storage account"] == "datasets"
    assert held["container registry"] == "unknown: it did not answer", "silence is not emptiness"
    assert '"unknown: it did not answer"' in done.stdout.partition('"locks"')[2]
    assert not [line for line, _ in fakes.calls() if line.startswith("terraform")]


def test_destroy_applies_the_very_plan_that_it_made(fakes: Fakes, outputs: Path) -> None:
    done = call("destroy", "--profile", "dev", "--confirm", "physai-dev")
    assert done.exit_code == 0, done.output
    plan, apply = [line for line, _ in fakes.calls() if line.startswith("terraform")]
    file = re.search(r"-out=(\S+)", plan)
    assert file
    assert apply.endswith(file.group(1))
    assert f"-var=subscription_id={SUBSCRIPTION}" in plan


def test_after_a_destruction_the_platform_is_set_up_anew(fakes: Fakes, outputs: Path) -> None:
    assert json.loads(call("setup", "apply", "cluster", "--json").stdout)["done"][0]["ran"] == 4
    assert call("destroy", "--profile", "dev", "--confirm", "physai-dev").exit_code == 0
    assert json.loads(call("setup", "apply", "cluster", "--json").stdout)["done"][0]["ran"] == 4


# --- costs


def test_a_bill_is_added_up_by_hand() -> None:
    # dev, eastus, 730 h: one D8ds_v5 0.452·730 = 329.96; NAT 0.045·730 = 32.85; address 0.005·730 = 3.65; registry 5;
    # PostgreSQL 0.017·730 = 12.41; 32 GiB·0.138 = 4.416; Redis 0.065·730 = 47.45; one zone 0.50. Together 436.24.
    bill = cost_of("dev", load_profile("dev"))
    assert bill.fixed_usd_per_month == pytest.approx(436.24)
    assert {pool.name: (pool.node_usd_per_hour, pool.max_usd_per_hour) for pool in bill.pools} == {
        "cpu": (0.452, 0.904),
        "a10": (3.2, 3.2),
    }


def test_prices_of_another_region_are_called_so(tmp_path: Path) -> None:
    profile = tmp_path / "lab.tfvars.json"
    profile.write_text((FOLDER / f"dev{SUFFIX}").read_text().replace("eastus", "northeurope"))
    told = CliRunner().invoke(app, ["cost", "--profile", str(profile)])
    assert f"note: {profile} is in northeurope, and the prices are those of eastus" in told.stderr
    assert "note:" not in CliRunner().invoke(app, ["cost", "--profile", "dev"]).stderr


def test_the_page_of_costs_is_that_of_the_table() -> None:
    page = ROOT / "infrastructure" / "terraform" / "COSTS.md"
    costs = [cost_of(name, load_profile(name)) for name in profile_names()]
    assert page.read_text() == markdown(costs), f"run `physai infrastructure cost --markdown {page.relative_to(ROOT)}`"


def test_the_bill_counts_what_terraform_makes() -> None:
    zones = (ROOT / "infrastructure/terraform/modules/network/locals.tf").read_text().count('"privatelink.')
    lines = {line.what: line.count for line in cost_of("private", load_profile("private")).fixed}
    assert lines["private DNS zones"] == zones + 1  # and PostgreSQL's
    # vault 1, storage 2, registry 1, AzureML 3, Redis 1, Event Hubs 1
    assert lines["private endpoints"] == 9


def test_an_unknown_profile_names_the_known_ones() -> None:
    with pytest.raises(UnknownProfileError, match="dev, private, prod"):
        load_profile("staging")


def test_the_environment_of_the_session_is_left_alone() -> None:
    assert "PHYSAI_HOME" in os.environ
