"""Runs on OSMO."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from ...storage import StorageError
from ..check import Checked, read_workflow
from ..errors import Problem, WorkflowError
from ..remote import Fetched, RemoteRun
from ..render import Value, read_text
from ..tokens import TOKEN
from ..transfer import download
from .client import OsmoClient
from .errors import EnvironmentValueError
from .login import Login, find_login


class OsmoEngine:
    """Submits workflows to one OSMO service and asks after them."""

    def __init__(self, login: Login | None = None) -> None:
        self._client = OsmoClient(login or find_login())

    def __enter__(self) -> "OsmoEngine":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def submit(
        self,
        path: Path,
        *,
        values: Mapping[str, Value] | None = None,
        environment: Mapping[str, str] | None = None,
        pool: str | None = None,
        only_validate: bool = False,
    ) -> RemoteRun:
        """Hand a workflow file to OSMO.

        Args:
            path: Checked here first, so that what is wrong is told with its line.
            values: Template variables.
            environment: Variables for every task.
            pool: Default: what the file names, else what the user's profile names.
            only_validate: Let the service check it, credentials and resources included, and start nothing.

        Raises:
            WorkflowError: If the file cannot be used.
            OsmoError: If the service does not take it.
        """
        if cut := next((name for name, value in (environment or {}).items() if "=" in value), None):
            raise EnvironmentValueError(cut)  # Source: NVIDIA/OSMO workflow_service.py: `item.split('=')[1]`
        checked = read_workflow(path, values, environment)
        target = pool or checked.workflow.pool or self._client.default_pool()
        params: dict[str, Any] = {"env_vars": [f"{name}={value}" for name, value in (environment or {}).items()]}
        if only_validate:
            params["validation_only"] = True
        answer = self._client.submit(target, body(path, checked, values or {}), params)
        return RemoteRun(engine="osmo", id=answer.name, status="WAITING", page=answer.overview or "")

    def look(self, run: str) -> RemoteRun:
        """How far a run is."""
        return self._client.query(run).run()

    def logs(self, run: str, task: str) -> Iterator[str]:
        """What a task printed; goes on for as long as the task does."""
        return self._client.logs(run, task)

    def cancel(self, run: str) -> None:
        """Ask for its end."""
        self._client.cancel(run, "canceled with `physai jobs cancel`")

    def fetch(self, run: str, folder: Path) -> Fetched:
        """Bring what its tasks uploaded here, from the locations that its specification names."""
        spec = folder / "workflow.yaml"
        folder.mkdir(parents=True, exist_ok=True)
        spec.write_text(self._client.spec(run))
        outputs, left = {}, {}
        for task in read_workflow(spec).workflow.all_tasks():
            for index, output in enumerate(task.outputs):
                url = _filled(output.url, run)
                target = folder / task.name / (str(index) if len(task.outputs) > 1 else "")
                try:
                    download(url, output.regex, target, may_be_empty=False)
                except StorageError as error:
                    left[task.name] = str(error)
                else:
                    outputs[task.name] = str(folder / task.name)
            if not task.outputs:
                left[task.name] = "it uploads nothing: give it `outputs: [{url: …}]`"
        return Fetched(run=f"osmo:{run}", folder=str(folder), outputs=outputs, left=left)


def body(path: Path, checked: Checked, values: Mapping[str, Value]) -> dict[str, Any]:
    """The submission, as OSMO's own command line composes it.

    A file with `localpath` is sent rendered, with the texts inlined; any other is sent as it was written.
    Source: NVIDIA/OSMO src/cli/workflow.py, `submit_workflow_helper`; src/utils/job/workflow.py, `TemplateSpec`.
    """
    text = read_text(path)
    inlined = "localpath:" in checked.rendered.text
    return {
        "file": yaml.safe_dump(checked.document.data, sort_keys=False) if inlined else text,
        "set_variables": [f"{name}={value}" for name, value in values.items() if not isinstance(value, str)],
        "set_string_variables": [f"{name}={value}" for name, value in values.items() if isinstance(value, str)],
        "uploaded_templated_spec": text if inlined else None,
    }


def _filled(url: str, run: str) -> str:
    """A location with the run's name in it.

    Raises:
        WorkflowError: If it names something that only the cluster knew.
    """
    filled = url.replace("{{workflow_id}}", run)
    if TOKEN.search(filled):
        message = f"{url}: only OSMO knows what its token was. Use {{{{workflow_id}}}} in locations."
        raise WorkflowError(Path(run), [Problem(message)])
    return filled
