"""What the examples in simulation share: conditions of CartPole, and an evaluation of packages on them."""

from pathlib import Path
from typing import TYPE_CHECKING

from physai.infrastructure.contracts import ConditionSet, EvaluationReport, Role, World

from ..cli import report_table
from ..sil.conditions import create_conditions
from ..sil.entrants import read_entrants
from ..sil.evaluate import Plan, evaluate
from .classic_control import CARTPOLE

if TYPE_CHECKING:
    from rich.table import Table

RULE, HORIZON_S = "steps >= 200", 4.0  # 200 control steps at 50 Hz


def draw(episodes: int, seed: int) -> ConditionSet:
    """Conditions of CartPole; the pole must stand for all of them."""
    return create_conditions(
        CARTPOLE, World(name="nominal"), episodes=episodes, seed=seed, horizon_s=HORIZON_S, success=RULE
    )


def play(output: Path, conditions: ConditionSet, **packages: Path) -> EvaluationReport:
    """Let packages play, by role, each through the policy host."""
    roles: dict[Role, Path] = {
        role: packages[role] for role in ("candidate", "champion", "untrained") if role in packages
    }
    plan = Plan(conditions, read_entrants(roles), expert=False, server=None, wait_s=30.0, envs=8)
    return evaluate(plan, output, lambda *_: None)


def table(report: EvaluationReport) -> "Table":
    """As `physai evaluation sil run` prints it."""
    return report_table(report)
