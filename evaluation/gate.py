"""The gate: does the evidence in a report let one package pass?"""

import operator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from physai.infrastructure.contracts import (
    Digest,
    EvaluationReport,
    GateVerdict,
    PolicyResult,
    Role,
    RuleVerdict,
)

from .errors import EvaluationError, ReportError
from .gate_rules import GateRules, Rule
from .metrics import paired_comparison, success_rate
from .report import check_report

Verdict = Literal["PASS", "FAIL", "INCONCLUSIVE"]
OPERATORS = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}


class Estimate(NamedTuple):
    """A measured number; the ends of its interval are its own value if it has none."""

    value: float
    lower: float
    upper: float

    @classmethod
    def exact(cls, value: float) -> "Estimate":
        """A number that is known, not estimated."""
        return cls(value, value, value)


def judge(
    report: EvaluationReport, path: Path, package: Digest, rules: GateRules, role: Role = "candidate"
) -> GateVerdict:
    """Apply every rule to one role's result.

    The numbers are computed from the episodes again; what the report says of itself must agree.

    Args:
        report: The evidence.
        path: Of the report, for messages.
        package: Manifest digest of the package that wants to pass.
        rules: What must be true.
        role: Whose result is judged.

    Raises:
        ReportError: If the report contradicts itself, lacks the role, or speaks of another package or baseline.
        EvaluationError: If no rule applies.
    """
    check_report(report, path)
    result = report.result(role)
    if result is None:
        roles = ", ".join(policy.role for policy in report.policies)
        raise ReportError(path, f"'{role}' did not take part; it holds {roles}")
    if result.package != package:
        raise ReportError(path, f"its {role} is {result.package}, not the package in question, {package}")
    champion = report.result("champion") is not None
    applied = [rule for rule in rules.rules if applies(rule, champion)]
    if not applied:
        raise EvaluationError(f"{path}: no rule of the gate applies. Add one without `when` to the rules file.")
    for rule in applied:
        check_baseline(rule, report, path)
    answers = tuple(answer(rule, report, result) for rule in applied)
    return GateVerdict(
        report=report.digest,
        package=package,
        role=role,
        gates=rules.digest,
        verdict=overall([verdict.verdict for verdict in answers]),
        rules=answers,
    )


def applies(rule: Rule, champion: bool) -> bool:
    """Whether a rule counts in a report with, or without, a champion."""
    return rule.when == "always" or (rule.when == "champion") == champion


def check_baseline(rule: Rule, report: EvaluationReport, path: Path) -> None:
    """Refuse a report whose baseline is another package than the one that a rule names.

    Raises:
        ReportError: If it is, or there is none.
    """
    if rule.baseline is None or rule.baseline_package is None:
        return
    found = report.result(rule.baseline)
    package = found.package if found else None
    if package != rule.baseline_package:
        raise ReportError(
            path, f"its {rule.baseline} is {package or 'absent'}, the gate asks for {rule.baseline_package}"
        )


def overall(verdicts: list[Verdict]) -> Verdict:
    """One FAIL fails; what is left undecided is not passed."""
    if "FAIL" in verdicts:
        return "FAIL"
    return "INCONCLUSIVE" if "INCONCLUSIVE" in verdicts else "PASS"


def answer(rule: Rule, report: EvaluationReport, result: PolicyResult) -> RuleVerdict:
    """One rule, answered; a metric that the report does not hold fails it."""
    estimate = measure(rule, report, result)
    part = rule.metric.rpartition(".")[2]
    value = None if estimate is None else getattr(estimate, part if part in Estimate._fields else "value")
    return RuleVerdict(rule=f"{result.role} {rule}", value=value, bound=rule.bound, verdict=decide(rule, estimate))


def decide(rule: Rule, estimate: Estimate | None) -> Verdict:
    """PASS if the rule holds; FAIL if the whole interval misses the bound; else more episodes may tell."""
    if estimate is None:
        return "FAIL"
    holds = OPERATORS[rule.op]
    part = rule.metric.rpartition(".")[2]
    value = getattr(estimate, part if part in Estimate._fields else "value")
    if holds(value, rule.bound):
        return "PASS"
    if part in ("lower", "upper", "better") and (
        holds(estimate.lower, rule.bound) or holds(estimate.upper, rule.bound)
    ):
        return "INCONCLUSIVE"
    return "FAIL"


def measure(rule: Rule, report: EvaluationReport, result: PolicyResult) -> Estimate | None:
    """What a rule asks for, from the episodes; None if the report cannot tell."""
    group, _, rest = rule.metric.partition(".")
    match group:
        case "success":
            rate = success_rate([episode.success for episode in result.episodes], method=result.success.method)
            return Estimate(rate.value, rate.lower, rate.upper)
        case "difference":
            reference = report.result(rule.baseline) if rule.baseline else None
            if reference is None or reference.role == result.role or report.sequential is not None:
                return None  # an interval for a fixed number of episodes is too narrow where the data chose the number
            comparison = paired_comparison(result, reference)
            return Estimate(comparison.difference, comparison.lower, comparison.upper)
        case "sequential":
            return called_better(rule, report, result)
        case "episodes":
            return Estimate.exact(len(result.episodes))
        case "inference_ms":
            return Estimate.exact(result.inference_ms[rest]) if rest in result.inference_ms else None
        case _:
            return kpi(result, *rest.rsplit(".", 1))


def called_better(rule: Rule, report: EvaluationReport, result: PolicyResult) -> Estimate | None:
    """1 if the candidate was called better than the baseline, 0 if not; between them while that is open."""
    test = report.sequential
    if test is None or (test.candidate, test.reference) != (result.role, rule.baseline):
        return None
    if test.decision == "undecided":
        return Estimate(0.0, 0.0, 1.0)
    return Estimate.exact(float(test.decision == "better"))


def kpi(result: PolicyResult, name: str, statistic: str) -> Estimate | None:
    """A statistic of one KPI over all episodes; None unless every episode has it."""
    values = [episode.kpis[name] for episode in result.episodes if name in episode.kpis]
    if len(values) != len(result.episodes):
        return None
    match statistic:
        case "mean":
            return Estimate.exact(float(np.mean(values)))
        case "max":
            return Estimate.exact(max(values))
        case _:
            return Estimate.exact(float(np.percentile(values, int(statistic.removeprefix("p")))))
