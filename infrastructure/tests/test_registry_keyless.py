"""Who signed a package without a key: a workflow's identity, certified and logged by a Sigstore instance."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from physai.infrastructure.errors import MissingFileError
from physai.infrastructure.registry import OciLayout, Registry
from physai.infrastructure.registry.cli import app
from physai.infrastructure.registry.keyless import (
    BUNDLE_TYPE,
    SIGN_TYPE,
    KeylessError,
    NoIdentityError,
    SignedBy,
    SignerError,
    TrustError,
    sign_keyless,
    verify_keyless,
)
from physai.infrastructure.registry.manifest import Descriptor, digest_bytes
from physai.infrastructure.tests.registry_packages import make_package
from physai.infrastructure.tests.sigstore_service import IDENTITY, ISSUER, Sigstore, sigstore_instance

FORK = "mallory/robots/.github/workflows/release.yml@refs/heads/main"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("packages")
    return make_package(root / "one"), make_package(root / "two", shift_rad=0.1)


@pytest.fixture
def sigstore(monkeypatch: pytest.MonkeyPatch) -> Any:
    """An instance, asked from within a GitHub workflow."""
    with sigstore_instance() as instance:
        for name, value in instance.environment().items():
            monkeypatch.setenv(name, value)
        yield instance


@pytest.fixture
def trust(sigstore: Sigstore, tmp_path: Path) -> Path:
    """The file that says to trust it."""
    path = tmp_path / "trust.json"
    path.write_text(sigstore.trust_config())
    return path


def bundles(registry: Registry, digest: str) -> list[bytes]:
    return [registry.get_bytes(blob) for blob in registry.attached(digest, BUNDLE_TYPE)]


def attach(registry: Registry, digest: str, content: bytes) -> None:
    layer = Descriptor(media_type=BUNDLE_TYPE, digest=digest_bytes(content), size=len(content))
    registry.attach(digest, BUNDLE_TYPE, [(layer, content)])


def test_a_workflow_signs_and_its_identity_verifies(
    registry: Registry, packages: tuple[Path, Path], trust: Path, sigstore: Sigstore
) -> None:
    digest = registry.push(packages[0], "v1")
    assert sign_keyless(registry, "v1", trust) == digest
    assert len(sigstore.logged) == 1
    assert verify_keyless(registry, digest, IDENTITY, ISSUER, trust) == SignedBy(
        digest=digest, identity=IDENTITY, issuer=ISSUER
    )
    with pytest.raises(SignerError, match=r"not signed by .*/mallory/.*SANs do not match"):
        verify_keyless(registry, digest, f"https://github.com/{FORK}", ISSUER, trust)
    with pytest.raises(SignerError, match=r"of https://gitlab\.com: .*OIDCIssuer"):
        verify_keyless(registry, digest, IDENTITY, "https://gitlab.com", trust)


def test_what_is_attached_is_what_cosign_attaches(registry: Registry, packages: tuple[Path, Path], trust: Path) -> None:
    """Its bundle specification, and the statement that its `sign` makes."""
    digest = registry.push(packages[0])
    sign_keyless(registry, digest, trust)
    (line,) = [line for line in registry.referrers(digest) if line.artifact_type == BUNDLE_TYPE]
    assert line.annotations == {
        "dev.sigstore.bundle.content": "dsse-envelope",
        "dev.sigstore.bundle.predicateType": SIGN_TYPE,
    }
    (bundle,) = (json.loads(content) for content in bundles(registry, digest))
    assert bundle["mediaType"] == BUNDLE_TYPE
    assert bundle["dsseEnvelope"]["payloadType"] == "application/vnd.in-toto+json"
    statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert [subject["digest"] for subject in statement["subject"]] == [{"sha256": digest.removeprefix("sha256:")}]
    assert (statement["predicateType"], statement["predicate"]) == (SIGN_TYPE, {})


def test_a_second_signer_stands_beside_the_first(
    registry: Registry, packages: tuple[Path, Path], trust: Path, sigstore: Sigstore
) -> None:
    digest = registry.push(packages[0])
    sigstore.claims = {"job_workflow_ref": FORK}
    sign_keyless(registry, digest, trust)
    with pytest.raises(SignerError):
        verify_keyless(registry, digest, IDENTITY, ISSUER, trust)
    sigstore.claims = {"job_workflow_ref": IDENTITY.removeprefix("https://github.com/")}
    sign_keyless(registry, digest, trust)
    assert verify_keyless(registry, digest, IDENTITY, ISSUER, trust).identity == IDENTITY


def test_nothing_else_counts(registry: Registry, packages: tuple[Path, Path], trust: Path) -> None:
    """An unsigned package, the bundle of another, bytes that are none, and the word of an instance not trusted."""
    one, two = (registry.push(package) for package in packages)
    with pytest.raises(SignerError, match=r"no bundle is attached to it\. Sign it with"):
        verify_keyless(registry, one, IDENTITY, ISSUER, trust)
    sign_keyless(registry, one, trust)
    (stolen,) = bundles(registry, one)
    for content in (stolen, b"{}"):
        attach(registry, two, content)
        with pytest.raises(SignerError):
            verify_keyless(registry, two, IDENTITY, ISSUER, trust)
    with sigstore_instance() as other:
        trust.write_text(other.trust_config())
    with pytest.raises(SignerError, match="certificate chain"):
        verify_keyless(registry, one, IDENTITY, ISSUER, trust)


@pytest.mark.parametrize(
    "part", ["signature", "payload", "signedEntryTimestamp", "envelope", "logIndex", "rootHash", "canonicalizedBody"]
)
def test_a_bundle_that_was_changed_is_refused(
    packages: tuple[Path, Path], trust: Path, tmp_path: Path, part: str
) -> None:
    signed, registry = OciLayout(tmp_path / "signed"), OciLayout(tmp_path / "registry")
    digest = sign_keyless(signed, signed.push(packages[0]), trust)
    (raw,) = bundles(signed, digest)
    bundle = json.loads(raw)
    entry = bundle["verificationMaterial"]["tlogEntries"][0]
    holder, name = {
        "signature": (bundle["dsseEnvelope"]["signatures"][0], "sig"),
        "payload": (bundle["dsseEnvelope"], "payload"),
        "signedEntryTimestamp": (entry["inclusionPromise"], "signedEntryTimestamp"),
        "envelope": (entry["inclusionProof"]["checkpoint"], "envelope"),
        "logIndex": (entry, "logIndex"),
        "rootHash": (entry["inclusionProof"], "rootHash"),
        "canonicalizedBody": (entry, "canonicalizedBody"),
    }[part]
    holder[name] = "2" if part == "logIndex" else flipped(holder[name])
    attach(registry, registry.push(packages[0]), json.dumps(bundle).encode())
    with pytest.raises(SignerError):
        verify_keyless(registry, digest, IDENTITY, ISSUER, trust)


def flipped(value: str) -> str:
    """The same with one letter changed in its middle."""
    middle = len(value) // 2
    return value[:middle] + ("A" if value[middle] != "A" else "B") + value[middle + 1 :]


def test_without_an_identity_or_an_instance_nothing_is_signed(
    registry: Registry, packages: tuple[Path, Path], trust: Path, sigstore: Sigstore, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = registry.push(packages[0])
    for path in ("/api/v2/signingCert", "/api/v1/log/entries"):
        sigstore.refuses = path
        with pytest.raises(KeylessError, match=r"not signed: .*Check that this machine reaches"):
            sign_keyless(registry, digest, trust)
    monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    with pytest.raises(NoIdentityError, match=r"insufficient OIDC token permissions.*id-token: write"):
        sign_keyless(registry, digest, trust)
    monkeypatch.delenv("GITHUB_ACTIONS")
    with pytest.raises(NoIdentityError, match="nothing here issues one"):
        sign_keyless(registry, digest, trust)
    assert registry.attached(digest, BUNDLE_TYPE) == ()


def test_a_trust_configuration_that_is_none_is_named(
    registry: Registry, packages: tuple[Path, Path], trust: Path, tmp_path: Path
) -> None:
    digest = registry.push(packages[0])
    with pytest.raises(MissingFileError, match=r"away\.json"):
        sign_keyless(registry, digest, tmp_path / "away.json")
    trust.write_text("{}")
    with pytest.raises(TrustError, match=r"trust\.json: no trust in a Sigstore instance"):
        sign_keyless(registry, digest, trust)


def test_the_command_signs_by_the_workflow_and_verifies_by_its_name(
    packages: tuple[Path, Path], trust: Path, tmp_path: Path
) -> None:
    where = ["--registry", str(tmp_path / "registry")]
    digest = CliRunner().invoke(app, ["push", str(packages[0]), *where]).stdout.strip()
    assert CliRunner().invoke(app, ["sign", digest, "--trust-config", str(trust), *where]).stdout.strip() == digest
    named = ["--identity", IDENTITY, "--issuer", ISSUER, "--trust-config", str(trust)]
    done = CliRunner().invoke(app, ["verify", digest, *named, *where, "--json"])
    assert SignedBy.model_validate_json(done.stdout).identity == IDENTITY
    half = CliRunner().invoke(app, ["verify", digest, "--identity", IDENTITY, *where])
    assert str(half.exception) == f"{digest}: verify by --key, or by --identity together with --issuer."
