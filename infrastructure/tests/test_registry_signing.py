"""Who signed a package: cosign's form, read back by ourselves and by skopeo, and everything that does not count."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from physai.infrastructure.errors import MissingFileError
from physai.infrastructure.registry import OciLayout, Registry, TamperedError, open_registry
from physai.infrastructure.registry.signing import (
    KeyFileError,
    SignatureError,
    generate_key_pair,
    read_keys,
    sign,
    verify,
)
from physai.infrastructure.registry.tags import signature_tag
from physai.infrastructure.tests.registry_packages import make_package
from physai.infrastructure.tests.registry_server import SKOPEO

OPENSSL = shutil.which("openssl")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("packages")
    return make_package(root / "one"), make_package(root / "two", shift_rad=0.1)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("keys")
    for name in ("ours", "theirs"):
        generate_key_pair(root / name)
    return root


def trusted(keys: Path, *names: str) -> list[str]:
    return read_keys([keys / name / "cosign.pub" for name in names])


def test_a_signed_package_is_verified_by_its_key_and_by_no_other(
    registry: Registry, packages: tuple[Path, Path], keys: Path
) -> None:
    digest = registry.push(packages[0], "v1")
    assert sign(registry, "v1", keys / "ours/cosign.key") == digest
    (key,) = verify(registry, digest, trusted(keys, "theirs", "ours")).keys
    assert key.startswith("sha256:")
    with pytest.raises(SignatureError, match="none of its 1 signatures is by a trusted key"):
        verify(registry, digest, trusted(keys, "theirs"))
    with pytest.raises(SignatureError, match="none of its 1 signatures"):
        verify(registry, digest, [])


def test_signatures_are_not_listed_as_packages(registry: Registry, packages: tuple[Path, Path], keys: Path) -> None:
    digest = registry.push(packages[0], "v1")
    sign(registry, digest, keys / "ours/cosign.key")
    assert registry.tags() == {"v1": digest}
    assert [entry.digest for entry in registry.entries()] == [digest]


def test_two_signers_stand_side_by_side(registry: Registry, packages: tuple[Path, Path], keys: Path) -> None:
    digest = registry.push(packages[0])
    for name in ("ours", "theirs"):
        sign(registry, digest, keys / name / "cosign.key")
    assert len(verify(registry, digest, trusted(keys, "ours", "theirs")).keys) == 2


def test_an_unsigned_package_is_refused(registry: Registry, packages: tuple[Path, Path], keys: Path) -> None:
    digest = registry.push(packages[0])
    with pytest.raises(SignatureError, match=r"is not signed\. Sign it with"):
        verify(registry, digest, trusted(keys, "ours"))


def test_a_signature_of_one_package_never_speaks_for_another(
    registry: Registry, packages: tuple[Path, Path], keys: Path
) -> None:
    one, two = (registry.push(package) for package in packages)
    sign(registry, one, keys / "ours/cosign.key")
    stolen = registry.get_signatures(one)
    assert stolen is not None
    registry.put_signatures(two, [], stolen)
    with pytest.raises(SignatureError, match="none of its 1 signatures"):
        verify(registry, two, trusted(keys, "ours"))


def test_a_payload_that_was_changed_is_refused(tmp_path: Path, packages: tuple[Path, Path], keys: Path) -> None:
    registry = OciLayout(tmp_path / "registry")
    one = registry.push(packages[0])
    sign(registry, one, keys / "ours/cosign.key")
    raw = registry.get_signatures(one)
    assert raw is not None
    payload = json.loads(raw)["layers"][0]["digest"].removeprefix("sha256:")
    path = registry.root / "blobs/sha256" / payload
    path.write_bytes(path.read_bytes().replace(b'"optional":null', b'"optional":true'))
    with pytest.raises(TamperedError):
        verify(registry, one, trusted(keys, "ours"))


@pytest.mark.parametrize("spoil", [b"not base64", b""])
def test_a_broken_signature_is_refused(tmp_path: Path, packages: tuple[Path, Path], keys: Path, spoil: bytes) -> None:
    signed, registry = OciLayout(tmp_path / "signed"), OciLayout(tmp_path / "registry")
    one = signed.push(packages[0])
    sign(signed, registry.push(packages[0]), keys / "ours/cosign.key")
    shutil.copytree(signed.root / "blobs", registry.root / "blobs", dirs_exist_ok=True)
    manifest = json.loads(signed.get_signatures(one) or b"")
    manifest["layers"][0]["annotations"]["dev.cosignproject.cosign/signature"] = spoil.decode()
    registry.put_signatures(one, [], json.dumps(manifest).encode())
    with pytest.raises(SignatureError, match="none of its 1 signatures"):
        verify(registry, one, trusted(keys, "ours"))
    registry.put_signatures(one, [], b"{}")
    with pytest.raises(SignatureError, match="cannot be read"):
        verify(registry, one, trusted(keys, "ours"))


def test_a_key_is_never_written_over(keys: Path, tmp_path: Path) -> None:
    generate_key_pair(tmp_path)
    assert (tmp_path / "cosign.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(KeyFileError, match="there is a key already"):
        generate_key_pair(tmp_path)


def test_what_is_no_key_is_named(tmp_path: Path, packages: tuple[Path, Path]) -> None:
    registry = OciLayout(tmp_path / "registry")
    registry.push(packages[0], "v1")
    with pytest.raises(MissingFileError, match=r"nowhere\.key: no key here"):
        sign(registry, "v1", tmp_path / "nowhere.key")
    with pytest.raises(MissingFileError, match=r"nowhere\.pub"):
        read_keys([tmp_path / "nowhere.pub"])
    (tmp_path / "no.key").write_text("hello")
    with pytest.raises(KeyFileError, match="not a private key in PEM"):
        sign(registry, "v1", tmp_path / "no.key")
    with pytest.raises(KeyFileError, match="not a public key in PEM"):
        read_keys([tmp_path / "no.key"])
    strangers = (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1()))
    for stranger in strangers:
        pem = stranger.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (tmp_path / "other.key").write_bytes(pem)
        with pytest.raises(KeyFileError, match="not a key for ECDSA on the curve P-256"):
            sign(registry, "v1", tmp_path / "other.key")


def test_an_encrypted_key_wants_its_password(tmp_path: Path, packages: tuple[Path, Path]) -> None:
    registry = OciLayout(tmp_path / "registry")
    registry.push(packages[0], "v1")
    key = ec.generate_private_key(ec.SECP256R1())
    path = tmp_path / "secret.key"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open")))
    for wrong in (None, "shut"):
        with pytest.raises(KeyFileError, match="the password is wrong"):
            sign(registry, "v1", path, wrong)
    sign(registry, "v1", path, "open")


@pytest.mark.registry
@pytest.mark.skipif(SKOPEO is None or OPENSSL is None, reason="skopeo or openssl is not installed")
def test_skopeo_fetches_the_signature_from_cosigns_place_and_openssl_verifies_it(
    host: str, packages: tuple[Path, Path], keys: Path, tmp_path: Path
) -> None:
    registry = open_registry(f"{host}/policies/skopeo-signed")
    digest = registry.push(packages[0])
    sign(registry, digest, keys / "ours/cosign.key")
    place = f"docker://{registry.name}:{signature_tag(digest)}"
    copied = [str(SKOPEO), "copy", "--quiet", "--src-tls-verify=false", place, f"dir:{tmp_path / 'copy'}"]
    subprocess.run(copied, check=True)
    layer = json.loads((tmp_path / "copy/manifest.json").read_bytes())["layers"][0]
    assert layer["mediaType"] == "application/vnd.dev.cosign.simplesigning.v1+json"
    payload = tmp_path / "copy" / layer["digest"].removeprefix("sha256:")
    assert json.loads(payload.read_bytes())["critical"]["image"]["docker-manifest-digest"] == digest
    signature = tmp_path / "signature"
    signature.write_bytes(base64.b64decode(layer["annotations"]["dev.cosignproject.cosign/signature"]))
    for key, answer in (("ours", 0), ("theirs", 1)):
        public = str(keys / key / "cosign.pub")
        command = [str(OPENSSL), "dgst", "-sha256", "-verify", public, "-signature", str(signature), str(payload)]
        assert subprocess.run(command, capture_output=True).returncode == answer
