"""The rules of a gate, written in a YAML file that people can read."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from physai.infrastructure.contracts import Contract, Digest, Role, YamlDocument

DEFAULT = Path(__file__).with_name("gates.yaml")
RATES = r"(success|difference)\.(value|lower|upper)"
METRIC = rf"^({RATES}|sequential\.better|episodes|inference_ms\.(p50|p99)|kpi\.[a-z0-9_]+\.(mean|p50|p95|max))$"


class Rule(Contract):
    """One thing that must be true of a policy, e.g. `success.lower >= 0.6`."""

    metric: str = Field(pattern=METRIC)
    """`success.lower`, `difference.lower` (paired, against `baseline`), `sequential.better` (1 if a sequential
    comparison with `baseline` says so), `episodes`, `inference_ms.p99`, `kpi.final_error_m.p95`; `lower` and `upper`
    are the ends of the interval, `value` is the estimate."""
    op: Literal[">=", ">", "<=", "<"] = ">="
    bound: float
    baseline: Role | None = None
    """Whom a `difference` is taken against, or a sequential comparison was made with."""
    baseline_package: Digest | None = None
    """Manifest digest of the package that the baseline must be; a report with another one is refused."""
    when: Literal["always", "champion", "no-champion"] = "always"
    """Whether the rule counts only with, or only without, a champion in the report."""

    @model_validator(mode="after")
    def _baseline_for_differences(self) -> Self:
        if self.metric.startswith(("difference.", "sequential.")) != (self.baseline is not None):
            raise ValueError("a difference and a sequential comparison need a baseline, and nothing else has one")
        if self.baseline_package is not None and self.baseline is None:
            raise ValueError("baseline_package says which package the baseline is, and there is no baseline")
        return self

    def __str__(self) -> str:
        which = f" {self.baseline_package[7:19]}" if self.baseline_package else ""
        against = f" against {self.baseline}{which}" if self.baseline else ""
        return f"{self.metric}{against} {self.op} {self.bound:g}"


class GateRules(YamlDocument):
    """All rules of a gate; each that applies must pass."""

    kind: Literal["gate-rules"] = "gate-rules"
    version: Literal[1] = 1
    rules: tuple[Rule, ...] = Field(min_length=1)
