"""Under which terms the parts of a policy are: code by its installed metadata, data and weights by their cards."""

import re
from collections.abc import Mapping
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from yaml import YAMLError

from physai.infrastructure.contracts import LicensedPart

from .errors import CardError, LicenceError

UNSTATED = "NOASSERTION"
"""Source: SPDX 2.3, clause 7.13."""
CARD = "README.md"
"""Source: huggingface.co/docs/hub, "Dataset cards" and "Model cards"."""


def of_code(*distributions: str) -> tuple[LicensedPart, ...]:
    """Licences of installed distributions."""
    return tuple(
        LicensedPart(part="code", name=name, licence=of_distribution(name) or UNSTATED) for name in distributions
    )


def of_dataset(folder: Path, digest: str) -> LicensedPart:
    """Licence of a dataset by its card.

    Raises:
        CardError: If the card cannot be read.
    """
    return LicensedPart(part="dataset", name=digest, licence=_of_card(folder))


def of_checkpoint(folder: Path, digest: str) -> LicensedPart:
    """Licence of pretrained weights by their card.

    Raises:
        CardError: If the card cannot be read.
    """
    return LicensedPart(part="weights", name=digest, licence=_of_card(folder))


def of_backbone(name: str) -> LicensedPart:
    """Pretrained weights of an image encoder, by torchvision's name or a file's digest; neither states a licence."""
    return LicensedPart(part="weights", name=name, licence=UNSTATED)


def of_policy(name: str, licence: str | None) -> LicensedPart:
    """What its owner says of the trained weights.

    Raises:
        LicenceError: If the licence is no SPDX expression.
    """
    found = UNSTATED if licence is None else spdx(licence)
    if found is None:
        raise LicenceError(str(licence))
    return LicensedPart(part="policy", name=name, licence=found)


def of_distribution(name: str) -> str | None:
    """SPDX expression of an installed distribution; None if its metadata states none.

    Source: packaging.python.org, "Core metadata": `License-Expression`, and `License` in older ones.
    """
    found = metadata(name)
    return next((known for key in ("License-Expression", "License") if (known := spdx(found.get(key) or ""))), None)


def spdx(text: str) -> str | None:
    """A licence as an SPDX expression; None if it is none.

    Hugging Face's cards write identifiers in lower case, older Python metadata `MIT License`.
    """
    try:
        return canonicalize_license_expression(text.removesuffix(" License"))
    except InvalidLicenseExpression:
        return None


def _of_card(folder: Path) -> str:
    from huggingface_hub import metadata_load

    card = folder / CARD
    try:
        facts = metadata_load(card) if card.is_file() else None
    except (ValueError, YAMLError) as error:
        raise CardError(card, error) from error
    return _of_facts(facts or {}) or UNSTATED


def _of_facts(facts: Mapping[str, Any]) -> str | None:
    """The `license` of a card: one, a list, or `other` beside a `license_name`."""
    stated = facts.get("license") or []
    each = [str(one) for one in (stated if isinstance(stated, list) else [stated])]
    if each == ["other"] and (name := facts.get("license_name")):
        return f"LicenseRef-{re.sub(r'[^A-Za-z0-9.]+', '-', str(name)).strip('-')}"
    known = [spdx(one) for one in each]
    return " AND ".join(one for one in known if one) if known and all(known) else None
