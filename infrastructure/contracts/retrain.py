"""What is asked for when a policy has drifted: what to fetch, what to collect, what to run."""

from typing import Literal

from pydantic import AwareDatetime, Field

from .base import Contract, Digest, Document
from .fleet import Approval, Attribution


class Pull(Contract):
    """A production episode whose recording is to be fetched from the robot."""

    source: str
    """Of its telemetry event: `/<site>/<robot>`."""
    event: str
    """Id of that event."""
    release: str
    episode: int
    """Counts from 0 within robot and release."""
    novelty: float = Field(ge=0, le=1)
    """How far what was asked of the robot lies from all before it in the list, as a part of the greatest distance."""


class Collection(Contract):
    """New episodes that are asked for."""

    site: str
    task: str
    episodes: int = Field(ge=1)


class Submission(Contract):
    """A workflow to run, and the values that differ from its defaults."""

    workflow: str
    """Path of an OSMO workflow in the repository."""
    values: dict[str, str | int | float]


class RetrainRequest(Document):
    """What starts the next lap."""

    kind: Literal["retrain-request"] = "retrain-request"
    version: Literal[2] = 2
    name: str
    """Of the drift report behind it: the same report asks once."""
    requested_at: AwareDatetime
    drift: Digest
    """Of the drift report behind it."""
    policy: Digest
    """The package that drifted; the champion of the next lap."""
    dataset: Digest
    """Content digest of the dataset that package was trained on."""
    where: Attribution
    pull: tuple[Pull, ...]
    """Failed episodes since the change, each command once: what tells most that is new comes first."""
    collect: Collection
    submit: Submission
    needs_approval: str = ""
    """Why a person must agree before it is submitted; empty if nobody must."""
    approval: Approval | None = None

    @property
    def may_start(self) -> bool:
        """Whether it may be submitted."""
        return not self.needs_approval or self.approval is not None
