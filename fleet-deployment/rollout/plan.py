"""What a rollout is to do: which policy, to which cohorts in which order, and how its success is judged."""

from typing import Literal, Self

from pydantic import Field, model_validator

from physai.infrastructure.contracts import Contract, Digest, Document

from ..gating.sequential import Baseline, Boundaries, TrialRules, boundaries

FIRST_SHARE = 0.9  # of the chance to stop a good policy; the first cohort is where a bad one must be found fast


class Cohort(Contract):
    """Robots that get a release together."""

    name: str = Field(min_length=1)
    robots: tuple[str, ...] = Field(min_length=1)
    min_robots: int = Field(default=1, ge=1)
    """Fewest robots of it whose episodes must count before the next cohort begins."""


class RolloutPlan(Document):
    """A rollout."""

    kind: Literal["rollout-plan"] = "rollout-plan"
    version: Literal[1] = 1
    release: str
    package: Digest
    previous: str
    """Release that every robot runs before, and returns to."""
    previous_package: Digest
    baseline: Baseline
    """Of the new policy's evaluation."""
    trial: TrialRules = TrialRules()
    """Its `false_stop` is for the whole rollout."""
    cohorts: tuple[Cohort, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_robot_once(self) -> Self:
        robots = [robot for cohort in self.cohorts for robot in cohort.robots]
        twice = sorted({robot for robot in robots if robots.count(robot) > 1})
        if twice:
            raise ValueError(f"robots in two places: {', '.join(twice)}")
        for cohort in self.cohorts:
            if cohort.min_robots > len(cohort.robots):
                raise ValueError(f"cohort '{cohort.name}' has fewer robots than its min_robots")
        return self

    def rules_of(self, cohort: int) -> TrialRules:
        """The test of one cohort. The chances of the cohorts to stop a good policy add up to the rollout's."""
        later = len(self.cohorts) - 1
        share = 1.0 if later == 0 else FIRST_SHARE if cohort == 0 else (1 - FIRST_SHARE) / later
        return self.trial.model_copy(update={"false_stop": self.trial.false_stop * share})

    def boundaries_of(self, cohort: int) -> Boundaries:
        """The boundaries of one cohort's test."""
        return boundaries(self.baseline, self.rules_of(cohort))

    def cohort_of(self, robot: str) -> int | None:
        """Index of a robot's cohort, or None."""
        return next((index for index, cohort in enumerate(self.cohorts) if robot in cohort.robots), None)
