"""Runs on Azure Machine Learning."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...settings import settings
from ...setup.profile import load_profile
from ..check import read_workflow
from ..remote import Fetched, RemoteRun, RemoteTask
from ..render import Value
from ..spec import Workflow
from .check import quiet
from .errors import NoTaskError, NoVaultError, NoWorkspaceError, RefusedError
from .locations import Datastore
from .pipeline import COMPUTE, make_pipeline
from .script import secret_name
from .text import pipeline_text

WORDS = {
    "Completed": "COMPLETED",
    "Failed": "FAILED",
    "NotResponding": "RUNNING",
    "Canceled": "FAILED_CANCELED",
    "CancelRequested": "RUNNING",
    "Running": "RUNNING",
    "Finalizing": "RUNNING",
}
"""AzureML's words for a job in ours; what is not here has not begun. Source: azure-ai-ml `RunHistoryConstants`."""
VAULT_VARIABLE = "PHYSAI_KEY_VAULT_URL"


class AzureMLEngine:
    """Submits workflows to one workspace and asks after them."""

    def __init__(self, client: Any | None = None) -> None:
        """`client`: an `MLClient`; default: that of the settings, with the credentials of this machine."""
        self._client = client or make_client()

    def submit(
        self,
        path: Path,
        *,
        values: Mapping[str, Value] | None = None,
        environment: Mapping[str, str] | None = None,
        profile: str = "dev",
        compute: str | None = None,
    ) -> RemoteRun:
        """Render a workflow and create the pipeline job.

        Args:
            path: An OSMO workflow file.
            values: Template variables.
            environment: Variables for every step.
            profile: Platform profile; its platforms are the instance types of the cluster.
            compute: Compute target; default: setting `azureml_compute`, else `aks`.

        Raises:
            WorkflowError: If the file is broken, does not fit the platform, or holds what AzureML cannot do.
            AzureMLError: If the workspace does not take it.
        """
        checked = read_workflow(path, values, environment)
        pipeline = make_pipeline(checked, load_profile(profile), compute or settings().azureml_compute or COMPUTE)
        _add_vault(pipeline.job, checked.workflow)
        with quiet(), tempfile.TemporaryDirectory() as folder, _telling(str(path)):
            from azure.ai.ml import load_job

            for store in pipeline.datastores:
                self._ensure(store)
            file = Path(folder) / path.name
            file.write_text(pipeline_text(pipeline, path))
            created = self._client.jobs.create_or_update(load_job(str(file)))
        return RemoteRun(engine="azureml", id=created.name, status="WAITING", page=created.studio_url or "")

    def look(self, run: str) -> RemoteRun:
        """How far a run is, and each step that has begun."""
        with quiet(), _telling(f"azureml:{run}"):
            job = self._client.jobs.get(run)
            steps = [
                RemoteTask(name=str(step.display_name or step.name), status=WORDS.get(step.status, "WAITING"))
                for step in self._steps(run)
            ]
        return RemoteRun(
            engine="azureml",
            id=run,
            status=WORDS.get(job.status, "WAITING"),
            tasks=tuple(steps),
            page=getattr(job, "studio_url", "") or "",
        )

    def logs(self, run: str, task: str) -> Iterator[str]:
        """What a step has printed so far."""
        with quiet(), tempfile.TemporaryDirectory() as folder, _telling(f"azureml:{run}"):
            self._client.jobs.download(self._step(run, task).name, download_path=folder)
            for file in sorted(Path(folder).rglob("user_logs/*.txt")):
                yield file.read_text(errors="replace")

    def cancel(self, run: str) -> None:
        """Ask for its end."""
        with quiet(), _telling(f"azureml:{run}"):
            self._client.jobs.begin_cancel(run)

    def fetch(self, run: str, folder: Path) -> Fetched:
        """Bring the outputs of its steps here."""
        outputs, left = {}, {}
        with quiet(), _telling(f"azureml:{run}"):
            for step in self._steps(run):
                name = str(step.display_name or step.name)
                if WORDS.get(step.status) != "COMPLETED":
                    left[name] = f"it is {step.status}"
                    continue
                self._client.jobs.download(step.name, download_path=folder / name, all=True)
                outputs[name] = str(folder / name)
        return Fetched(run=f"azureml:{run}", folder=str(folder), outputs=outputs, left=left)

    def _steps(self, run: str) -> list[Any]:
        return [step for step in self._client.jobs.list(parent_job_name=run) if step is not None]

    def _step(self, run: str, task: str) -> Any:
        steps = {str(step.display_name or step.name): step for step in self._steps(run)}
        if task not in steps:
            raise NoTaskError(run, task, tuple(steps))
        return steps[task]

    def _ensure(self, store: Datastore) -> None:
        """A datastore for each container that the workflow names; the identity of the job opens it."""
        from azure.ai.ml.entities import AzureBlobDatastore

        entity = AzureBlobDatastore(name=store.name, account_name=store.account, container_name=store.container)
        self._client.datastores.create_or_update(entity)


def make_client() -> Any:
    """An `MLClient` of the workspace in the settings.

    Raises:
        NoWorkspaceError: If they do not name one.
    """
    known = settings()
    names = ("subscription_id", "resource_group", "azureml_workspace")
    if missing := tuple(name for name in names if not getattr(known, name)):
        raise NoWorkspaceError(missing)
    with quiet():
        from azure.ai.ml import MLClient
        from azure.identity import DefaultAzureCredential

        credential = DefaultAzureCredential()
        return MLClient(credential, known.subscription_id, known.resource_group, known.azureml_workspace)


def secrets_of(workflow: Workflow) -> tuple[str, ...]:
    """Names of the Key Vault secrets that a workflow needs."""
    names: dict[str, None] = {}
    for task in workflow.all_tasks():
        for credential, mapping in task.credentials.items():
            keys = ["file"] if isinstance(mapping, str) else list(mapping.values())
            names |= dict.fromkeys(secret_name(credential, key) for key in keys)
    return tuple(names)


def _add_vault(job: dict[str, Any], workflow: Workflow) -> None:
    """Tell the steps with credentials where the secrets are; a site's own, so it is in no committed file."""
    if not (names := secrets_of(workflow)):
        return
    if not (vault := settings().key_vault_url):
        raise NoVaultError(names)
    for step in job["jobs"].values():
        if "identity" in step:
            step.setdefault("environment_variables", {})[VAULT_VARIABLE] = vault


@contextmanager
def _telling(what: str) -> Iterator[None]:
    """Tell the SDK's errors in one line."""
    from azure.core.exceptions import AzureError

    try:
        yield
    except AzureError as error:
        raise RefusedError(what, error) from error
