from collections.abc import Callable
from pathlib import Path

import pytest

from physai.evaluation.errors import OutputError
from physai.evaluation.sil.results import Workspace
from physai.infrastructure.contracts import ConditionSet, Digest, EvaluationReport, Role, digest_bytes

Conditions = Callable[[int], ConditionSet]
Make = Callable[..., EvaluationReport]
PACKAGES: dict[Role, Digest | None] = {"candidate": digest_bytes(b"candidate"), "expert": None}


@pytest.fixture
def report(make_evaluation: Make) -> EvaluationReport:
    return make_evaluation(candidate=[True, False], expert=[True, True])


@pytest.fixture
def workspace(tmp_path: Path, make_conditions: Conditions) -> Workspace:
    workspace = Workspace(tmp_path / "evaluation", make_conditions(2))
    assert workspace.done(PACKAGES) is None
    return workspace


def complete(workspace: Workspace, report: EvaluationReport) -> None:
    with workspace:
        for result in report.policies:
            workspace.keep(result)
        assert not workspace.output.exists() or not any(workspace.output.iterdir())
        workspace.finish(report, workspace.conditions)


def test_a_kept_result_is_found_again(workspace: Workspace, report: EvaluationReport) -> None:
    assert workspace.finished("candidate", PACKAGES["candidate"]) is None
    workspace.keep(report.policies[0])
    assert (
        Workspace(workspace.output, workspace.conditions).finished("candidate", PACKAGES["candidate"])
        == report.policies[0]
    )


def test_a_result_of_another_package_or_other_conditions_is_not_used(
    workspace: Workspace, report: EvaluationReport, make_conditions: Conditions
) -> None:
    workspace.keep(report.policies[0])
    assert workspace.finished("candidate", digest_bytes(b"other")) is None
    assert Workspace(workspace.output, make_conditions(3)).finished("candidate", PACKAGES["candidate"]) is None


@pytest.mark.parametrize("damage", [b"", b"{", b'{"kind": "role-result"}', b"\xff"])
def test_a_damaged_result_is_played_again(workspace: Workspace, report: EvaluationReport, damage: bytes) -> None:
    workspace.keep(report.policies[0])
    (workspace.part / "candidate.json").write_bytes(damage)
    assert workspace.finished("candidate", PACKAGES["candidate"]) is None


def test_leftovers_of_a_killed_run_are_cleared(workspace: Workspace) -> None:
    (workspace.part / "rollouts").mkdir(parents=True)
    (workspace.part / "rollouts" / "half").write_text("half")
    assert not workspace.fresh("rollouts").exists()
    (workspace.part / "rollout.mp4").write_text("half")
    assert not workspace.fresh("rollout.mp4").exists()


def test_the_output_appears_whole_and_without_working_files(workspace: Workspace, report: EvaluationReport) -> None:
    complete(workspace, report)
    assert sorted(path.name for path in workspace.output.iterdir()) == ["conditions.json", "report.html", "report.json"]
    assert not workspace.part.exists()


def test_an_empty_output_folder_is_taken(tmp_path: Path, report: EvaluationReport, make_conditions: Conditions) -> None:
    (tmp_path / "evaluation").mkdir()
    workspace = Workspace(tmp_path / "evaluation", make_conditions(2))
    assert workspace.done(PACKAGES) is None
    complete(workspace, report)
    assert (tmp_path / "evaluation" / "report.json").exists()


def test_a_finished_evaluation_is_given_back(workspace: Workspace, report: EvaluationReport) -> None:
    complete(workspace, report)
    assert Workspace(workspace.output, workspace.conditions).done(PACKAGES) == report


def test_an_output_of_other_policies_or_conditions_is_not_overwritten(
    workspace: Workspace, report: EvaluationReport, make_conditions: Conditions
) -> None:
    complete(workspace, report)
    with pytest.raises(OutputError, match="holds the evaluation of other policies, conditions or device"):
        workspace.done({"candidate": digest_bytes(b"other"), "expert": None})
    with pytest.raises(OutputError, match="holds the evaluation of other policies, conditions or device"):
        Workspace(workspace.output, make_conditions(3)).done(PACKAGES)


def test_an_output_with_other_intervals_is_not_overwritten(workspace: Workspace, report: EvaluationReport) -> None:
    complete(workspace, report)
    with pytest.raises(OutputError, match="holds this evaluation with other intervals than clopper-pearson"):
        workspace.done(PACKAGES, "clopper-pearson")


def test_an_output_that_holds_something_else_is_not_overwritten(tmp_path: Path, make_conditions: Conditions) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputError, match="exists and is no evaluation"):
        Workspace(tmp_path, make_conditions(1)).done(PACKAGES)
    with pytest.raises(OutputError, match="exists and is no evaluation"):
        Workspace(tmp_path / "thesis.tex", make_conditions(1)).done(PACKAGES)


def test_an_interrupted_evaluation_keeps_what_is_finished(workspace: Workspace, report: EvaluationReport) -> None:
    def interrupt() -> None:
        with workspace:
            workspace.keep(report.policies[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert not workspace.output.exists()
    again = Workspace(workspace.output, workspace.conditions)
    with again:
        assert again.finished("candidate", PACKAGES["candidate"]) == report.policies[0]
        again.keep(report.policies[1])
        again.finish(report, again.conditions)
    assert workspace.done(PACKAGES) == report
