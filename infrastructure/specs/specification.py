"""A specification: a page whose front matter names the commands, contracts and files that it speaks for."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self, get_args

import yaml
from pydantic import Field, ValidationError, model_validator

from ..contracts import Contract
from ..errors import MissingFileError, PhysaiError, one_line

SUFFIX = ".specification.md"
FRONT = re.compile(r"\A---\n(.*?)^---\n", re.DOTALL | re.MULTILINE)
Domain = Literal[
    "infrastructure",
    "data-pipeline",
    "data-management",
    "synthetic-data",
    "training",
    "evaluation",
    "fleet-deployment",
    "fleet-intelligence",
]
DOMAINS: tuple[Domain, ...] = get_args(Domain)


class SpecificationError(PhysaiError):
    """A file is no specification."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}. See infrastructure/specifications/specs{SUFFIX} for what it must hold.")


class Specification(Contract):
    """Front matter of one specification."""

    id: str = Field(pattern=r"^[a-z-]+\.[a-z0-9-]+$")
    """Domain and capability, e.g. `data-pipeline.capture`."""
    title: str
    version: int = Field(ge=1)
    """Counts changes of meaning."""
    status: Literal["active", "draft"]
    """`active`: every requirement holds and CI runs the acceptance. `draft`: what holds is told in the text."""
    domain: Domain
    commands: tuple[str, ...] = ()
    """Commands, or groups of them, without `physai`: `data-pipeline capture`."""
    contracts_in: tuple[str, ...] = ()
    """Contracts it reads, as `physai contracts list` has them."""
    contracts_out: tuple[str, ...] = ()
    """Contracts it writes."""
    settings: tuple[str, ...] = ()
    """Settings it reads, as `physai settings show` has them."""
    workflows: tuple[str, ...] = ()
    """OSMO files, by path from the root of the repository."""
    terraform: tuple[str, ...] = ()
    """Folders of Terraform modules, by path from the root of the repository."""
    acceptance: tuple[str, ...] = ()
    """Commands that show it: `uv run pytest …` or `uv run physai …`."""
    words: tuple[str, ...] = ()
    """Words by which people look for it; each stands on its page or in its guide."""
    guide: str = ""
    """Where a person learns to use it: a page by path from the root, with `#heading` if it has several subjects."""
    examples: tuple[str, ...] = ()
    """Files to start from, by path from the root."""
    proven_with: tuple[str, ...] = ()
    """What the acceptance meets that is not ours, e.g. `Azurite, through azure-storage-blob`."""
    reports: tuple[str, ...] = ()
    """Committed benchmark reports, `…/report.json`; the machine in them says where it ran."""
    not_yet: tuple[str, ...] = ()
    """What has not been tried, and so is not claimed."""

    @model_validator(mode="after")
    def _belongs_to_its_domain(self) -> Self:
        if self.id.partition(".")[0] != self.domain:
            raise ValueError(f"id '{self.id}' is not of domain '{self.domain}'")
        return self


def specification_files(root: Path) -> Iterator[Path]:
    """Specifications of all domains, by path from the root."""
    for domain in DOMAINS:
        yield from sorted(path.relative_to(root) for path in (root / domain / "specifications").glob(f"*{SUFFIX}"))


def read_specification(root: Path, path: Path) -> Specification:
    """Read the front matter of one specification.

    Raises:
        MissingFileError: If there is no such file.
        SpecificationError: If it has no front matter, or one that holds something else.
    """
    try:
        text = (root / path).read_text()
    except FileNotFoundError as error:
        raise MissingFileError(path, "specification", "`physai specs list` tells where they are.") from error
    front = FRONT.match(text)
    if front is None:
        raise SpecificationError(path, "does not begin with front matter between two lines of ---")
    try:
        return Specification.model_validate_json(json.dumps(yaml.safe_load(front[1])))
    except (yaml.YAMLError, TypeError) as error:
        raise SpecificationError(path, f"its front matter is not plain YAML: {one_line(error)}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "front matter"
        raise SpecificationError(path, f"{where}: {first['msg']}") from error
