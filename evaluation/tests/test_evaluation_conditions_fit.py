from collections.abc import Callable
from pathlib import Path

import pytest

from physai.evaluation.sil.conditions import check_conditions
from physai.infrastructure.contracts import ConditionSet, PolicyPackage
from physai.infrastructure.fit import MisfitError


def test_conditions_of_another_task_or_robot_are_refused(
    package: Path, make_conditions: Callable[[int], ConditionSet]
) -> None:
    contract, conditions = PolicyPackage.read(package / "package.json"), make_conditions(2)
    check_conditions("candidate", contract, conditions)
    with pytest.raises(MisfitError, match=r"candidate: .* its task is Isaac-Reach-UR10, the robot's is Cartpole"):
        check_conditions("candidate", contract, conditions.model_copy(update={"task": "Cartpole"}))
    with pytest.raises(MisfitError, match="joint order"):
        check_conditions("candidate", contract, conditions.model_copy(update={"joint_names": ("a", "b")}))
