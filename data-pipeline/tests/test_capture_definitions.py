"""The types that the examples record."""

from pathlib import Path

import pytest

from physai.infrastructure.contracts import RecordingConfig
from physai.infrastructure.ros2.definitions import Definitions

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.parametrize("name", ["ur10e.yaml", "mobile-manipulator.yaml"])
def test_the_types_of_the_examples_are_known(name: str) -> None:
    config = RecordingConfig.read(EXAMPLES / name)
    for rule in config.topics:
        Definitions().require(rule.topic, rule.type)
    assert {feature.feature for rule in config.topics for feature in rule.features} >= {"observation.state", "action"}
