"""Signatures of packages in the two forms that cosign writes: under a tag made of the digest, and as OCI 1.1 referrers.

The payload names the digest of the package's manifest, so a signature of one package never speaks for another.
Source: github.com/sigstore/cosign, specs/SIGNATURE_SPEC.md; containers/image, docs/containers-signature.5.md.
"""

import base64
import binascii
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..aside import write_whole
from ..contracts import Contract, Digest, digest_bytes
from ..errors import MissingFileError
from .errors import RegistryError
from .manifest import MANIFEST_TYPE, Descriptor, OciModel, canonical
from .store import Registry

PAYLOAD_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
ATTACHED_TYPE = "application/vnd.dev.cosign.artifact.sig.v1+json"
"""Of a signature among the referrers. Source: sigstore/cosign v2, pkg/oci/remote/write.go, with OCI 1.1 referrers."""
SIGNATURE: Final = "dev.cosignproject.cosign/signature"
PRIVATE_FILE, PUBLIC_FILE = "cosign.key", "cosign.pub"


class SignatureError(RegistryError):
    """No trusted key has signed a package."""

    def __init__(self, where: str, digest: str, why: str) -> None:
        super().__init__(f"{where}: {digest}: {why}. Sign it with `physai registry sign`, by a key that is trusted.")


class KeyFileError(RegistryError):
    """A file holds no key of the kind that is needed."""

    def __init__(self, where: Path | str, why: str) -> None:
        super().__init__(f"{where}: {why}. Make a pair with `physai registry generate-key-pair`.")


class Signed(Contract):
    """Who has signed a package."""

    digest: Digest
    keys: tuple[Digest, ...]
    """Of the trusted public keys, by their SubjectPublicKeyInfo, that have signed it."""


class Signature(Contract):
    """One signature, whoever made it."""

    payload: str
    """What was signed, as text."""
    signature: str
    """In DER, base64."""


class Signatures(Contract):
    """Every signature of one package; kept beside it, they can be checked without the registry."""

    found: tuple[Signature, ...]


class _Image(BaseModel):
    docker_manifest_digest: Digest = Field(alias="docker-manifest-digest")


class _Critical(BaseModel):
    image: _Image
    type: Literal["cosign container image signature"]


class _Payload(BaseModel):
    model_config = ConfigDict(strict=True)

    critical: _Critical


class _SignatureManifest(OciModel):
    schema_version: Literal[2] = 2
    media_type: Literal["application/vnd.oci.image.manifest.v1+json"] = MANIFEST_TYPE
    config: Descriptor
    layers: tuple[Descriptor, ...]


def generate_key_pair(folder: Path) -> Path:
    """Write an ECDSA P-256 key pair, `cosign.key` (PKCS 8, readable by its owner alone) and `cosign.pub`.

    Returns:
        The public key's file.

    Raises:
        KeyFileError: If a key is there already.
    """
    private = folder / PRIVATE_FILE
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    try:
        descriptor = os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise KeyFileError(private, "there is a key already, which is not written over") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return write_whole(folder / PUBLIC_FILE, public)


def sign(registry: Registry, reference: str, key: Path, password: str | None = None) -> Digest:
    """Sign a package; further signatures of the same package are kept beside it.

    Args:
        registry: Where the package is, and where its signature goes.
        reference: Digest or tag.
        key: Private key in PEM.
        password: Of the key, if it has one.

    Returns:
        The digest that was signed.
    """
    private = _read_private(key, password)
    digest = registry.resolve(reference)
    payload = _payload(registry.name, digest)
    signature = private.sign(payload, ec.ECDSA(hashes.SHA256()))
    layer = Descriptor(
        media_type=PAYLOAD_TYPE,
        digest=digest_bytes(payload),
        size=len(payload),
        annotations={SIGNATURE: base64.b64encode(signature).decode()},
    )
    layers = (*_signatures(registry, digest), layer)
    config = _config(layers)
    described = Descriptor(media_type=CONFIG_TYPE, digest=digest_bytes(config), size=len(config))
    manifest = _SignatureManifest(config=described, layers=layers)
    registry.put_signatures(digest, [(layer, payload), (described, config)], canonical(manifest))
    registry.attach(digest, ATTACHED_TYPE, [(layer, payload)], _attached_config(layer))
    return digest


def verify(registry: Registry, digest: Digest, trusted: Iterable[str]) -> Signed:
    """Check that a trusted key has signed a package.

    Args:
        registry: Where package and signature are.
        digest: Of the package.
        trusted: Public keys in PEM.

    Raises:
        SignatureError: If there is no signature, or none by a trusted key over this very digest.
    """
    return check_signatures(fetch_signatures(registry, digest), digest, trusted, registry.name)


def fetch_signatures(registry: Registry, digest: Digest) -> Signatures:
    """Every signature of a package; who made them is not asked."""
    layers = _signatures(registry, digest)
    payloads = [registry.get_bytes(layer).decode(errors="replace") for layer in layers]
    return Signatures(
        found=tuple(
            Signature(payload=payload, signature=layer.annotations.get(SIGNATURE, ""))
            for payload, layer in zip(payloads, layers, strict=True)
        )
    )


def check_signatures(signatures: Signatures, digest: Digest, trusted: Iterable[str], where: str) -> Signed:
    """Check that one of the signatures is by a trusted key.

    Args:
        signatures: Of a package.
        digest: Of that package.
        trusted: Public keys in PEM.
        where: They are from, for the message.

    Raises:
        SignatureError: If there is no signature, or none by a trusted key over this very digest.
    """
    keys = [read_public(pem, "trusted key") for pem in trusted]
    if not signatures.found:
        raise SignatureError(where, digest, "is not signed")
    signed = tuple(_fingerprint(key) for key in keys if any(_speaks(one, digest, key) for one in signatures.found))
    if not signed:
        raise SignatureError(where, digest, f"none of its {len(signatures.found)} signatures is by a trusted key")
    return Signed(digest=digest, keys=signed)


def read_public(pem: str, where: Path | str) -> ec.EllipticCurvePublicKey:
    """A public key.

    Raises:
        KeyFileError: If that is none, or not of the curve P-256.
    """
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyFileError(where, "not a public key in PEM") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyFileError(where, "not a key for ECDSA on the curve P-256")
    return key


def read_keys(paths: Iterable[Path]) -> list[str]:
    """Public keys in PEM, each checked.

    Raises:
        MissingFileError: If a file is not there.
        KeyFileError: If it holds no such key.
    """
    keys = []
    for path in paths:
        try:
            pem = path.read_text(encoding="ascii", errors="replace")
        except FileNotFoundError as error:
            raise MissingFileError(path, "key", "Make a pair with `physai registry generate-key-pair`.") from error
        read_public(pem, path)
        keys.append(pem)
    return keys


def _read_private(path: Path, password: str | None) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password.encode() if password else None)
    except FileNotFoundError as error:
        raise MissingFileError(path, "key", "Make a pair with `physai registry generate-key-pair`.") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileError(path, "not a private key in PEM, or the password is wrong") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyFileError(path, "not a key for ECDSA on the curve P-256")
    return key


def _payload(name: str, digest: Digest) -> bytes:
    critical = {
        "identity": {"docker-reference": name},
        "image": {"docker-manifest-digest": digest},
        "type": "cosign container image signature",
    }
    return json.dumps({"critical": critical, "optional": None}, separators=(",", ":")).encode()


def _config(layers: tuple[Descriptor, ...]) -> bytes:
    """An image's configuration, as cosign gives its signatures; some registries refuse a manifest without one."""
    rootfs = {"type": "layers", "diff_ids": [layer.digest for layer in layers]}
    config = {"architecture": "", "created": "0001-01-01T00:00:00Z", "os": "", "rootfs": rootfs, "config": {}}
    return json.dumps(config, separators=(",", ":")).encode()


def _attached_config(layer: Descriptor) -> tuple[Descriptor, bytes]:
    """The configuration by whose type cosign finds a signature among the referrers of an image."""
    config = _config((layer,))
    return Descriptor(media_type=ATTACHED_TYPE, digest=digest_bytes(config), size=len(config)), config


def _signatures(registry: Registry, digest: Digest) -> tuple[Descriptor, ...]:
    """Each signature once, whether it lies under cosign's tag, among the referrers, or in both places."""
    layers = (*_tagged(registry, digest), *registry.attached(digest, ATTACHED_TYPE))
    found = {(layer.digest, layer.annotations.get(SIGNATURE)): layer for layer in layers}
    return tuple(layer for layer in found.values() if layer.media_type == PAYLOAD_TYPE)


def _tagged(registry: Registry, digest: Digest) -> tuple[Descriptor, ...]:
    raw = registry.get_signatures(digest)
    if raw is None:
        return ()
    try:
        return _SignatureManifest.model_validate_json(raw).layers
    except ValidationError as error:
        raise SignatureError(registry.name, digest, "its signatures cannot be read") from error


def _speaks(one: Signature, digest: Digest, key: ec.EllipticCurvePublicKey) -> bool:
    """Whether one signature is by this key, over this digest."""
    try:
        key.verify(base64.b64decode(one.signature, validate=True), one.payload.encode(), ec.ECDSA(hashes.SHA256()))
        said = _Payload.model_validate_json(one.payload)
    except (InvalidSignature, binascii.Error, ValidationError):
        return False
    return said.critical.image.docker_manifest_digest == digest


def _fingerprint(key: ec.EllipticCurvePublicKey) -> Digest:
    return digest_bytes(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
