"""Signatures without a key: by the identity of whatever runs, e.g. a GitHub workflow, as cosign 3 writes them.

Fulcio certifies a key that lives for this one signature, and Rekor logs it; what is kept is a Sigstore bundle among the
referrers of the package, which can be verified without either.
Source: github.com/sigstore/cosign, specs/BUNDLE_SPEC.md, and the in-toto statement that its `sign` makes.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field, ValidationError

from ..contracts import Contract, Digest, digest_bytes
from ..errors import MissingFileError, one_line
from .errors import RegistryError
from .manifest import Descriptor
from .store import Registry

if TYPE_CHECKING:
    from sigstore.dsse import Statement
    from sigstore.models import ClientTrustConfig

BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
STATEMENT_TYPE = "application/vnd.in-toto+json"
SIGN_TYPE = "https://sigstore.dev/cosign/sign/v1"
TRUST = "`sigstore trust-instance` makes one; leave --trust-config out for the public instance."
ANNOTATIONS = {"dev.sigstore.bundle.content": "dsse-envelope", "dev.sigstore.bundle.predicateType": SIGN_TYPE}


class NoIdentityError(RegistryError):
    """Nothing tells who is signing."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"no identity to sign by ({why}). Run it in a GitHub workflow with `id-token: write`, or give --key."
        )


class KeylessError(RegistryError):
    """A package could not be signed without a key."""

    def __init__(self, digest: Digest, error: Exception) -> None:
        super().__init__(
            f"{digest}: not signed: {one_line(error, 200)}. Check that this machine reaches the Sigstore instance, "
            "and that the instance accepts this identity's issuer."
        )


class SignerError(RegistryError):
    """Nobody of this identity has signed a package."""

    def __init__(self, where: str, digest: Digest, identity: str, issuer: str, why: str) -> None:
        super().__init__(
            f"{where}: {digest}: not signed by {identity} of {issuer}: {why}. "
            "Sign it with `physai registry sign` in that workflow, or name the identity that is trusted."
        )


class TrustError(RegistryError):
    """Nothing tells whom to trust."""

    def __init__(self, where: Path | str, error: Exception) -> None:
        super().__init__(
            f"{where}: no trust in a Sigstore instance to be had from it ({one_line(error, 200)}). "
            "Give a file of `sigstore trust-instance` as --trust-config, or let this machine reach the public instance."
        )


class SignedBy(Contract):
    """Who has signed a package without a key."""

    digest: Digest
    identity: str
    """As the certificate names it; of a GitHub workflow `https://github.com/OWNER/REPOSITORY/.github/workflows/…@REF`."""
    issuer: str
    """Who vouches for that identity."""


class _Subject(BaseModel):
    digest: dict[str, str]


class _Statement(BaseModel):
    """What a signature of an image says; everything else is another kind of attestation."""

    subject: list[_Subject]
    predicate_type: Literal["https://sigstore.dev/cosign/sign/v1"] = Field(alias="predicateType")


def sign_keyless(registry: Registry, reference: str, trust_config: Path | None = None) -> Digest:
    """Sign a package as whoever runs this; further signatures of it are kept.

    Args:
        registry: Where the package is, and where the bundle goes.
        reference: Digest or tag.
        trust_config: Of a Sigstore instance of one's own; None is the public one, whose log anybody can read.

    Returns:
        The digest that was signed.

    Raises:
        NoIdentityError: If nothing here tells who runs this.
        KeylessError: If Fulcio or Rekor refuses, or does not answer.
        TrustError: If `trust_config` is none, or that of the public instance cannot be had.
    """
    from sigstore.oidc import IdentityError, IdentityToken, detect_credential
    from sigstore.sign import SigningContext

    digest = registry.resolve(reference)
    try:
        token = detect_credential()
        if token is None:
            raise NoIdentityError("nothing here issues one")
        identity = IdentityToken(token)
    except IdentityError as error:
        raise NoIdentityError(one_line(error, 200)) from error
    trust = _trust(trust_config)
    try:
        with SigningContext.from_trust_config(trust).signer(identity) as signer:
            bundle = signer.sign_dsse(_statement(digest))
    except Exception as error:  # what Fulcio's and Rekor's clients raise is private to the library
        raise KeylessError(digest, error) from error
    content = bundle.to_json().encode()
    layer = Descriptor(media_type=BUNDLE_TYPE, digest=digest_bytes(content), size=len(content))
    registry.attach(digest, BUNDLE_TYPE, [(layer, content)], annotations=ANNOTATIONS)
    return digest


def verify_keyless(
    registry: Registry, digest: Digest, identity: str, issuer: str, trust_config: Path | None = None
) -> SignedBy:
    """Check that somebody of this identity has signed a package; Fulcio and Rekor are not asked.

    Args:
        registry: Where package and bundle are.
        digest: Of the package.
        identity: Who must have signed it, to the letter.
        issuer: Who must vouch for that identity, e.g. `https://token.actions.githubusercontent.com`.
        trust_config: See `sign_keyless`.

    Raises:
        SignerError: If nobody has, in a way that its certificate and the log bear out.
        TrustError: See `sign_keyless`.
    """
    from sigstore.errors import Error
    from sigstore.models import Bundle
    from sigstore.verify import Verifier
    from sigstore.verify.policy import Identity

    blobs = registry.attached(digest, BUNDLE_TYPE)
    if not blobs:
        raise SignerError(registry.name, digest, identity, issuer, "no bundle is attached to it")
    verifier = Verifier(trusted_root=_trust(trust_config).trusted_root)
    wanted, why = Identity(identity=identity, issuer=issuer), "no bundle speaks of this package"
    for blob in blobs:
        try:
            kind, said = verifier.verify_dsse(Bundle.from_json(registry.get_bytes(blob)), wanted)
        except Error as error:
            why = one_line(error, 200)
            continue
        if kind == STATEMENT_TYPE and _speaks(said, digest):
            return SignedBy(digest=digest, identity=identity, issuer=issuer)
    raise SignerError(registry.name, digest, identity, issuer, why)


def _trust(config: Path | None) -> "ClientTrustConfig":
    """Whom to trust: those of a file, or of the public instance, as its own signed repository tells."""
    from sigstore.models import ClientTrustConfig

    try:
        return ClientTrustConfig.from_json(config.read_text()) if config else ClientTrustConfig.production()
    except FileNotFoundError as error:
        raise MissingFileError(config or "", "trust configuration", TRUST) from error
    except Exception as error:  # of the network, of TUF, of pydantic
        raise TrustError(config or "the public Sigstore instance", error) from error


def _statement(digest: Digest) -> "Statement":
    from sigstore.dsse import DigestSet, StatementBuilder, Subject

    algorithm, _, value = digest.partition(":")
    subject = Subject(name="", digest=DigestSet({algorithm: value}))
    return StatementBuilder([subject], SIGN_TYPE, {}).build()


def _speaks(said: bytes, digest: Digest) -> bool:
    """Whether a verified statement is a signature of this very package."""
    algorithm, _, value = digest.partition(":")
    try:
        statement = _Statement.model_validate_json(said)
    except ValidationError:
        return False
    return any(subject.digest.get(algorithm) == value for subject in statement.subject)
