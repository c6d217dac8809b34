"""A package enters an AzureML registry and a Foundry project by its digest, through the real SDK."""

from pathlib import Path

import pytest

from physai.infrastructure.jobs.azureml.errors import RefusedError
from physai.infrastructure.registry import manifest_digest
from physai.infrastructure.tests.azureml_service import workspace
from physai.infrastructure.tests.registry_packages import make_package
from physai.training.errors import ImageReferenceError, NotPassedError
from physai.training.packaging.azure import deploy, enter

from .azureml_registry import azureml_registry
from .test_training_pipelines import write_verdict

pytestmark = pytest.mark.filterwarnings("ignore")  # inside azure-ai-ml
IMAGE = f"fleet.azurecr.io/images/reach@sha256:{'1' * 64}"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return make_package(tmp_path / "package")


def test_a_passed_package_enters_the_registry_once_by_its_digest(package: Path, tmp_path: Path) -> None:
    digest = manifest_digest(package)
    verdict = write_verdict(tmp_path / "verdict.json", digest)
    with azureml_registry("robots") as (service, client):
        first = enter(package, verdict, "robots", client)
        assert enter(package, verdict, "robots", client) == first
        (entered,) = [body for path, body in service.resources.items()]
        assert [method for method, path in service.asked if "/models/" in path].count("PUT") == 1
    version = digest.removeprefix("sha256:")[:16]
    assert first.uri == f"azureml://registries/robots/models/reach/versions/{version}"
    assert entered["properties"]["tags"]["digest"] == digest
    uploaded = {Path(name).name: content for name, content in service.blobs.items()}
    for name in ("policy.onnx", "package.json", "golden.npz"):
        assert uploaded[name] == (package / name).read_bytes()


def test_what_the_gate_did_not_pass_enters_no_registry(package: Path, tmp_path: Path) -> None:
    verdict = write_verdict(tmp_path / "verdict.json", manifest_digest(package), "FAIL")
    with azureml_registry("robots") as (service, client), pytest.raises(NotPassedError, match="says FAIL"):
        enter(package, verdict, "robots", client)
    assert not service.resources


def test_a_refusal_of_the_registry_is_one_line(package: Path, tmp_path: Path) -> None:
    verdict = write_verdict(tmp_path / "verdict.json", manifest_digest(package))
    with azureml_registry("robots") as (service, client):
        service.refuse = (403, {"error": {"code": "Forbidden", "message": "No permission to write models"}})
        with pytest.raises(RefusedError, match=r"azureml registry 'robots': AzureML refused: .*No permission"):
            enter(package, verdict, "robots", client)


def test_a_package_is_deployed_by_the_digest_of_its_image(package: Path) -> None:
    options = {"instance_type": "Standard_NC4as_T4_v3"}
    with workspace() as (arm, client):
        planned = deploy(package, "robots", "arms", IMAGE, **options, client=client)
        assert not planned.created
        assert not arm.resources, "a plan creates nothing"
        found = deploy(package, "robots", "arms", IMAGE, **options, create=True, client=client)
        assert found == planned.model_copy(update={"created": True})
    (deployment,) = arm.kind("deployments")
    assert deployment["properties"]["model"] == found.model
    assert deployment["tags"]["digest"] == manifest_digest(package)
    assert (deployment["properties"]["instanceType"], deployment["sku"]["capacity"]) == ("Standard_NC4as_T4_v3", 1)
    (environment,) = arm.kind("environments")
    assert environment["properties"]["image"] == IMAGE
    assert environment["properties"]["inferenceConfig"]["scoringRoute"] == {
        "path": "/v2/models/reach/infer",
        "port": 8000,
    }


def test_an_endpoint_that_serves_keeps_its_traffic_and_a_new_one_gets_some(tmp_path: Path) -> None:
    first, second = make_package(tmp_path / "first"), make_package(tmp_path / "second", task="Isaac-Other")
    with workspace() as (arm, client):
        made = [
            deploy(package, "robots", "arms", IMAGE, instance_type="Standard_DS3_v2", create=True, client=client)
            for package in (first, second)
        ]
    assert made[0].endpoint == made[1].endpoint
    assert len(arm.kind("deployments")) == 2
    traffic = [body["properties"]["traffic"] for path, body in arm.resources.items() if path.endswith(made[0].endpoint)]
    assert traffic == [{made[0].deployment: 100}]


def test_an_image_without_its_digest_is_not_deployed(package: Path) -> None:
    with pytest.raises(ImageReferenceError, match=r"reach:latest: no digest\. Name the image"):
        deploy(package, "robots", "arms", "fleet.azurecr.io/reach:latest", instance_type="x")
