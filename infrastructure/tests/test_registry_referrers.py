"""What is attached to a package: found by the referrers API, by its tag where there is none, and in a folder."""

import hashlib
import json
import subprocess
from pathlib import Path

import httpx
import pytest

from physai.infrastructure.contracts import digest_bytes
from physai.infrastructure.registry import OciLayout, Registry, TamperedError, open_registry
from physai.infrastructure.registry.manifest import Descriptor
from physai.infrastructure.registry.referrers import ReferrersError
from physai.infrastructure.registry.remote import OciRegistry
from physai.infrastructure.registry.signing import fetch_signatures, generate_key_pair, read_keys, sign, verify
from physai.infrastructure.registry.tags import referrers_tag
from physai.infrastructure.tests.registry_packages import make_package
from physai.infrastructure.tests.registry_server import SKOPEO

BILL_TYPE = "application/vnd.cyclonedx+json"
COSIGN_TYPE = "application/vnd.dev.cosign.artifact.sig.v1+json"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_package(tmp_path_factory.mktemp("packages") / "reach")


def layer(content: bytes) -> tuple[Descriptor, bytes]:
    return Descriptor(media_type=BILL_TYPE, digest=digest_bytes(content), size=len(content)), content


def test_what_is_attached_is_found_once_and_is_no_package(registry: Registry, package: Path) -> None:
    digest = registry.push(package, "v1")
    assert registry.referrers(digest) == ()
    first = registry.attach(digest, BILL_TYPE, [layer(b"bill")])
    assert registry.attach(digest, BILL_TYPE, [layer(b"bill")]) == first
    second = registry.attach(digest, "application/x.note", [layer(b"note")])
    assert [(line.digest, line.artifact_type) for line in registry.referrers(digest)] == [
        (first, BILL_TYPE),
        (second, "application/x.note"),
    ]
    (blob,) = registry.attached(digest, BILL_TYPE)
    assert registry.get_bytes(blob) == b"bill"
    assert registry.tags() == {"v1": digest}
    assert [entry.digest for entry in registry.entries()] == [digest]


def test_a_signature_among_the_referrers_counts_without_cosigns_tag(
    registry: Registry, package: Path, tmp_path: Path
) -> None:
    digest = registry.push(package)
    generate_key_pair(tmp_path / "keys")
    sign(registry, digest, tmp_path / "keys/cosign.key")
    assert [line.artifact_type for line in registry.referrers(digest)] == [COSIGN_TYPE]
    assert len(fetch_signatures(registry, digest).found) == 1, "in two places, and one"
    empty = json.loads(registry.get_signatures(digest) or b"") | {"layers": []}
    registry.put_signatures(digest, [], json.dumps(empty).encode())
    assert verify(registry, digest, read_keys([tmp_path / "keys/cosign.pub"])).digest == digest


@pytest.mark.registry
@pytest.mark.skipif(SKOPEO is None, reason="skopeo is not installed")
def test_skopeo_reads_the_list_and_what_it_names(host: str, package: Path, tmp_path: Path) -> None:
    """Docker's registry 2.8 has no referrers API: the list lies under its tag, as oras and cosign look for it there."""
    registry = open_registry(f"{host}/policies/skopeo-referrers")
    digest = registry.push(package)
    attached = registry.attach(digest, BILL_TYPE, [layer(b"bill")])
    place = f"docker://{registry.name}"

    def inspect(reference: str) -> bytes:
        command = [str(SKOPEO), "inspect", "--raw", "--tls-verify=false", reference]
        return subprocess.run(command, capture_output=True, check=True).stdout

    index = json.loads(inspect(f"{place}:{referrers_tag(digest)}"))
    assert index["mediaType"] == "application/vnd.oci.image.index.v1+json"
    assert [(line["digest"], line["artifactType"]) for line in index["manifests"]] == [(attached, BILL_TYPE)]
    manifest = inspect(f"{place}@{attached}")
    assert (digest_bytes(manifest), len(manifest)) == (attached, index["manifests"][0]["size"])
    assert json.loads(manifest)["subject"]["digest"] == digest


class WithReferrers(httpx.HTTPTransport):
    """Docker's registry as it would be with the referrers API of OCI 1.1, in pages of one line."""

    def __init__(self) -> None:
        super().__init__()
        self.lines, self.tagged = list[dict[str, object]](), False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.tagged |= request.method == "PUT" and "/manifests/sha256-" in path
        if "/referrers/" in path:
            page = int(request.url.params.get("page", 0))
            more = {"Link": f'<{path}?page={page + 1}>; rel="next"'} if page + 1 < len(self.lines) else {}
            index = {"schemaVersion": 2, "manifests": self.lines[page : page + 1]}
            return httpx.Response(200, headers=more, json=index)
        answer = super().handle_request(request)
        if request.method == "PUT" and "/manifests/" in path and b'"subject"' in (raw := request.read()):
            manifest = json.loads(raw)
            digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
            self.lines.append(
                {
                    "mediaType": manifest["mediaType"],
                    "digest": digest,
                    "size": len(raw),
                    "artifactType": manifest["artifactType"],
                }
            )
            answer.headers["OCI-Subject"] = manifest["subject"]["digest"]
        return answer


@pytest.mark.registry
def test_a_registry_with_the_api_keeps_the_list_itself(host: str, package: Path) -> None:
    transport = WithReferrers()
    registry = OciRegistry(host, "policies/with-api", transport)
    digest = registry.push(package)
    attached = [registry.attach(digest, BILL_TYPE, [layer(content)]) for content in (b"one", b"two")]
    assert [line.digest for line in registry.referrers(digest)] == attached
    assert [registry.get_bytes(blob) for blob in registry.attached(digest, BILL_TYPE)] == [b"one", b"two"]
    assert not transport.tagged


def test_what_is_attached_to_another_package_is_refused(tmp_path: Path, package: Path) -> None:
    """The list of one package names what belongs to another."""
    registry, other = OciLayout(tmp_path / "registry"), make_package(tmp_path / "other", shift_rad=0.1)
    one, two = registry.push(package), registry.push(other)
    registry.attach(one, BILL_TYPE, [layer(b"bill")])
    stolen = registry.referrers(one)
    registry.referrers = lambda digest: stolen  # type: ignore[method-assign]  # a registry that lies
    with pytest.raises(ReferrersError, match=f"belongs to {one}, not to {two}"):
        registry.attached(two, BILL_TYPE)


def test_a_changed_manifest_is_noticed(tmp_path: Path, package: Path) -> None:
    registry = OciLayout(tmp_path / "registry")
    digest = registry.push(package)
    attached = registry.attach(digest, BILL_TYPE, [layer(b"bill")])
    path = registry.root / "blobs/sha256" / attached.removeprefix("sha256:")
    path.write_bytes(path.read_bytes().replace(BILL_TYPE.encode(), b"application/vnd.cyclonedx+jsoN"))
    with pytest.raises(TamperedError):
        registry.attached(digest, BILL_TYPE)


@pytest.mark.registry
@pytest.mark.skipif(SKOPEO is None, reason="skopeo is not installed")
def test_skopeo_copies_a_folder_in_which_something_is_attached(tmp_path: Path, package: Path) -> None:
    registry = OciLayout(tmp_path / "registry")
    digest = registry.push(package, "v1")
    registry.attach(digest, BILL_TYPE, [layer(b"bill")])
    command = [str(SKOPEO), "copy", "--quiet", f"oci:{registry.root}:v1", f"dir:{tmp_path / 'copy'}"]
    subprocess.run(command, check=True)
    assert digest_bytes((tmp_path / "copy/manifest.json").read_bytes()) == digest
