"""What a fleet asks of a package before any robot runs it."""

from typing import Literal, Self

from pydantic import model_validator

from .base import Document


class FleetPolicy(Document):
    """`fleet-policy.json` of the fleet's repository, or of one robot, where it wins."""

    kind: Literal["fleet-policy"] = "fleet-policy"
    version: Literal[1] = 1
    require_signature: bool = False
    """Whether a package must be signed by one of `trusted_keys`."""
    trusted_keys: dict[str, str] = {}
    """Owner → public key in PEM, ECDSA on P-256, as in `cosign.pub`."""
    require_description: bool = False
    """Whether every robot of a release must be described in `robots/<robot>.json`, and fit the package."""

    @model_validator(mode="after")
    def _keys_to_require(self) -> Self:
        if self.require_signature and not self.trusted_keys:
            raise ValueError("a signature is required, and no key is trusted: nothing could ever be released")
        return self
