"""The inputs of a task: where they lie on this machine, and what they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .preflight import is_written
from .spec import Input, Workflow
from .state import RunFolder, TaskRecord
from .tokens import Places
from .transfer import download, filtered


@dataclass(frozen=True)
class Inputs:
    """All inputs of one task, in the order of the file."""

    paths: tuple[Path, ...]
    identities: tuple[str, ...]
    """Of each: key and result of the task that made it, or the digest of its content."""


@dataclass(frozen=True)
class Sources:
    """Where inputs come from."""

    workflow: Workflow
    folder: RunFolder
    runs: Path
    """Folder of the runs of other workflows."""

    def bring(self, places: Places, records: Mapping[str, TaskRecord]) -> Inputs:
        """Bring a task's inputs to this machine. Takes as long as its downloads.

        Args:
            places: Of the task, without inputs.
            records: Of all tasks; those above are done.

        Raises:
            StorageError: If something is not there or cannot be read.
        """
        task = places.task
        brought = [
            self._url(source, places, self.folder.inputs(task.name) / str(index))
            if source.task is None
            else self._task(source, source.task, records, self.folder.inputs(task.name) / str(index))
            for index, source in enumerate(task.inputs)
        ]
        return Inputs(tuple(path for path, _ in brought), tuple(identity for _, identity in brought))

    def _url(self, source: Input, places: Places, target: Path) -> tuple[Path, str]:
        assert source.url is not None
        url = places.fill_tokens(source.url)
        target.mkdir(parents=True, exist_ok=True)
        digest = download(url, source.regex, target, may_be_empty=is_written(source.url, self.workflow))
        return target, digest

    def _task(self, source: Input, name: str, records: Mapping[str, TaskRecord], target: Path) -> tuple[Path, str]:
        folder = self.folder
        workflow_id, colon, other = name.partition(":")
        if colon:
            folder, name = RunFolder(self.runs / workflow_id), other
            state = folder.read()
            assert state is not None, "checked before the run"
            records = state.tasks
        record = records[name]
        path = filtered(folder.output(name), source.regex, target) if source.regex else folder.output(name)
        return path, f"{record.key} {record.result}"
