"""The examples, as CI runs them."""

from pathlib import Path

import pytest

from physai.evaluation.examples import hil_rehearsal, il_policy, rl_policy
from physai.evaluation.gate import judge
from physai.evaluation.gate_rules import GateRules
from physai.infrastructure.contracts import EvaluationReport, PolicyPackage
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.registry import manifest_digest

RULES = GateRules.model_validate(
    {"rules": [{"metric": "success.lower", "op": ">=", "bound": 0.6, "when": "no-champion"}]}, strict=False
)


def successes(report: EvaluationReport) -> dict[str, int]:
    return {each.role: each.success.successes for each in report.policies}


def test_a_clone_does_what_its_demonstrator_does_and_names_the_demonstrations(tmp_path: Path) -> None:
    report = il_policy.evaluated(tmp_path)
    assert successes(report) == {"candidate": 32, "champion": 32, "untrained": 0}
    package = PolicyPackage.read(tmp_path / "clone/package.json")
    assert package.dataset == Dataset(tmp_path / "demonstrations/rollouts").content_digest()
    assert (tmp_path / "evaluation/report.html").exists()


def test_a_policy_that_learned_by_reward_passes_the_gate_and_one_that_did_not_fails_it(tmp_path: Path) -> None:
    report = rl_policy.evaluated(tmp_path)
    path = tmp_path / "evaluation/report.json"
    verdicts = {
        role: judge(report, path, manifest_digest(tmp_path / folder), RULES, role).verdict
        for role, folder in (("candidate", "learned"), ("untrained", "untrained"))
    }
    assert verdicts == {"candidate": "PASS", "untrained": "FAIL"}


@pytest.mark.simulation
def test_a_rehearsal_between_two_processes_climbs_every_rung_and_measures_the_link(tmp_path: Path) -> None:
    report = hil_rehearsal.rehearsed(tmp_path)
    assert report.passed
    assert [(rung.rung, rung.episodes) for rung in report.rungs] == [("no-command", 2), ("limited", 2), ("full", 2)]
    assert all(rung.latency_ms["p50"] >= 2e3 * hil_rehearsal.DELAY_S for rung in report.rungs)
    assert report.after is not None
