"""A package enters an AzureML registry by its digest, through the real SDK."""

from pathlib import Path

import pytest

from physai.infrastructure.jobs.azureml.errors import RefusedError
from physai.infrastructure.registry import manifest_digest
from physai.infrastructure.tests.registry_packages import make_package
from physai.training.errors import NotPassedError
from physai.training.packaging.azure import enter

from .azureml_registry import azureml_registry
from .test_training_pipelines import write_verdict

pytestmark = pytest.mark.filterwarnings("ignore")  # inside azure-ai-ml


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
