"""A gate's rules in a file."""

from pathlib import Path

import pytest

from physai.fleet_deployment.gating.rules import GateRules
from physai.infrastructure.contracts import ContractError


def test_rules_are_read_from_yaml_and_mistakes_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(
        "kind: gate-rules\nversion: 1\nwindows:\n- {start: '22:00', end: '05:00', time_zone: Europe/Berlin}\n"
        "condition: {docked: true, min_battery: 0.4}\n"
    )
    rules = GateRules.read(path)
    assert rules.windows[0].time_zone == "Europe/Berlin"
    assert GateRules.model_validate_json(rules.model_dump_json()) == rules
    path.write_text("kind: gate-rules\nversion: 1\nwindow: []\n")
    with pytest.raises(ContractError, match="window: Extra inputs"):
        GateRules.read(path)
