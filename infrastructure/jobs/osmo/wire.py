"""What OSMO's service answers, as far as we read it.

Source: NVIDIA/OSMO src/service/core/workflow/objects.py (SubmitResponse, WorkflowQueryResponse, TaskQueryResponse).
A newer service may say more; what we do not know is passed over.
"""

from pydantic import BaseModel, ConfigDict

from ..remote import RemoteRun, RemoteTask

WORDS = {"PENDING": "WAITING", "SUBMITTING": "WAITING"}


class Wire(BaseModel):
    """An answer."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class SubmitAnswer(Wire):
    """To a submission, a validation or a dry run."""

    name: str
    overview: str | None = None
    logs: str | None = None
    warnings: tuple[str, ...] = ()


class TaskAnswer(Wire):
    """One attempt at one task."""

    name: str
    retry_id: int = 0
    status: str
    failure_message: str | None = None
    exit_code: int | None = None


class GroupAnswer(Wire):
    """Tasks that run together."""

    name: str
    tasks: tuple[TaskAnswer, ...] = ()


class WorkflowAnswer(Wire):
    """How far a workflow is."""

    name: str
    uuid: str
    status: str
    overview: str = ""
    groups: tuple[GroupAnswer, ...] = ()

    def run(self) -> RemoteRun:
        """In the words of every engine: of each task the newest attempt."""
        newest: dict[str, TaskAnswer] = {}
        for task in sorted((t for group in self.groups for t in group.tasks), key=lambda task: task.retry_id):
            newest[task.name] = task
        order = dict.fromkeys(task.name for group in self.groups for task in group.tasks)
        return RemoteRun(
            engine="osmo",
            id=self.name,
            status=WORDS.get(self.status, self.status),
            tasks=tuple(_task(newest[name]) for name in order),
            page=self.overview,
        )


def _task(answer: TaskAnswer) -> RemoteTask:
    return RemoteTask(
        name=answer.name,
        status=WORDS.get(answer.status, answer.status),
        exit_code=answer.exit_code,
        reason=answer.failure_message or "",
    )
