"""What an evaluation has finished so far, so that a killed one goes on where it was."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from pydantic import ValidationError

from physai.infrastructure.aside import is_free, part_of, whole_folder
from physai.infrastructure.contracts import (
    ConditionSet,
    Digest,
    Document,
    EvaluationReport,
    Interval,
    PolicyResult,
    Role,
)
from physai.infrastructure.contracts.evaluation import CONDITIONS, REPORT

from ..errors import OutputError
from ..page import write_page


class RoleResult(Document):
    """One policy's result, kept until all are there."""

    kind: Literal["role-result"] = "role-result"
    version: Literal[1] = 1
    conditions: Digest
    device_profile: Digest | None = None
    result: PolicyResult


class Workspace:
    """Context manager of the folder in which an evaluation grows; it is the output when the block ends."""

    def __init__(self, output: Path, conditions: ConditionSet, device_profile: Digest | None = None) -> None:
        self.output = output
        self.conditions = conditions
        self.device_profile = device_profile
        self.part = part_of(output)
        self._whole = whole_folder(output, keep=True)

    def __enter__(self) -> Self:
        self._whole.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._whole.__exit__(kind, error, traceback)

    def done(self, packages: Mapping[Role, Digest | None], interval: Interval = "wilson") -> EvaluationReport | None:
        """The report, if this very evaluation is done already.

        Args:
            packages: Who takes part, with the package of each.
            interval: Of the success rates.

        Raises:
            OutputError: If the output holds anything else.
        """
        if is_free(self.output):
            return None
        if not (self.output / REPORT).is_file():
            raise OutputError(self.output, "exists and is no evaluation")
        report = EvaluationReport.read(self.output / REPORT)
        played = {result.role: result.package for result in report.policies}
        same = (report.conditions, report.device_profile) == (self.conditions.digest, self.device_profile)
        if not same or played != dict(packages):
            raise OutputError(self.output, "holds the evaluation of other policies, conditions or device")
        if any(result.success.method != interval for result in report.policies):
            raise OutputError(self.output, f"holds this evaluation with other intervals than {interval}")
        return report

    def finished(self, role: Role, package: Digest | None) -> PolicyResult | None:
        """The role's result from an earlier run of this evaluation, if it is of the same package and conditions."""
        try:
            kept = RoleResult.model_validate_json(self._file(role).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None
        found = (kept.conditions, kept.device_profile, kept.result.role, kept.result.package)
        return kept.result if found == (self.conditions.digest, self.device_profile, role, package) else None

    def keep(self, result: PolicyResult) -> None:
        """Keep a finished role's result; what else belongs to it must be there already."""
        kept = RoleResult(conditions=self.conditions.digest, device_profile=self.device_profile, result=result)
        kept.write(self._file(result.role))

    def fresh(self, name: str) -> Path:
        """Path of an artifact of this evaluation, cleared of what an earlier run left there."""
        path = self.part / name
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        return path

    def finish(self, report: EvaluationReport, played: ConditionSet) -> None:
        """Add the report and the conditions that were played; the output appears when the block ends."""
        report.write(self.part / REPORT)
        played.write(self.part / CONDITIONS)
        for result in report.policies:
            self._file(result.role).unlink(missing_ok=True)
        write_page(self.part)

    def _file(self, role: Role) -> Path:
        return self.part / f"{role}.json"
