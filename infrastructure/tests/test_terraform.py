"""The Azure platform: every root and module is formatted, valid and tested, and what is wrong in one is found.

The real `terraform` runs. Where its registry cannot be reached, `scripts/terraform-schemas` serves the providers'
recovered schemas; where it can, the real providers are used. See `infrastructure/terraform/README.md` for what that
proves.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from physai.infrastructure.prices import load_prices
from physai.infrastructure.settings import Settings
from physai.infrastructure.setup.profile import FOLDER, SUFFIX, load_profile, profile_names

ROOT = Path(__file__).parents[2]
TERRAFORM = ROOT / "infrastructure" / "terraform"
MODULES = sorted(path.name for path in (TERRAFORM / "modules").iterdir())
STANDALONE = ("bootstrap", "vpn", "dns", "automation")
PLACES = [*(f"modules/{name}" for name in MODULES), *STANDALONE]

pytestmark = pytest.mark.skipif(
    shutil.which("terraform") is None,
    reason="terraform is not installed; see https://developer.hashicorp.com/terraform",
)

type Environment = dict[str, str]


def is_reachable(host: str) -> bool:
    try:
        with socket.create_connection((host, 443), timeout=3):
            return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """Variables under which `terraform` finds providers: real ones, or their recovered schemas."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    if is_reachable("registry.terraform.io"):
        locks = set(TERRAFORM.rglob(".terraform.lock.hcl"))
        yield {**clean, "TF_PLUGIN_CACHE_DIR": str(tmp_path_factory.mktemp("plugins"))}
        for lock in set(TERRAFORM.rglob(".terraform.lock.hcl")) - locks:
            lock.unlink()  # real providers leave one in every folder
        return
    command = [sys.executable, "scripts/terraform-schemas", "serve", str(tmp_path_factory.mktemp("sockets"))]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        yield {**clean, "TF_CLI_CONFIG_FILE": os.devnull, "TF_REATTACH_PROVIDERS": server.stdout.readline()}
        server.stdin.close()


def terraform(folder: Path, environment: Environment, data: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run one command in a folder that stays clean; `data` takes what terraform keeps beside it."""
    command = ["terraform", f"-chdir={folder}", *words]
    return subprocess.run(
        command, env={**environment, "TF_DATA_DIR": str(data)}, capture_output=True, text=True, check=False, timeout=120
    )


def init(folder: Path, environment: Environment, data: Path) -> None:
    done = terraform(folder, environment, data, "init", "-backend=false", "-no-color")
    assert done.returncode == 0, done.stdout + done.stderr


def test_everything_is_formatted(environment: Environment, tmp_path: Path) -> None:
    done = terraform(TERRAFORM, environment, tmp_path, "fmt", "-check", "-recursive")
    assert done.returncode == 0, f"run `terraform fmt -recursive {TERRAFORM}`: {done.stdout}"


@pytest.mark.parametrize("place", PLACES)
def test_a_module_is_valid_and_its_tests_pass(place: str, environment: Environment, tmp_path: Path) -> None:
    init(TERRAFORM / place, environment, tmp_path)
    valid = terraform(TERRAFORM / place, environment, tmp_path, "validate", "-no-color")
    assert valid.returncode == 0, valid.stdout + valid.stderr
    tested = terraform(TERRAFORM / place, environment, tmp_path, "test", "-no-color")
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert re.search(r"Success! [1-9]\d* passed, 0 failed", tested.stdout), "a module without tests proves nothing"


@pytest.fixture(scope="module")
def root_data(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("root")
    init(TERRAFORM, environment, data)
    return data


def test_the_root_is_valid_and_its_tests_pass(environment: Environment, root_data: Path) -> None:
    for words in (["validate"], ["test", "-filter=tests/root.tftest.hcl"]):
        done = terraform(TERRAFORM, environment, root_data, *words, "-no-color")
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", profile_names())
def test_a_profile_plans(name: str, environment: Environment, root_data: Path) -> None:
    words = ["test", "-no-color", "-filter=tests/profile.tftest.hcl", f"-var-file=profiles/{name}{SUFFIX}"]
    done = terraform(TERRAFORM, environment, root_data, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "undeclared variable" not in done.stdout + done.stderr


RESOURCE = re.compile(r'^resource "\w+" "\w+" \{\n', re.MULTILINE)

# A mistake → (file, what is replaced, by what, what terraform says of it). Each is made once in every module.
MISTAKES: dict[str, tuple[str, re.Pattern[str], str, str]] = {
    "wrong argument": ("main.tf", RESOURCE, r"\g<0>  no_such_argument = true\n", "Unsupported argument"),
    "wrong type": ("main.tf", re.compile(r"= var\.tags$", re.MULTILINE), '= "tags"', "map of string required"),
    "wrong reference": ("outputs.tf", re.compile(r"\.id$", re.MULTILINE), ".identifier", "Unsupported attribute"),
    "no such resource": ("outputs.tf", re.compile(r"azurerm_\w+\.this\b"), r"\g<0>_one", "Reference to undeclared"),
    "missing argument": (
        "main.tf",
        re.compile(r"^  location +=.*\n", re.MULTILINE),
        "",
        'The argument "location" is required',
    ),
}
BLOCKS = {
    "security": ("private_service_connection", "main.tf"),
    "storage": ("private_service_connection", "main.tf"),
    "registry": ("private_service_connection", "main.tf"),
    "azureml": ("scale_settings", "main.tf"),
    "aks": ("default_node_pool", "main.tf"),
    "osmo": ("private_service_connection", "main.tf"),
    "viewer": ("template", "main.tf"),
    "iot": ("sku", "main.tf"),
    "observability": ("destinations", "main.tf"),
}


def without_block(text: str, name: str) -> str:
    """A configuration without the first block of a name."""
    start = text.index(f"\n  {name} {{\n")
    return text[:start] + text[text.index("\n  }\n", start) + 4 :]


@pytest.mark.parametrize("name", MODULES)
def test_what_is_wrong_in_a_module_is_found(name: str, environment: Environment, tmp_path: Path) -> None:
    folder, data = tmp_path / name, tmp_path / "data"
    shutil.copytree(TERRAFORM / "modules" / name, folder)
    init(folder, environment, data)
    for mistake, (file, pattern, replacement, said) in MISTAKES.items():
        right = (folder / file).read_text()
        wrong, count = pattern.subn(replacement, right, count=1)
        assert count == 1, f"{name}: no place for a {mistake}"
        (folder / file).write_text(wrong)
        done = terraform(folder, environment, data, "validate", "-no-color")
        (folder / file).write_text(right)
        assert done.returncode == 1, f"{name}: a {mistake} was not found"
        assert said in " ".join(done.stderr.split()), done.stderr


@pytest.mark.parametrize("name", BLOCKS)
def test_a_missing_block_is_found(name: str, environment: Environment, tmp_path: Path) -> None:
    folder, data = tmp_path / name, tmp_path / "data"
    shutil.copytree(TERRAFORM / "modules" / name, folder)
    init(folder, environment, data)
    block, file = BLOCKS[name]
    (folder / file).write_text(without_block((folder / file).read_text(), block))
    done = terraform(folder, environment, data, "validate", "-no-color")
    assert done.returncode == 1
    assert f"Insufficient {block} blocks" in done.stderr


def test_only_two_modules_have_no_required_block() -> None:
    assert {*BLOCKS, "network", "automation"} == set(MODULES)


@pytest.mark.parametrize("place", [".", *PLACES])
def test_a_module_is_laid_out_as_azure_verified_modules_are(place: str) -> None:
    folder = TERRAFORM / place
    assert {"terraform.tf", "variables.tf", "main.tf", "outputs.tf", "tests"} <= {
        path.name for path in folder.iterdir()
    }
    for file, kind in (("variables.tf", "variable"), ("outputs.tf", "output")):
        for block in re.split(rf'^{kind} "', (folder / file).read_text(), flags=re.MULTILINE)[1:]:
            name = block.partition('"')[0]
            assert "  description" in block, f"{place}: {kind} {name} has no description"
            assert kind == "output" or re.search(r"^  type +=", block, re.MULTILINE), f"{place}: {name} has no type"


def test_the_root_puts_out_the_settings_of_physai() -> None:
    outputs = set(re.findall(r'^output "(\w+)"', (TERRAFORM / "outputs.tf").read_text(), re.MULTILINE))
    cloud = {"subscription_id", "resource_group", "azureml_workspace", "storage", "registry"}
    assert cloud <= outputs & set(Settings.model_fields)


@pytest.mark.parametrize("name", profile_names())
def test_a_job_that_fits_the_limit_fits_the_machine(name: str) -> None:
    for pool in load_profile(name).node_pools.values():
        machine = load_prices().vm(pool.vm_size)
        assert pool.job_limit.gpu == machine.gpus
        assert pool.job_limit.cpu < machine.vcpus
        assert pool.job_limit.memory_gib < machine.memory_gib


def test_a_profile_sets_only_variables_of_the_root() -> None:
    variables = set(re.findall(r'^variable "(\w+)"', (TERRAFORM / "variables.tf").read_text(), re.MULTILINE))
    for path in FOLDER.glob(f"*{SUFFIX}"):
        assert json.loads(path.read_text()).keys() <= variables


@pytest.mark.slow
def test_checkov_finds_nothing_that_is_not_justified_in_place() -> None:
    command = ["uvx", "--from", "checkov==3.3.30", "checkov", "-d", str(TERRAFORM), "--framework", "terraform"]
    quiet = ["--compact", "--skip-download", "--skip-path", "tests", "-o", "json"]
    done = subprocess.run([*command, *quiet], capture_output=True, text=True, check=False, timeout=300)
    report = json.loads(done.stdout)
    failed = [f"{check['check_id']} {check['resource']}" for check in report["results"]["failed_checks"]]
    assert not failed, f"mend it, or say in the resource why it stays: #checkov:skip=ID:reason. {failed}"
    assert report["summary"]["passed"] > 100
    # Its parser does not know an argument named `for`, which Prometheus rules have; they stand in a file of their own.
    unread = [Path(path).name for path in report["results"]["parsing_errors"]]
    assert unread == ["main.alerts.tf"]
