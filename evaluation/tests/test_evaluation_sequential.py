"""The sequential comparison: exact values by hand, the promised error rates by simulation."""

from collections.abc import Sequence
from math import log
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from physai.evaluation.benchmark.comparisons import fixed_number
from physai.evaluation.benchmark.round_trips import mlp_package
from physai.evaluation.errors import ConditionsError, ReportError
from physai.evaluation.gate import judge
from physai.evaluation.gate_rules import GateRules
from physai.evaluation.metrics import compare_sequentially, plan
from physai.evaluation.metrics.sequential import Walk, operating
from physai.evaluation.report import check_report, make_report
from physai.evaluation.sil.served import ServedPolicy
from physai.infrastructure.contracts import EvaluationReport, PolicyResult, SequentialDesign, digest_bytes

from .conftest import draw_conditions, make_result

DESIGN = SequentialDesign()
PROMOTE = Path(__file__).parents[1] / "gates-promote.yaml"


def results(candidate: Sequence[bool], champion: Sequence[bool]) -> tuple[PolicyResult, PolicyResult]:
    return make_result("candidate", candidate), make_result("champion", champion)


def sequential_report(candidate: Sequence[bool], champion: Sequence[bool]) -> EvaluationReport:
    pair = results(candidate, champion)
    return make_report(draw_conditions(len(candidate)), pair, compare_sequentially(*pair, DESIGN))


def test_a_walk_ends_with_the_probabilities_of_its_paths() -> None:
    # up 1, down 1, boundaries +2 and -1: ends at once downwards with 1/2; after 2 pairs upwards with 1/4;
    # after 3 (up, down, down) with 1/8, after 4 (up, down, up, up) with 1/16, ...
    upper, lower = Walk(1.0, 1.0, 2.0, -1.0).ends(0.5)
    assert upper[:4] == pytest.approx([0, 1 / 4, 0, 1 / 16])
    assert lower[:3] == pytest.approx([1 / 2, 0, 1 / 8])
    assert upper.sum() == pytest.approx(1 / 3)  # gambler's ruin: 1 of 1 + 2


def test_the_number_of_episodes_counts_ties_too() -> None:
    # success 0.5 against 0.5: half of the pairs are discordant; boundaries one step away end at the first of them:
    # N is geometric with 1/2: mean 2, median 1, and 1 - 2^-4 = 0.94 is the first beyond 0.9
    case = operating(Walk(1.0, 1.0, 1.0, -1.0), 0.5, 0.5)
    assert (case.mean_episodes, case.median_episodes, case.p90_episodes) == (pytest.approx(2.0), 1, 4)
    assert case.called_better == pytest.approx(0.5)


@pytest.mark.parametrize("reference", [0.3, 0.6, 0.75])
@pytest.mark.parametrize("improvement", [0.1, 0.2])
def test_a_plan_keeps_what_its_design_promises(reference: float, improvement: float) -> None:
    design = SequentialDesign(reference=reference, improvement=improvement)
    planned = plan(design)
    assert planned.better.called_better >= design.power
    assert planned.equal.called_better <= design.alpha
    assert planned.worse.called_better < 1e-3


def test_it_needs_fewer_episodes_than_a_fixed_number() -> None:
    # two proportions, 0.6 and 0.8, alpha 0.05 two-sided, power 0.8: (1.960 + 0.842)^2 * (0.24 + 0.16) / 0.2^2 = 78.5
    planned = plan(DESIGN)
    assert fixed_number(DESIGN) == 79
    assert planned.better.mean_episodes < 58
    assert planned.equal.mean_episodes < 36


@pytest.mark.parametrize(("candidate", "expected"), [(0.8, (0.8, 1.0)), (0.6, (0.0, 0.025)), (0.4, (0.0, 0.001))])
def test_the_rates_hold_in_simulation(candidate: float, expected: tuple[float, float]) -> None:
    rng = np.random.default_rng(0)
    trials = 10_000
    better = sum(
        simulated(rng.random(600) < candidate, rng.random(600) < DESIGN.reference) == "better" for _ in range(trials)
    )
    spread = 3 * np.sqrt(0.8 * 0.2 / trials)  # three standard errors of the least certain of them
    assert expected[0] - spread <= better / trials <= expected[1] + (spread if candidate == 0.8 else 0)


def simulated(ours: np.ndarray, theirs: np.ndarray) -> str:
    """As `compare_sequentially`, without the documents around it."""
    planned = plan(DESIGN)
    win = 0.32 / 0.44
    path = np.cumsum(ours & ~theirs) * log(2 * win) + np.cumsum(theirs & ~ours) * log(2 * (1 - win))
    out = np.flatnonzero((path >= planned.upper) | (path <= planned.lower))
    if len(out) == 0:
        return "undecided"
    return "better" if path[out[0]] > 0 else "not-better"


def test_wins_alone_decide_after_as_many_as_the_boundary_takes() -> None:
    # each win adds ln(2 * 0.32 / 0.44) = 0.3747; the boundary lies at 3.516: 10 wins
    test = compare_sequentially(*results([True] * 20, [False] * 20), DESIGN)
    assert (test.decision, test.episodes, test.wins, test.losses) == ("better", 10, 10, 0)
    assert test.statistic == pytest.approx(10 * log(2 * 0.32 / 0.44))


def test_losses_decide_sooner() -> None:
    # each loss takes ln(2 * 0.12 / 0.44) = -0.606; the boundary lies at -1.31: 3 losses
    test = compare_sequentially(*results([False] * 20, [True] * 20), DESIGN)
    assert (test.decision, test.episodes, test.losses) == ("not-better", 3, 3)


def test_two_that_always_do_the_same_stay_undecided() -> None:
    test = compare_sequentially(*results([True, False] * 30, [True, False] * 30), DESIGN)
    assert (test.decision, test.episodes, test.wins, test.losses) == ("undecided", 60, 0, 0)


def test_the_order_of_the_conditions_decides_not_that_of_the_episodes() -> None:
    ours, theirs = results([True] * 12, [False] * 12)
    shuffled = ours.model_copy(update={"episodes": ours.episodes[::-1]})
    assert compare_sequentially(shuffled, theirs, DESIGN) == compare_sequentially(ours, theirs, DESIGN)


@pytest.mark.parametrize(
    ("candidate", "champion", "verdict"),
    [([True] * 12, [False] * 12, "PASS"), ([False] * 8, [True] * 8, "FAIL"), ([True] * 9, [True] * 9, "INCONCLUSIVE")],
)
def test_the_gate_promotes_only_what_was_called_better(
    tmp_path: Path, candidate: list[bool], champion: list[bool], verdict: str
) -> None:
    report = sequential_report(candidate, champion)
    rules = GateRules.read(PROMOTE)
    assert judge(report, tmp_path / "report.json", digest_bytes(b"candidate"), rules).verdict == verdict


@pytest.mark.parametrize(
    ("candidate", "passed", "failed"),
    [(0.4, (0.0, 0.001), (0.99, 1.0)), (0.6, (0.0, DESIGN.alpha), (0.9, 1.0)), (0.8, (DESIGN.power, 1.0), (0.0, 0.2))],
    ids=["worse by 0.2", "equal", "better by 0.2"],
)
def test_the_gate_rejects_and_promotes_at_the_stated_rates(
    tmp_path: Path, candidate: float, passed: tuple[float, float], failed: tuple[float, float]
) -> None:
    """From outcomes to the verdict of the file of rules: report, its own check, sequential test, gate."""
    rng, trials = np.random.default_rng(0), 200
    rules, verdicts = GateRules.read(PROMOTE), list[str]()
    for _ in range(trials):
        ours, theirs = rng.random(150) < candidate, rng.random(150) < DESIGN.reference
        report = sequential_report(ours.tolist(), theirs.tolist())
        verdicts.append(judge(report, tmp_path / "report.json", digest_bytes(b"candidate"), rules).verdict)
    for verdict, (least, most) in (("PASS", passed), ("FAIL", failed)):
        share = verdicts.count(verdict) / trials
        spread = 3 * np.sqrt(np.array([least * (1 - least), most * (1 - most)]) / trials)  # three standard errors
        assert least - spread[0] <= share <= most + spread[1], (verdict, share)


def test_a_report_without_a_sequential_comparison_is_not_promoted(tmp_path: Path) -> None:
    pair = results([True] * 40, [False] * 40)
    report = make_report(draw_conditions(40), pair)
    verdict = judge(report, tmp_path / "report.json", digest_bytes(b"candidate"), GateRules.read(PROMOTE))
    assert (verdict.verdict, verdict.rules[0].value) == ("FAIL", None)


def test_an_interval_for_a_fixed_number_is_not_taken_from_a_sequential_report(tmp_path: Path) -> None:
    report = sequential_report([True] * 12, [False] * 12)
    rule = {"metric": "difference.lower", "baseline": "champion", "op": ">", "bound": 0.0}
    rules = GateRules.model_validate({"rules": [rule]}, strict=False)
    verdict = judge(report, tmp_path / "report.json", digest_bytes(b"candidate"), rules)
    assert (verdict.verdict, verdict.rules[0].value) == ("FAIL", None)


@pytest.mark.parametrize("lie", [{"decision": "better"}, {"episodes": 4}, {"losses": 2}])
def test_a_decision_that_does_not_follow_from_the_episodes_is_refused(tmp_path: Path, lie: dict[str, object]) -> None:
    report = sequential_report([False] * 8, [True] * 8)
    assert report.sequential is not None
    false = report.model_copy(update={"sequential": report.sequential.model_copy(update=lie)})
    with pytest.raises(ReportError, match="sequential decision does not follow"):
        check_report(false, tmp_path / "report.json")


def test_a_design_beyond_certainty_is_refused() -> None:
    with pytest.raises(ValidationError, match="must stay below 1"):
        SequentialDesign(reference=0.9, improvement=0.1)


def test_too_few_conditions_are_named_before_anything_is_played() -> None:
    error = ConditionsError(20, plan(DESIGN).better.p90_episodes)
    assert str(error).startswith("20 conditions are too few: nine of ten comparisons of this design end within 10")


def test_the_policy_that_the_benchmark_times_is_a_package_that_can_be_served(tmp_path: Path) -> None:
    policy = ServedPolicy.load(mlp_package(tmp_path / "package"))
    state = np.ones((3, 6), np.float32)
    assert policy.infer({"observation.state": state})["action"].shape == (3, 1, 6)
