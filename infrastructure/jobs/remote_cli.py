"""Commands about runs elsewhere, on OSMO and on AzureML: submit, follow, logs, cancel, fetch."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from ..console import Json, show
from ..settings import settings
from .azureml.errors import NoVaultError
from .options import File, Set, SetEnv, SetString, assignments, values_of
from .remote import EngineName, RemoteEngine, RemoteTask, split_handle
from .remote import follow as follow_run
from .repo import PROFILE
from .run_cli import print_log, stop_run

Handle = Annotated[str, typer.Argument(metavar="RUN", help="osmo:ID or azureml:ID, as `physai jobs submit` prints it.")]


def submit(
    file: File,
    to: Annotated[EngineName, typer.Option(help="Where it runs.")],
    variables: Set = None,
    strings: SetString = None,
    environment: SetEnv = None,
    pool: Annotated[str | None, typer.Option(help="OSMO pool; default: the file's, else your profile's.")] = None,
    profile: Annotated[str, typer.Option(help="AzureML: platform whose instance types are named.")] = PROFILE,
    compute: Annotated[str | None, typer.Option(help="AzureML: compute target; default: the settings'.")] = None,
    validate_only: Annotated[
        bool, typer.Option("--validate-only", help="OSMO: check it there, start nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Hand a workflow to OSMO or to AzureML.

    Example: physai jobs submit fleet-intelligence/workflows/osmo/flywheel.yaml --to osmo --pool default --set gpus=1
    """
    values, env = values_of(variables, strings), assignments("--set-env", environment)
    if to == "osmo":
        from .osmo import OsmoEngine

        with OsmoEngine() as osmo:
            run = osmo.submit(file, values=values, environment=env, pool=pool, only_validate=validate_only)
    else:
        from .azureml.engine import AzureMLEngine

        run = AzureMLEngine().submit(file, values=values, environment=env, profile=profile, compute=compute)
    what = "is valid there" if validate_only and to == "osmo" else f"submitted as {run.handle}\n{run.page}".rstrip()
    show(run, as_json, Text(what))


def follow(run: Handle, as_json: Json = False) -> None:
    """Wait for a run elsewhere and tell each change; fails if it fails.

    Example: physai jobs follow osmo:flywheel-7
    """
    name, run_id = split_handle(run)
    state = follow_run(engine(name), run_id, _tell)
    table = Table("task", "status", "exit", "")
    for task in state.tasks:
        code = "" if task.exit_code is None else str(task.exit_code)
        table.add_row(task.name, _words(task), code, Text(task.reason))
    show(state, as_json, table)
    state.raise_for_failure()


def logs(
    run: Annotated[str, typer.Argument(help="Name or folder of a run here; osmo:ID or azureml:ID elsewhere.")],
    task: Annotated[str, typer.Argument(help="Name of the task, as the workflow has it.")],
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the task ends (here; OSMO always).")
    ] = False,
) -> None:
    """Print what a task printed.

    Example: physai jobs logs flywheel train --follow
    """
    if not run.startswith(("osmo:", "azureml:")):
        print_log(run, task, follow)
        return
    name, run_id = split_handle(run)
    for text in engine(name).logs(run_id, task):
        sys.stdout.write(text)
        sys.stdout.flush()


def cancel(
    run: Annotated[str, typer.Argument(help="Name or folder of a run here; osmo:ID or azureml:ID elsewhere.")],
) -> None:
    """Ask for the end of a run. One on this machine can be continued with `physai jobs run`.

    Example: physai jobs cancel osmo:flywheel-7
    """
    if not run.startswith(("osmo:", "azureml:")):
        typer.echo(stop_run(run))
        return
    name, run_id = split_handle(run)
    engine(name).cancel(run_id)
    typer.echo(f"{run}: asked to end")


def fetch(
    run: Handle,
    output: Annotated[Path, typer.Option(help="Folder; each task gets one below it.")],
    as_json: Json = False,
) -> None:
    """Bring the outputs of a run elsewhere here.

    Example: physai jobs fetch osmo:flywheel-7 --output outputs
    """
    name, run_id = split_handle(run)
    fetched = engine(name).fetch(run_id, output)
    table = Table("task", "files")
    for task, folder in fetched.outputs.items():
        table.add_row(task, folder)
    for task, why in fetched.left.items():
        table.add_row(task, Text(f"nothing: {why}"))
    show(fetched, as_json, table)


def secret(
    name: Annotated[str, typer.Argument(help="Name of a secret in Key Vault.")],
    vault: Annotated[str | None, typer.Option(help="Its URL; default: the settings'.")] = None,
) -> None:
    """Print a secret from Key Vault; a step on AzureML reads its credentials with it.

    Example: physai jobs secret hub-token --vault https://NAME.vault.azure.net
    """
    from .azureml.secret import read_secret

    url = vault or settings().key_vault_url
    if url is None:
        raise NoVaultError((name,))
    sys.stdout.write(f"{read_secret(name, url)}\n")


def engine(name: EngineName) -> RemoteEngine:
    """The engine of a handle."""
    if name == "osmo":
        from .osmo import OsmoEngine

        return OsmoEngine()
    from .azureml.engine import AzureMLEngine

    return AzureMLEngine()


def _tell(task: RemoteTask) -> None:
    typer.echo(f"{task.name}: {_words(task)}{f' ({task.reason})' if task.reason else ''}", err=True)


def _words(task: RemoteTask) -> str:
    return task.status.lower().replace("_", " ")
