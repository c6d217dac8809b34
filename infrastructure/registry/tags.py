"""Tags and digests as the OCI distribution specification writes them."""

import re

from .errors import RegistryError

TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")  # Source: opencontainers/distribution-spec v1.1, spec.md, "Pull"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
ATTACHED_TAG = re.compile(r"sha256-[0-9a-f]{64}(\.sig)?")
"""Sources: sigstore/cosign, specs/SIGNATURE_SPEC.md; distribution-spec v1.1, "Referrers Tag Schema"."""


class TagError(RegistryError):
    """A word cannot be a tag."""

    def __init__(self, tag: str) -> None:
        super().__init__(f"tag '{tag}': not a valid tag. Use up to 128 letters, digits, '.', '_' and '-'.")


def check_tag(tag: str) -> str:
    """The tag itself, if it is one."""
    if not TAG.fullmatch(tag):
        raise TagError(tag)
    return tag


def is_digest(reference: str) -> bool:
    """Whether a reference is a digest rather than a tag."""
    return DIGEST.fullmatch(reference) is not None


def signature_tag(digest: str) -> str:
    """The tag under which the signatures of a manifest lie."""
    return f"{digest.replace(':', '-')}.sig"


def referrers_tag(digest: str) -> str:
    """The tag under which a registry without the referrers API keeps the list of what is attached to a manifest."""
    return digest.replace(":", "-")


def is_attached_tag(tag: str) -> bool:
    """Whether a tag names what is attached to a package rather than a package."""
    return ATTACHED_TAG.fullmatch(tag) is not None
