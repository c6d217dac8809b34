"""An image that other tools read, and a bill of materials that its own schema accepts."""

import json
import re
import shlex
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from physai.infrastructure.contracts import digest_bytes, digest_file
from physai.infrastructure.registry import OciLayout, TamperedError, manifest_digest
from physai.infrastructure.registry.errors import NotAnImageError
from physai.infrastructure.registry.manifest import Descriptor
from physai.infrastructure.registry.signing import generate_key_pair, sign
from physai.infrastructure.tests.registry_packages import make_package
from physai.infrastructure.tests.registry_server import SERVER, SKOPEO, serving
from physai.training.errors import BaseImageError, PackageNameError, RecipeError, SbomError
from physai.training.packaging.check import check
from physai.training.packaging.image import write_context, write_image
from physai.training.packaging.oci import Image, write_layout
from physai.training.packaging.sbom import SBOM_TYPE, attach_sbom, make_sbom
from physai.training.packaging.variants import Name


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return make_package(tmp_path / "package")


def layer_of(layout: Path) -> Path:
    def blob(digest: str) -> Path:
        return layout / "blobs/sha256" / digest.removeprefix("sha256:")

    index = json.loads((layout / "index.json").read_text())
    manifest = json.loads(blob(index["manifests"][0]["digest"]).read_text())
    return blob(manifest["layers"][0]["digest"])


def test_the_image_holds_a_model_repository_that_runs(package: Path, tmp_path: Path) -> None:
    write_image(package, tmp_path / "image")
    with tarfile.open(layer_of(tmp_path / "image")) as tar:
        assert {(entry.mtime, entry.uid) for entry in tar} == {(0, 0)}
        tar.extractall(tmp_path / "root", filter="data")
    model = tmp_path / "root/models/reach"
    config = text_format.Parse((model / "config.pbtxt").read_text(), model_config_pb2.ModelConfig())
    assert config.name == model.name
    session = onnxruntime.InferenceSession(model / "1" / config.default_model_filename)
    with np.load(model / "golden.npz") as golden:
        inputs = {tensor.name: golden[tensor.name] for tensor in config.input}
        np.testing.assert_allclose(session.run(["action"], inputs)[0], golden["action"], atol=1e-6)


def test_the_same_package_gives_the_same_image(package: Path, tmp_path: Path) -> None:
    first = write_image(package, tmp_path / "first")
    assert write_image(package, tmp_path / "second") == first
    assert write_image(package, tmp_path / "arm", "arm64") != first


def test_a_damaged_package_becomes_no_image(package: Path, tmp_path: Path) -> None:
    (package / "golden.npz").write_bytes(b"")
    with pytest.raises(TamperedError):
        write_image(package, tmp_path / "image")
    with pytest.raises(TamperedError):
        make_sbom(package)
    assert not (tmp_path / "image").exists()


@pytest.mark.registry
@pytest.mark.skipif(SKOPEO is None or SERVER is None, reason="skopeo or docker-registry is not installed")
def test_skopeo_pushes_the_image_and_the_registry_has_it_by_digest(package: Path, tmp_path: Path) -> None:
    digest = write_image(package, tmp_path / "image")
    assert SKOPEO is not None
    with serving(tmp_path) as host:
        where = f"docker://{host}/images/reach"
        copy = [SKOPEO, "copy", "--preserve-digests", "--dest-tls-verify=false", f"oci:{tmp_path / 'image'}", where]
        subprocess.run(copy, check=True, capture_output=True)
        inspect = [SKOPEO, "inspect", "--tls-verify=false", f"{where}@{digest}"]
        found = json.loads(subprocess.run(inspect, check=True, capture_output=True).stdout)
    assert found["Digest"] == digest
    assert found["Labels"]["physai.package"] == manifest_digest(package)
    assert found["Architecture"] == "amd64"


def unpack(layout: Path, root: Path) -> dict[str, Any]:
    """Apply the layers in their order, as a container engine does; the image's configuration."""
    blobs = layout / "blobs/sha256"
    index = json.loads((layout / "index.json").read_text())
    manifest = json.loads((blobs / index["manifests"][0]["digest"][7:]).read_text())
    config = json.loads((blobs / manifest["config"]["digest"][7:]).read_text())
    for layer, diff in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True):
        assert digest_file(blobs / layer["digest"][7:]) == diff, "the layers are not compressed"
        with tarfile.open(blobs / layer["digest"][7:]) as tar:
            tar.extractall(root, filter="data")
    return config


def base_of(root: Path, architecture: str = "amd64") -> Path:
    """A base in OCI layout, with a program in its layer."""
    config = {"Env": ["PATH=/opt/tritonserver/bin"], "Labels": {"maker": "test"}, "Entrypoint": ["/opt/entry"]}
    root.mkdir()
    write_layout(root, Image(architecture, config, {}), {"opt/tritonserver/bin/tritonserver": b"#!/bin/sh\n"})
    return root


def rewrite_config(layout: Path, **changes: Any) -> None:
    """Change an image's configuration, and every digest above it."""
    blobs = layout / "blobs/sha256"

    def put(value: Any) -> dict[str, Any]:
        content = json.dumps(value).encode()
        digest = digest_bytes(content)
        (blobs / digest[7:]).write_bytes(content)
        return {"digest": digest, "size": len(content)}

    index = json.loads((layout / "index.json").read_text())
    (entry,) = index["manifests"]
    manifest = json.loads((blobs / entry["digest"][7:]).read_text())
    manifest["config"] |= put(json.loads((blobs / manifest["config"]["digest"][7:]).read_text()) | changes)
    entry |= put(manifest)
    (layout / "index.json").write_text(json.dumps(index))


def test_upon_a_base_the_image_starts_the_server_with_the_models(package: Path, tmp_path: Path) -> None:
    base = base_of(tmp_path / "base")
    write_image(package, tmp_path / "image", variant="cuda", base=base)
    config = unpack(tmp_path / "image", tmp_path / "root")
    settled = config["config"]
    assert settled["Entrypoint"] == ["tritonserver", "--model-repository=/models", "--exit-on-error=true"]
    assert (settled["Cmd"], settled["User"], settled["Env"]) == ([], "1000", ["PATH=/opt/tritonserver/bin"])
    assert settled["Labels"]["maker"] == "test"
    assert settled["Labels"]["physai.package"] == manifest_digest(package)
    assert (tmp_path / "root/opt/tritonserver/bin/tritonserver").read_bytes() == b"#!/bin/sh\n"
    model = text_format.Parse((tmp_path / "root/models/reach/config.pbtxt").read_text(), model_config_pb2.ModelConfig())
    assert [group.kind for group in model.instance_group] == [model_config_pb2.ModelInstanceGroup.KIND_GPU]


def test_a_base_that_is_none_or_of_another_machine_is_refused(package: Path, tmp_path: Path) -> None:
    with pytest.raises(BaseImageError, match="nowhere: is no image in OCI layout"):
        write_image(package, tmp_path / "image", variant="cpu", base=tmp_path / "nowhere")
    base = base_of(tmp_path / "base")
    with pytest.raises(BaseImageError, match="is for amd64, wanted is arm64"):
        write_image(package, tmp_path / "image", variant="l4t", base=base)
    untold = base_of(tmp_path / "untold")
    rewrite_config(untold, rootfs={})
    with pytest.raises(BaseImageError, match="untold: is no image in OCI layout"):
        write_image(package, tmp_path / "image", variant="cpu", base=untold)
    layer_of(base).write_bytes(b"torn")
    with pytest.raises(BaseImageError, match=r"its blob sha256:.* is damaged"):
        write_image(package, tmp_path / "image", variant="cpu", base=base)
    with pytest.raises(RecipeError, match="--architecture: the variant 'l4t' is for arm64, not for amd64"):
        write_image(package, tmp_path / "image", "amd64", variant="l4t", base=base)
    assert not (tmp_path / "image").exists()


@pytest.mark.parametrize(
    ("variant", "base", "platform", "kind"),
    [
        ("cpu", r"nvcr\.io/nvidia/tritonserver:\d\d\.\d\d-py3", "linux/amd64", "KIND_CPU"),
        ("cuda", r"nvcr\.io/nvidia/tritonserver:\d\d\.\d\d-py3", "linux/amd64", "KIND_GPU"),
        ("l4t", r"nvcr\.io/nvidia/tritonserver:\d\d\.\d\d-py3-igpu", "linux/arm64", "KIND_GPU"),
    ],
)
def test_each_variant_is_built_from_the_same_description_upon_its_pinned_base(
    package: Path, tmp_path: Path, variant: Name, base: str, platform: str, kind: str
) -> None:
    written = write_context(package, tmp_path / "context", variant, tag="fleet.azurecr.io/reach:1")
    lines = (tmp_path / "context/Containerfile").read_text().splitlines()
    assert re.fullmatch(f"ARG BASE={base}", lines[1])
    assert lines[2:4] == ["FROM ${BASE}", "COPY models/ /models/"]
    assert f'LABEL physai.package="{manifest_digest(package)}"' in lines
    assert 'ENTRYPOINT ["tritonserver", "--model-repository=/models", "--exit-on-error=true"]' in lines
    assert f"kind: {kind}" in (tmp_path / "context/models/reach/config.pbtxt").read_text()
    assert (tmp_path / "context/models/reach/1/policy.onnx").read_bytes() == (package / "policy.onnx").read_bytes()
    assert written.commands["acr"].startswith(
        f"az acr build --registry fleet --image reach:1 --platform {platform} --file Containerfile "
    )
    assert written.commands["buildah"].startswith(f"buildah build --platform {platform} --tag fleet.azurecr.io/reach:1")


def test_words_of_the_package_and_the_folder_are_only_words_to_whoever_builds(tmp_path: Path) -> None:
    package = make_package(tmp_path / "package", task='the "red" cup for $5')
    written = write_context(package, tmp_path / "my context", "cpu")
    (label,) = re.findall(r"LABEL physai\.task=(.*)", (tmp_path / "my context/Containerfile").read_text())
    assert label == r'"the \"red\" cup for \$5"'
    assert shlex.split(written.commands["buildah"])[-1] == str(tmp_path / "my context")


def test_a_name_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    package = make_package(tmp_path / "package", name="../../escaped")
    with pytest.raises(PackageNameError, match=r"its name '\.\./\.\./escaped' cannot be that of a folder"):
        write_context(package, tmp_path / "context", "cpu")
    with pytest.raises(PackageNameError):
        write_image(package, tmp_path / "image")
    assert not (tmp_path / "escaped").exists()


def test_what_is_no_image_is_not_pushed(tmp_path: Path) -> None:
    with pytest.raises(NotAnImageError, match="no image in OCI layout"):
        OciLayout(tmp_path / "registry").push_image(tmp_path / "nowhere")


def test_the_bill_of_materials_is_valid_and_names_files_data_and_libraries(package: Path) -> None:
    text = make_sbom(package)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert make_sbom(package) == text
    bill = json.loads(text)
    components = {component["name"]: component for component in bill["components"]}
    assert {"policy.onnx", "golden.npz", "torch", "onnxruntime"} <= set(components)
    (stated,) = components["policy.onnx"]["hashes"]
    contract = json.loads((package / "package.json").read_text())
    assert f"sha256:{stated['content']}" == contract["files"]["policy.onnx"]
    assert bill["metadata"]["component"]["version"] == manifest_digest(package)


def test_a_bill_is_attached_to_its_package_and_demanded(package: Path, tmp_path: Path) -> None:
    registry = OciLayout(tmp_path / "registry")
    digest = registry.push(package)
    sign(registry, digest, generate_key_pair(tmp_path / "keys").with_name("cosign.key"))
    with pytest.raises(SbomError, match="has no bill of materials"):
        check(package, sbom=True, registry=str(registry.root))
    assert attach_sbom(package, registry) == attach_sbom(package, registry)
    check(package, keys=[tmp_path / "keys/cosign.pub"], sbom=True, registry=str(registry.root))
    (blob,) = registry.attached(digest, SBOM_TYPE)
    assert registry.get_bytes(blob).decode() == make_sbom(package)


@pytest.mark.parametrize(
    ("bill", "why"),
    [
        (b"{}", "its bill is not in CycloneDX"),
        (b'{"components": [{"name": "x", "hashes": [{"content": "00"}]}]}', "is not as its bill says"),
    ],
)
def test_a_bill_of_something_else_is_refused(package: Path, tmp_path: Path, bill: bytes, why: str) -> None:
    registry = OciLayout(tmp_path / "registry")
    layer = Descriptor(media_type=SBOM_TYPE, digest=digest_bytes(bill), size=len(bill))
    registry.attach(registry.push(package), SBOM_TYPE, [(layer, bill)])
    with pytest.raises(SbomError, match=why):
        check(package, sbom=True, registry=str(registry.root))
