"""What can go wrong in an evaluation."""

from collections.abc import Sequence
from pathlib import Path

from physai.infrastructure.errors import PhysaiError


class EvaluationError(PhysaiError):
    """An evaluation cannot be made, or its evidence cannot be used."""


class RequestError(EvaluationError):
    """An inference request that the policy host refuses, with the HTTP status that says so."""

    def __init__(self, message: str, status: int = 400) -> None:
        self.status = status
        super().__init__(message)


class AddressError(EvaluationError):
    """The policy host cannot listen where it was asked to."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(
            f"{host}:{port}: cannot listen: {reason}. Choose another --port (0 takes a free one), or end what uses it."
        )


class HostError(EvaluationError):
    """The policy host does not answer, or not as it must."""

    def __init__(self, url: str, reason: str, mend: str) -> None:
        super().__init__(f"{url}: {reason}. {mend}")


class WrongPolicyError(EvaluationError):
    """What is served is not the package that is to be evaluated."""

    def __init__(self, url: str, model: str, reason: str) -> None:
        super().__init__(
            f"{url}: model '{model}' is not the package to evaluate: {reason}. "
            f"Serve it with `physai evaluation serve {model}=PACKAGE`."
        )


class ReportError(EvaluationError):
    """A report that contradicts itself, or does not speak of the package in question."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}. Run the evaluation again: `physai evaluation sil run`.")


class OutputError(EvaluationError):
    """The output folder holds something else."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}. Name another --output, or remove the folder.")


class ProfileError(EvaluationError):
    """A rehearsal's report from which no latency can be drawn."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path}: the device answered on no rung. Rehearse again: `physai evaluation hil run`, and take its report."
        )


class TaskError(EvaluationError):
    """A Gymnasium environment that cannot be played, or not with this package."""

    def __init__(self, task: str, reason: str, mend: str) -> None:
        super().__init__(f"{task}: {reason}. {mend}")


class SinkError(EvaluationError):
    """A sink did not take what an evaluation says."""

    def __init__(self, sink: str, reason: str, mend: str) -> None:
        super().__init__(f"{sink}: {reason}. {mend}")


class FilmError(EvaluationError):
    """There is no film to be judged."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}. Evaluate again with `physai evaluation sil run`; Gymnasium has no film.")


class DeployError(EvaluationError):
    """A deployment cannot be defined or made."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what}: {reason}.")


class UnpublishedError(EvaluationError):
    """Some sinks lack a report."""

    def __init__(self, path: Path, reasons: Sequence[str]) -> None:
        super().__init__(
            f"{path}: kept, but not published everywhere: {' '.join(reasons)} "
            "Publish again: what was taken is not sent twice."
        )


class ConditionsError(EvaluationError):
    """A condition set is too small for what is asked of it."""

    def __init__(self, there: int, needed: int) -> None:
        super().__init__(
            f"{there} conditions are too few: nine of ten comparisons of this design end within {needed}. "
            f"Create {needed} or more, or ask for a larger --improvement."
        )
