"""Only evidence that speaks for exactly this package lets it through."""

from pathlib import Path

import pytest

from physai.fleet_deployment.errors import EvidenceError
from physai.fleet_deployment.gating.evidence import check_evidence
from physai.fleet_deployment.tests.fleet_evidence import write_evidence
from physai.infrastructure.contracts import ContractError, EvaluationReport, GateVerdict
from physai.infrastructure.errors import MissingFileError

PACKAGE = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64


def test_a_pass_about_this_package_is_let_through(tmp_path: Path) -> None:
    report, verdict = check_evidence(PACKAGE, *write_evidence(tmp_path, PACKAGE))
    assert verdict.report == report.digest


@pytest.mark.parametrize("verdict", ["FAIL", "INCONCLUSIVE"])
def test_only_a_pass_is_released(tmp_path: Path, verdict: str) -> None:
    evidence = write_evidence(tmp_path, PACKAGE, verdict=verdict)  # type: ignore[arg-type]  # of parametrize
    with pytest.raises(EvidenceError, match=rf"the verdict is {verdict} \(candidate success\.lower >= 0\.7\)"):
        check_evidence(PACKAGE, *evidence)


def test_a_pass_with_a_failed_rule_is_no_pass(tmp_path: Path) -> None:
    evidence = write_evidence(tmp_path, PACKAGE)
    verdict = GateVerdict.read(evidence.verdict)
    failed = verdict.rules[0].model_copy(update={"verdict": "FAIL"})
    verdict.model_copy(update={"rules": (*verdict.rules, failed)}).write(evidence.verdict)
    with pytest.raises(EvidenceError, match="Only a PASS is released"):
        check_evidence(PACKAGE, *evidence)


def test_a_verdict_on_another_package_names_both(tmp_path: Path) -> None:
    evidence = write_evidence(tmp_path, OTHER)
    with pytest.raises(EvidenceError, match=f"speaks for package {OTHER}, not for {PACKAGE}"):
        check_evidence(PACKAGE, *evidence)


def test_a_verdict_on_another_report_names_both(tmp_path: Path) -> None:
    evidence = write_evidence(tmp_path, PACKAGE)
    judged = GateVerdict.read(evidence.verdict).report
    EvaluationReport.read(evidence.report).model_copy(update={"world": "easier"}).write(evidence.report)
    with pytest.raises(EvidenceError, match=f"judges report {judged}, not "):
        check_evidence(PACKAGE, *evidence)


def test_a_report_whose_candidate_is_another_package_is_refused(tmp_path: Path) -> None:
    evidence = write_evidence(tmp_path, OTHER)
    verdict = GateVerdict.read(evidence.verdict).model_copy(update={"package": PACKAGE})
    verdict.write(evidence.verdict)
    with pytest.raises(EvidenceError, match=f"its candidate is {OTHER}, not package {PACKAGE}"):
        check_evidence(PACKAGE, *evidence)


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    evidence = write_evidence(tmp_path, PACKAGE)
    with pytest.raises(MissingFileError, match=r"nothing\.json: no evaluation-report here"):
        check_evidence(PACKAGE, tmp_path / "nothing.json", evidence.verdict)
    with pytest.raises(ContractError, match="not a valid gate-verdict"):
        check_evidence(PACKAGE, evidence.report, evidence.report)
