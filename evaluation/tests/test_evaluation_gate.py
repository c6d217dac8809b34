from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from physai.evaluation.errors import EvaluationError, ReportError
from physai.evaluation.gate import judge
from physai.evaluation.gate_rules import DEFAULT, GateRules, Rule
from physai.infrastructure.contracts import EvaluationReport, Rate, digest_bytes
from physai.infrastructure.errors import PhysaiError

Make = Callable[..., EvaluationReport]
PACKAGE = digest_bytes(b"candidate")
PATH = Path("report.json")
OTHER_CONDITIONS = """{
    "task": "t", "world": {"name": "w"}, "seed": 1, "horizon_s": 1.0, "joint_names": ["j"],
    "conditions": [{"joint_pos_rad": [0.0], "command": [0.0]}]
}"""
DEFAULTS = GateRules.read(DEFAULT)


def rules(*entries: Rule) -> GateRules:
    return GateRules(rules=entries)


def share(successes: int, episodes: int = 60) -> list[bool]:
    return [i < successes for i in range(episodes)]


outcomes = st.integers(20, 120).flatmap(lambda n: st.tuples(*[st.lists(st.booleans(), min_size=n, max_size=n)] * 3))


def test_a_good_first_policy_passes(make_evaluation: Make) -> None:
    # 51 of 60: Wilson's centre is 0.82894 and its half width 0.09009
    verdict = judge(make_evaluation(candidate=share(51), untrained=share(0)), PATH, PACKAGE, DEFAULTS)
    assert verdict.verdict == "PASS"
    assert [rule.verdict for rule in verdict.rules] == ["PASS"] * 3
    assert verdict.rules[2].value == pytest.approx(0.82894 - 0.09009, abs=1e-5)


def test_a_bad_first_policy_fails(make_evaluation: Make) -> None:
    # 20 of 60: Wilson's upper bound is 0.459, below 0.6
    verdict = judge(make_evaluation(candidate=share(20), untrained=share(0)), PATH, PACKAGE, DEFAULTS)
    assert verdict.verdict == "FAIL"


def test_a_middling_first_policy_needs_more_episodes(make_evaluation: Make) -> None:
    # 39 of 60 = 0.65: interval 0.524 to 0.758 holds 0.6
    verdict = judge(make_evaluation(candidate=share(39), untrained=share(0)), PATH, PACKAGE, DEFAULTS)
    assert verdict.verdict == "INCONCLUSIVE"


def test_the_untrained_policy_of_the_same_report_fails(make_evaluation: Make) -> None:
    report = make_evaluation(candidate=share(60), untrained=share(0))
    verdict = judge(report, PATH, digest_bytes(b"untrained"), DEFAULTS, role="untrained")
    assert verdict.verdict == "FAIL"
    assert {rule.rule: rule.value for rule in verdict.rules}["untrained difference.lower against untrained > 0"] is None


def test_with_a_champion_the_paired_rule_counts_instead_of_the_absolute_one(make_evaluation: Make) -> None:
    # 30 of 60 would not be enough for a first release; the champion's 5 of 60 are far worse
    report = make_evaluation(candidate=share(30), champion=share(5), untrained=share(0))
    verdict = judge(report, PATH, PACKAGE, DEFAULTS)
    assert verdict.verdict == "PASS"
    assert [rule.rule for rule in verdict.rules][-1] == "candidate difference.lower against champion > -0.05"


def test_a_candidate_that_loses_to_the_champion_fails(make_evaluation: Make) -> None:
    report = make_evaluation(candidate=share(30), champion=share(58), untrained=share(0))
    assert judge(report, PATH, PACKAGE, DEFAULTS).verdict == "FAIL"


def test_too_few_episodes_fail(make_evaluation: Make) -> None:
    report = make_evaluation(candidate=share(10, 10), untrained=share(0, 10))
    verdict = judge(report, PATH, PACKAGE, DEFAULTS)
    assert verdict.verdict == "FAIL"
    assert verdict.rules[0].rule == "candidate episodes >= 20"


@pytest.mark.parametrize("metric", ["inference_ms.p99", "kpi.path_length_rad.mean"])
def test_a_metric_that_is_missing_fails(make_evaluation: Make, metric: str) -> None:
    verdict = judge(make_evaluation(candidate=share(60)), PATH, PACKAGE, rules(Rule(metric=metric, op="<", bound=1e9)))
    assert verdict.verdict == "FAIL"
    assert verdict.rules[0].value is None


def test_a_champion_that_is_missing_fails_a_rule_that_always_counts(make_evaluation: Make) -> None:
    always = Rule(metric="difference.lower", op=">", bound=-1, baseline="champion")
    assert judge(make_evaluation(candidate=share(60)), PATH, PACKAGE, rules(always)).verdict == "FAIL"


def test_a_kpi_is_judged_by_its_statistic_over_the_episodes(make_evaluation: Make) -> None:
    # final_error_m is 0.01 i for i = 0 … 59: mean 0.295, maximum 0.59, median 0.295, 95th percentile 0.5605
    report = make_evaluation(candidate=share(60))
    expected = {"mean": 0.295, "max": 0.59, "p50": 0.295, "p95": 0.5605}
    ruleset = rules(*(Rule(metric=f"kpi.final_error_m.{name}", op="<=", bound=1) for name in expected))
    verdict = judge(report, PATH, PACKAGE, ruleset)
    assert [rule.value for rule in verdict.rules] == [pytest.approx(value) for value in expected.values()]


@given(data=outcomes)
def test_a_policy_that_does_not_win_more_than_it_loses_is_never_called_better(
    make_evaluation: Make, data: tuple[list[bool], list[bool], list[bool]]
) -> None:
    candidate, champion, _ = data
    assume(sum(candidate) <= sum(champion))
    better = Rule(metric="difference.lower", op=">", bound=0, baseline="champion")
    report = make_evaluation(candidate=candidate, champion=champion)
    assert judge(report, PATH, PACKAGE, rules(better)).verdict != "PASS"


@given(data=outcomes)
def test_one_more_success_never_makes_a_verdict_worse(
    make_evaluation: Make, data: tuple[list[bool], list[bool], list[bool]]
) -> None:
    candidate, champion, untrained = data
    assume(not all(candidate))
    improved = candidate.copy()
    improved[improved.index(False)] = True
    order = ["FAIL", "INCONCLUSIVE", "PASS"]
    before, after = (
        judge(make_evaluation(candidate=c, champion=champion, untrained=untrained), PATH, PACKAGE, DEFAULTS).verdict
        for c in (candidate, improved)
    )
    assert order.index(after) >= order.index(before)


@given(data=outcomes, bound=st.floats(0, 1))
def test_no_policy_both_exceeds_and_falls_short_of_a_bound(
    make_evaluation: Make, data: tuple[list[bool], list[bool], list[bool]], bound: float
) -> None:
    report = make_evaluation(candidate=data[0])
    above = judge(report, PATH, PACKAGE, rules(Rule(metric="success.lower", op=">", bound=bound)))
    below = judge(report, PATH, PACKAGE, rules(Rule(metric="success.upper", op="<", bound=bound)))
    assert {above.verdict, below.verdict} != {"PASS"}


def test_evidence_about_another_package_is_refused(make_evaluation: Make) -> None:
    with pytest.raises(ReportError, match=r"not the package in question"):
        judge(make_evaluation(candidate=share(60)), PATH, digest_bytes(b"other"), DEFAULTS)


def against(champion: str, **fields: str) -> GateRules:
    better = Rule(metric="difference.lower", op=">", bound=0, baseline="champion", baseline_package=champion, **fields)
    return rules(better, Rule(metric="episodes", bound=20))


def test_a_baseline_that_is_another_package_is_refused_however_good_the_candidate(make_evaluation: Make) -> None:
    champion, other = digest_bytes(b"champion"), digest_bytes(b"other")  # the fixture's champion is the first
    report = make_evaluation(candidate=share(60), champion=share(5))
    verdict = judge(report, PATH, PACKAGE, against(champion))
    assert verdict.verdict == "PASS"
    assert verdict.rules[0].rule == f"candidate difference.lower against champion {champion[7:19]} > 0"
    with pytest.raises(ReportError, match=f"its champion is {champion}, the gate asks for {other}"):
        judge(report, PATH, PACKAGE, against(other))


def test_a_baseline_that_is_absent_is_refused_unless_its_rule_does_not_count(make_evaluation: Make) -> None:
    report, champion = make_evaluation(candidate=share(60)), digest_bytes(b"champion")
    with pytest.raises(ReportError, match=f"its champion is absent, the gate asks for {champion}"):
        judge(report, PATH, PACKAGE, against(champion))
    assert judge(report, PATH, PACKAGE, against(champion, when="champion")).verdict == "PASS"


def test_a_role_that_did_not_take_part_is_refused(make_evaluation: Make) -> None:
    with pytest.raises(ReportError, match=r"'champion' did not take part; it holds candidate"):
        judge(make_evaluation(candidate=share(60)), PATH, PACKAGE, DEFAULTS, role="champion")


def test_a_report_whose_rate_does_not_follow_from_its_episodes_is_refused(make_evaluation: Make) -> None:
    report = make_evaluation(candidate=share(10))
    flattering = Rate(successes=60, episodes=60, value=1.0, lower=0.94, upper=1.0)
    candidate = report.policies[0].model_copy(update={"success": flattering})
    with pytest.raises(ReportError, match=r"candidate: the stated success rate does not follow"):
        judge(report.model_copy(update={"policies": (candidate,)}), PATH, PACKAGE, DEFAULTS)


def test_a_report_whose_comparison_does_not_follow_from_its_episodes_is_refused(make_evaluation: Make) -> None:
    report = make_evaluation(candidate=share(30), untrained=share(0))
    kinder = report.comparisons[0].model_copy(update={"lower": 0.9})
    with pytest.raises(ReportError, match=r"candidate against untrained does not follow"):
        judge(report.model_copy(update={"comparisons": (kinder,)}), PATH, PACKAGE, DEFAULTS)


def test_a_report_without_episodes_is_refused(make_evaluation: Make) -> None:
    report = make_evaluation(candidate=share(60))
    empty = report.policies[0].model_copy(update={"episodes": ()})
    with pytest.raises(ReportError, match=r"candidate has no episodes"):
        judge(report.model_copy(update={"policies": (empty,)}), PATH, PACKAGE, DEFAULTS)


def test_policies_that_met_different_conditions_are_not_compared(make_evaluation: Make) -> None:
    report = make_evaluation(candidate=share(60), untrained=share(0))
    short = report.policies[1].model_copy(update={"episodes": report.policies[1].episodes[:-1]})
    with pytest.raises(ReportError, match=r"untrained did not meet each of the 60 conditions once"):
        judge(report.model_copy(update={"policies": (report.policies[0], short)}), PATH, PACKAGE, DEFAULTS)


def test_a_report_beside_other_conditions_is_refused(make_evaluation: Make, tmp_path: Path) -> None:
    report = make_evaluation(candidate=share(60))
    (tmp_path / "conditions.json").write_text(OTHER_CONDITIONS)
    with pytest.raises(ReportError, match=r"is not the condition set that was played"):
        judge(report, tmp_path / "report.json", PACKAGE, DEFAULTS)


def test_rules_of_which_none_applies_are_refused(make_evaluation: Make) -> None:
    later = Rule(metric="success.lower", bound=0, when="champion")
    with pytest.raises(EvaluationError, match="no rule of the gate applies"):
        judge(make_evaluation(candidate=share(60)), PATH, PACKAGE, rules(later))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rules: [", "not YAML"),
        ("rules: []", "at least 1 item"),
        ("", "not a valid gate-rules"),
        ("rules: [{metric: success.lower, bound: 0.5, typo: 1}]", "rules.0.typo"),
        ("rules: [{metric: luck.lower, bound: 0.5}]", "rules.0.metric"),
        ("rules: [{metric: success.lower}]", "rules.0.bound"),
        ("rules: [{metric: success.lower, bound: .nan}]", "finite number"),
        ("rules: [{metric: difference.lower, bound: 0}]", "need a baseline"),
        ("rules: [{metric: success.lower, bound: 0, baseline: champion}]", "need a baseline"),
        (f"rules: [{{metric: success.lower, bound: 0, baseline_package: '{PACKAGE}'}}]", "there is no baseline"),
        ("rules: [{metric: difference.lower, bound: 0, baseline: champion, baseline_package: v1}]", "baseline_package"),
        ("version: 2\nrules: [{metric: success.lower, bound: 0}]", "version"),
    ],
)
def test_broken_rules_are_refused_by_name(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "gates.yaml"
    path.write_text(text)
    with pytest.raises(PhysaiError, match=says):
        GateRules.read(path)


def test_rules_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PhysaiError, match="no gate-rules here"):
        GateRules.read(tmp_path / "gates.yaml")
