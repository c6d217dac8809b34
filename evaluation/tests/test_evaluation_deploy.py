"""Deployment: what is written, what AzureML's own SDK sends, in which order, and when traffic moves."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, override

import kubernetes_validate
import pytest
import yaml
from typer.testing import CliRunner

from physai.evaluation.cli import app
from physai.evaluation.deploy import kubernetes
from physai.evaluation.deploy.azureml import (
    DEPLOYMENT_FILE,
    ENDPOINT_FILE,
    AzureMLTarget,
    check_files,
    definitions,
    laid_out,
    write_files,
)
from physai.evaluation.deploy.prove import prove
from physai.evaluation.deploy.rollover import roll_over
from physai.evaluation.deploy.target import Target
from physai.evaluation.errors import DeployError, EvaluationError, HostError, WrongPolicyError
from physai.evaluation.sil.host import PolicyHost
from physai.evaluation.sil.served import ServedPolicy, mounted
from physai.evaluation.sil.server import running
from physai.infrastructure.contracts import PolicyPackage, digest_file
from physai.infrastructure.jobs.azureml.errors import RefusedError
from physai.infrastructure.registry import manifest_digest
from physai.infrastructure.storage import open_store
from physai.infrastructure.tests.azureml_service import Arm, workspace

IMAGE = "robots.example/physai-host@sha256:" + "0" * 64
STORE = "azure://robots/models/policies"
TRITON = 'name: "linear"\nplatform: "onnxruntime_onnx"\ndefault_model_filename: "policy.onnx"\n'


def on_azureml(package: Path, image: str | None = IMAGE) -> AzureMLTarget:
    return AzureMLTarget(target=Target.of("reach", package), store=STORE, image=image)


@dataclass
class Endpoints(Arm):
    """The same service for online endpoints, whose deployments are all one host of ours."""

    url: str = ""
    events: list[str] = field(default_factory=list)
    """What changed, in order."""

    @override
    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        kind, _, name = path.rpartition("/")
        if path.endswith("/deployments"):
            return 200, {"value": [each for key, each in self.resources.items() if key.startswith(f"{path}/")]}
        if method == "PUT" and "/onlineEndpoints" in path:
            if self.refuse and "/deployments/" in path:
                return self.refuse
            self.events.append(f"{kind.rpartition('/')[2]} {name} {body['properties'].get('traffic') or ''}".strip())
        if method == "PUT" and "/models/" in path:
            body["properties"].setdefault("flavors", {})
        status, found = super().answer(method, path, query, body)
        if kind.endswith("/onlineEndpoints") and status == 200:
            found["properties"] |= {"scoringUri": f"{self.url}/", "provisioningState": "Succeeded"}
        return status, found


@pytest.fixture
def definitions_of(tmp_path: Path):
    def write(wanted: AzureMLTarget) -> Path:
        folder = tmp_path / f"definitions-{wanted.target.short}"
        write_files(definitions(wanted), folder)
        return folder

    return write


@pytest.fixture(scope="module")
def triton_package(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package with the configuration that `physai training package build` adds."""
    folder = tmp_path_factory.mktemp("triton") / "hold"
    shutil.copytree(package, folder)
    (folder / "config.pbtxt").write_text(TRITON)
    contract = PolicyPackage.read(folder / "package.json")
    files = contract.files | {"config.pbtxt": digest_file(folder / "config.pbtxt")}
    contract.model_copy(update={"files": files}).write(folder / "package.json")
    return folder


def test_azure_ai_ml_takes_the_definitions_and_they_pin_package_and_image(package: Path, definitions_of) -> None:
    wanted = on_azureml(package)
    endpoint, model, deployment = check_files(definitions_of(wanted)).values()
    digest = manifest_digest(package)
    assert (endpoint.name, endpoint.auth_mode) == ("reach", "aad_token")
    assert model.path == f"azureml://datastores/models/paths/policies/packages/{digest.replace(':', '-')}"
    assert deployment.name == f"p-{digest[7:19]}"
    assert deployment.tags == {"physai.package": digest}
    assert deployment.environment.image == IMAGE
    routes = deployment.environment.inference_config
    assert (routes.readiness_route.port, routes.readiness_route.path) == (8000, "/v2/health/ready")
    assert "traffic" not in yaml.safe_load((definitions_of(wanted) / ENDPOINT_FILE).read_text())


def test_a_definition_that_azure_ai_ml_refuses_is_named(package: Path, definitions_of) -> None:
    folder = definitions_of(on_azureml(package))
    broken = yaml.safe_load((folder / DEPLOYMENT_FILE).read_text()) | {"instance_kount": 3}
    (folder / DEPLOYMENT_FILE).write_text(yaml.safe_dump(broken))
    with pytest.raises(DeployError, match=r"deployment\.yaml: azure-ai-ml refuses it: .*instance_kount"):
        check_files(folder)


def test_triton_gets_a_model_repository_and_no_image(triton_package: Path, package: Path, definitions_of) -> None:
    _, model, deployment = check_files(definitions_of(on_azureml(triton_package, image=None))).values()
    assert (model.type, deployment.environment) == ("triton_model", None)
    assert set(laid_out(triton_package, triton=True)) == {"linear/config.pbtxt", "linear/1/policy.onnx"}
    with pytest.raises(DeployError, match=r"has no config\.pbtxt"):
        laid_out(package, triton=True)


def test_traffic_moves_to_a_new_package_after_its_golden_answers_and_the_old_one_stands_by(
    package: Path, other_package: Path, definitions_of, tmp_path: Path
) -> None:
    store = open_store(str(tmp_path / "store"))
    first, second = on_azureml(package), on_azureml(other_package)
    with workspace(Endpoints()) as (arm, client):
        for wanted, folder in ((first, package), (second, other_package)):
            with running(PolicyHost([ServedPolicy.load(folder)])) as arm.url:
                done = roll_over(wanted, definitions_of(wanted), client, store)
        with running(PolicyHost([ServedPolicy.load(other_package)])) as arm.url:
            again = roll_over(second, definitions_of(second), client, store)
    blue, green = first.target.deployment, second.target.deployment
    assert arm.events == [
        "onlineEndpoints reach",
        f"deployments {blue}",
        f"onlineEndpoints reach {{'{blue}': 100}}",
        f"deployments {green}",
        f"onlineEndpoints reach {{'{green}': 100}}",
        f"onlineEndpoints reach {{'{green}': 100}}",
    ]
    assert (done.traffic, done.standing_by, done.made) == ({green: 100}, (blue,), True)
    assert (done.proof.package, done.proof.golden_rows) == (manifest_digest(other_package), 3)
    assert not again.made
    assert {each.key for each in store.list()} == {
        f"{wanted.prefix}/{name}"
        for wanted in (first, second)
        for name in ("package.json", "policy.onnx", "golden.npz")
    }


def test_a_package_of_a_registry_is_deployed_from_there_and_proven_alike(
    package: Path, other_package: Path, definitions_of
) -> None:
    """What `physai training package publish` entered is asked for by its digest, and nothing is laid anywhere."""
    wanted = AzureMLTarget(target=Target.of("reach", package), registry="robots", image=IMAGE)
    folder = definitions_of(wanted)
    assert sorted(path.name for path in folder.iterdir()) == [DEPLOYMENT_FILE, ENDPOINT_FILE]
    with workspace(Endpoints()) as (arm, client):
        with running(PolicyHost([ServedPolicy.load(other_package)])) as arm.url, pytest.raises(WrongPolicyError):
            roll_over(wanted, folder, client, None)
        assert client.online_endpoints.get("reach").traffic == {wanted.target.deployment: 0}
        with running(PolicyHost([ServedPolicy.load(package)])) as arm.url:
            done = roll_over(wanted, folder, client, None)
    assert done.traffic == {wanted.target.deployment: 100}
    (deployment,) = arm.kind("deployments")
    version = manifest_digest(package).removeprefix("sha256:")[:16]
    assert deployment["properties"]["model"] == f"azureml://registries/robots/models/linear/versions/{version}"
    assert not arm.kind("models")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ([], "reach: give --store or --registry, and not both"),
        (["--store", STORE, "--registry", "robots"], "reach: give --store or --registry, and not both"),
        (["--registry", "robots"], "--registry: robots holds the package as it is, which Triton cannot serve"),
    ],
)
def test_a_package_is_in_one_place_that_can_be_served(
    package: Path, tmp_path: Path, options: list[str], why: str
) -> None:
    words = ["deploy", "azureml", str(package), "--endpoint", "reach", "--output", str(tmp_path / "out"), *options]
    refused = CliRunner().invoke(app, words)
    assert isinstance(refused.exception, DeployError)
    assert why in str(refused.exception)
    assert not (tmp_path / "out").exists()


def test_traffic_stays_where_it_was_if_the_new_deployment_answers_otherwise_or_not_at_all(
    package: Path, other_package: Path, definitions_of, tmp_path: Path
) -> None:
    store = open_store(str(tmp_path / "store"))
    first, second = on_azureml(package), on_azureml(other_package)
    with workspace(Endpoints()) as (arm, client):
        with running(PolicyHost([ServedPolicy.load(package)])) as arm.url:
            roll_over(first, definitions_of(first), client, store)
            with pytest.raises(WrongPolicyError, match=manifest_digest(package)):
                roll_over(second, definitions_of(second), client, store)
        with pytest.raises(HostError, match="no answer"):
            roll_over(second, definitions_of(second), client, store, wait_s=0.3)
        arm.refuse = (409, {"error": {"code": "OutOfQuota", "message": "No quota is left."}})
        third = first.model_copy(update={"target": first.target.model_copy(update={"package": "sha256:" + "9" * 64})})
        with pytest.raises(RefusedError, match="No quota is left"):
            roll_over(third, definitions_of(third), client, store)
        traffic = client.online_endpoints.get("reach").traffic
        assert traffic == {first.target.deployment: 100, second.target.deployment: 0}
    assert [event for event in arm.events if ": 100" in event] == [
        f"onlineEndpoints reach {{'{first.target.deployment}': 100}}"
    ]


@pytest.fixture
def listener() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """(URL, headers of what was asked there)."""
    asked: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(dict(self.headers))
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        @override
        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def test_the_deployment_is_asked_by_name_with_the_token_of_whoever_is_logged_in(
    package: Path, listener: tuple[str, list[dict[str, str]]], definitions_of, tmp_path: Path
) -> None:
    url, asked = listener
    wanted = on_azureml(package)
    with workspace(Endpoints(url=url)) as (_, client), pytest.raises(HostError, match="not ready"):
        roll_over(wanted, definitions_of(wanted), client, open_store(str(tmp_path)), wait_s=0)
    (headers,) = asked
    sent = {name.lower(): value for name, value in headers.items()}
    assert sent["authorization"].startswith("Bearer e30."), "the token of whoever is logged in"
    assert sent["azureml-model-deployment"] == wanted.target.deployment


def test_a_mounted_package_is_found_and_served(package: Path, tmp_path: Path) -> None:
    shutil.copytree(package, tmp_path / "models/linear/3b1c/sha256-3b1c")
    assert mounted(tmp_path) == tmp_path / "models/linear/3b1c/sha256-3b1c"
    with pytest.raises(EvaluationError, match="holds 0 policy packages"):
        mounted(tmp_path / "models/linear/3b1c/sha256-3b1c/none")
    refused = CliRunner().invoke(app, ["serve"], env={"AZUREML_MODEL_DIR": None})
    assert (refused.exit_code, "AZUREML_MODEL_DIR" in refused.stderr) == (2, True)


def test_prove_tells_a_package_from_another(package: Path, other_package: Path, url: str) -> None:
    done = CliRunner().invoke(app, ["prove", str(package), "--server", url, "--model", "hold", "--json"])
    assert json.loads(done.stdout)["package"] == manifest_digest(package)
    with pytest.raises(WrongPolicyError):
        prove(other_package, url, "hold")


def on_aks(package: Path, **options: Any) -> kubernetes.KubernetesTarget:
    target = Target.of("reach", package)
    return kubernetes.KubernetesTarget(target=target, image=IMAGE, registry="robots.example/policies", **options)


@pytest.mark.parametrize("gpus", [0, 1])
def test_kubernetes_knows_every_field_of_the_manifests(package: Path, gpus: int) -> None:
    for text in kubernetes.files(on_aks(package, gpus=gpus)).values():
        for manifest in yaml.safe_load_all(text):
            kubernetes_validate.validate(manifest, "1.31", strict=True)


def test_pods_pull_the_whole_digest_run_as_nobody_and_are_probed(package: Path) -> None:
    wanted = on_aks(package)
    deployment, service, scaler, _ = kubernetes.blue(wanted)
    for pod in (deployment["spec"]["template"]["spec"], kubernetes.proof(wanted)["spec"]["template"]["spec"]):
        assert pod["securityContext"]["runAsNonRoot"]
        (pull,), (container,) = pod["initContainers"], pod["containers"]
        assert manifest_digest(package) in pull["command"]
        for each in (pull, container):
            assert each["image"] == IMAGE
            assert each["securityContext"]["readOnlyRootFilesystem"]
            assert each["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert each["resources"]["limits"]["memory"]
    host = deployment["spec"]["template"]["spec"]["containers"][0]
    paths = {name: host[name]["httpGet"]["path"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert set(paths.values()) == {"/v2/health/ready", "/v2/health/live"}
    assert service["metadata"]["name"] == scaler["metadata"]["name"] == wanted.name
    assert kubernetes.green(wanted)["metadata"]["name"] == "reach"
    assert kubernetes.green(wanted)["spec"]["selector"]["physai/package"] == manifest_digest(package)[7:19]


KUBECTL = """#!/bin/sh
echo "$*" >> "{folder}/log"
case "$*" in *"--filename -"*) grep '^kind:' >> "{folder}/log";; "wait"*) exit {proven};; esac
"""


def apply(package: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, proven: int) -> tuple[Any, list[str]]:
    """`deploy aks --apply` with a kubectl that writes down how it is called."""
    program = folder / "kubectl"
    program.write_text(KUBECTL.format(folder=folder, proven=proven))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    words = ["deploy", "aks", str(package), "--endpoint", "reach", "--image", IMAGE, "--registry", "robots.example/p"]
    done = CliRunner().invoke(app, [*words, "--output", str(folder / "out"), "--apply"])
    return done, (folder / "log").read_text().splitlines()


def test_the_cluster_is_led_to_the_package_last(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done, log = apply(package, tmp_path, monkeypatch, proven=0)
    assert done.exit_code == 0, done.stderr
    words = [line.split()[0:2] for line in log]
    assert words.index(["rollout", "status"]) < words.index(["wait", "--for=condition=complete"])
    assert log[-1] == "kind: Service"
    assert log.count("kind: Service") == 2
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "1-package.yaml",
        "2-proof.yaml",
        "3-traffic.yaml",
    ]


def test_a_proof_that_fails_in_the_cluster_leaves_the_traffic(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, log = apply(package, tmp_path, monkeypatch, proven=1)
    assert done.exit_code == 1
    assert log.count("kind: Service") == 1, "the package's own, not the one that robots know"


@pytest.mark.parametrize("image", ["robots.example/physai-host:latest", ""])
def test_an_image_without_a_digest_is_refused(package: Path, image: str, tmp_path: Path) -> None:
    words = ["deploy", "aks", str(package), "--endpoint", "reach", "--image", image, "--output", str(tmp_path / "out")]
    refused = CliRunner().invoke(app, words)
    assert refused.exit_code == 1
    assert "--image" in str(refused.exception)


@pytest.mark.parametrize("registry", [[], ["--registry", "/srv/registry"]])
def test_a_registry_that_no_pod_can_reach_is_refused(package: Path, registry: list[str], tmp_path: Path) -> None:
    words = ["deploy", "aks", str(package), "--endpoint", "reach", "--image", IMAGE, "--output", str(tmp_path / "out")]
    refused = CliRunner().invoke(app, [*words, *registry])
    assert isinstance(refused.exception, DeployError)
    assert "--registry" in str(refused.exception)
    assert not (tmp_path / "out").exists()
