"""What a rollout hears of: episodes and reports of robots, in any order and more than once, and words of people."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, TypeAdapter

from physai.infrastructure.contracts import Contract

from .plan import RolloutPlan


class Happening(Contract):
    """What every event has."""

    at: AwareDatetime


class PlanSet(Happening):
    """The plan, the first event of every rollout."""

    event: Literal["plan-set"] = "plan-set"
    plan: RolloutPlan


class Started(Happening):
    """The first cohort gets the release."""

    event: Literal["started"] = "started"
    by: str


class Reported(Happening):
    """A robot tells what serves on it."""

    event: Literal["reported"] = "reported"
    robot: str
    release: str


class EpisodeEnded(Happening):
    """A robot tells how a production episode went."""

    event: Literal["episode-ended"] = "episode-ended"
    robot: str
    release: str
    """That it ran under."""
    episode: int = Field(ge=0, lt=100_000)
    success: bool


class Halted(Happening):
    """No further cohort begins; robots that have the release keep it."""

    event: Literal["halted"] = "halted"
    by: str
    reason: str


class Resumed(Happening):
    """The end of a halt."""

    event: Literal["resumed"] = "resumed"
    by: str


class TakenBack(Happening):
    """A person stops the rollout; every robot returns to the release before."""

    event: Literal["taken-back"] = "taken-back"
    by: str
    reason: str


type Event = Annotated[
    PlanSet | Started | Reported | EpisodeEnded | Halted | Resumed | TakenBack, Field(discriminator="event")
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
