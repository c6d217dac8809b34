"""The rules of retraining, written in a YAML file that people can read."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field

from physai.infrastructure.contracts import Contract, YamlDocument
from physai.infrastructure.errors import MissingFileError

SHIPPED = {path.stem: path for path in sorted(Path(__file__).with_name("rules").glob("*.yaml"))}


class Rule(Contract):
    """What follows from a drift of some kind."""

    where: tuple[Literal["policy", "site", "cohort", "robot"], ...] = Field(min_length=1)
    """Where the drift is; `policy` is everywhere."""
    least_drop: float = Field(default=0.0, ge=0, le=1)
    """Success below the evaluation at which it applies."""
    then: Literal["retrain", "inspect"]
    """`inspect`: somebody looks at the robots; nothing is asked for."""
    collect_episodes: int = Field(default=150, ge=1)
    """New episodes to ask for."""
    approval: bool = False
    """Whether a person must agree."""


class Budget(Contract):
    """What all requests together may take."""

    days: float = Field(gt=0)
    """Over how long it is counted."""
    requests: int = Field(ge=1)
    episodes: int = Field(ge=1)
    """To collect."""


class RetrainRules(YamlDocument):
    """What follows from a drift: the first rule that fits decides."""

    kind: Literal["retrain-rules"] = "retrain-rules"
    version: Literal[1] = 1
    rules: tuple[Rule, ...] = Field(min_length=1)
    budget: Budget | None = None
    """None for none."""
    cool_down_h: float = Field(default=0.0, ge=0)
    """Between two requests for the same package."""
    pull_episodes: int = Field(default=200, ge=0)
    """Production episodes to fetch at most."""
    workflow: str
    """To submit."""

    @classmethod
    def load(cls, name: str) -> Self:
        """Read rules that are shipped, by their name, or a YAML file.

        Raises:
            MissingFileError: If there are none of that name.
            NotYamlError: If the file is not YAML.
            ContractError: If it does not hold such rules.
        """
        path = SHIPPED.get(name, Path(name))
        if not path.exists():
            known = f"Shipped rules are {', '.join(SHIPPED)}; anything else is a path."
            raise MissingFileError(path, cls.kind_name(), known)
        return cls.read(path)
