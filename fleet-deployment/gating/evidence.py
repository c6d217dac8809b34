"""Whether evidence speaks for a package: the verdict passes, and all three are about the same bytes."""

from pathlib import Path

from physai.infrastructure.contracts import Digest, EvaluationReport, GateVerdict

from ..errors import EvidenceError

AGAIN = "Run `physai evaluation gate check` on this package's own report"


def check_evidence(package: Digest, report_path: Path, verdict_path: Path) -> tuple[EvaluationReport, GateVerdict]:
    """Read report and verdict, and refuse what does not speak for this package.

    Args:
        package: Digest of the package's OCI manifest.
        report_path: The evaluation report.
        verdict_path: The gate's verdict on it.

    Raises:
        EvidenceError: If the verdict is not PASS, or a digest names something else.
    """
    report = EvaluationReport.read(report_path)
    verdict = GateVerdict.read(verdict_path)
    if verdict.package != package:
        raise EvidenceError(verdict_path, f"speaks for package {verdict.package}, not for {package}", AGAIN)
    if verdict.report != report.digest:
        raise EvidenceError(verdict_path, f"judges report {verdict.report}, not {report_path} ({report.digest})", AGAIN)
    result = report.result(verdict.role)
    if result is None or result.package != package:
        got = result.package if result else "nothing"
        raise EvidenceError(report_path, f"its {verdict.role} is {got}, not package {package}", AGAIN)
    failed = [rule.rule for rule in verdict.rules if rule.verdict != "PASS"]
    if verdict.verdict != "PASS" or failed:
        rules = f" ({'; '.join(failed)})" if failed else ""
        raise EvidenceError(verdict_path, f"the verdict is {verdict.verdict}{rules}", "Only a PASS is released")
    return report, verdict
