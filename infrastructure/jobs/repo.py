"""Every workflow and job file of a repository, checked in one go."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

from ..contracts import Contract, write_whole
from ..errors import MissingFileError, suggest
from ..setup.profile import Profile, load_profile
from .azureml import make_pipeline, pipeline_text, rendered_path
from .azureml.check import check_job
from .check import read_workflow
from .document import Document
from .errors import Problem, SameTargetError, WorkflowError
from .render import Value, read_text
from .site import check_commands, check_site

Kind = Literal["osmo", "azureml"]
AZUREML_MARK = "azuremlschemas"
PROFILE = "dev"
"""The platform that committed AzureML files are rendered for."""


class CheckedFile(Contract):
    """What is wrong with one file."""

    file: str
    kind: Kind
    problems: tuple[str, ...] = ()
    """`file:line: task: field: what and how to mend`."""
    notes: tuple[str, ...] = ()


class Validation(Contract):
    """All files, the broken ones too."""

    files: tuple[CheckedFile, ...]

    @property
    def broken(self) -> int:
        """How many cannot be used."""
        return sum(bool(file.problems) for file in self.files)


class Rendering(Contract):
    """One AzureML file and its workflow."""

    workflow: str
    file: str
    changed: bool
    """Whether the file on disk was another one, or there was none."""
    notes: tuple[str, ...]


def workflow_files(places: Iterable[Path]) -> Iterator[Path]:
    """Files as they are named; of folders, what lies in `workflows/osmo/` and `workflows/azureml/`.

    Raises:
        MissingFileError: If a place does not exist, or a folder has none.
    """
    for place in places:
        if not place.is_dir():
            yield place
            continue
        found = sorted(_below(place))
        if not found:
            raise MissingFileError(place, "workflow", "Name a file, or a folder with workflows/osmo/*.yaml below it.")
        yield from found


def _below(folder: Path) -> Iterator[Path]:
    """The workflow files of a tree; hidden folders and installed packages are not walked."""
    for root, folders, files in folder.walk():
        folders[:] = [name for name in folders if not name.startswith(".") and name != "node_modules"]
        if root.parent.name == "workflows" and root.name in ("osmo", "azureml"):
            yield from (root / name for name in files if name.endswith(".yaml"))


def validate(
    places: Iterable[Path], values: Mapping[str, Value] | None = None, profile: str | None = None
) -> Validation:
    """Check files against the rules of their format and, with a profile, against the platform.

    Args:
        places: Files or folders.
        values: Template variables of OSMO files.
        profile: A platform profile by name or path.
    """
    site = load_profile(profile) if profile else None
    return Validation(files=tuple(_checked(path, values or {}, site, profile or "") for path in workflow_files(places)))


def _checked(path: Path, values: Mapping[str, Value], site: Profile | None, name: str) -> CheckedFile:
    kind: Kind = "osmo"
    try:
        if AZUREML_MARK in read_text(path):
            kind = "azureml"
            _instance_types(path, check_job(path), site)
            return CheckedFile(file=str(path), kind=kind)
        checked = read_workflow(path, values)
        found = check_commands(checked)
        if site:
            try:
                check_site(checked, site, name)
            except WorkflowError as error:
                found += error.problems
        if found:
            raise WorkflowError(path, sorted(found, key=lambda problem: problem.line))
    except WorkflowError as error:
        return CheckedFile(file=str(path), kind=kind, problems=tuple(p.text(str(path)) for p in error.problems))
    return CheckedFile(file=str(path), kind=kind, notes=checked.notes)


def _instance_types(path: Path, document: Document, site: Profile | None) -> None:
    known = [pool.platform for pool in site.node_pools.values()] if site else []
    problems = []
    for name, step in document.data.get("jobs", {}).items():
        wanted = (step.get("resources") or {}).get("instance_type")
        if known and wanted and wanted not in known:
            key = ("jobs", name, "resources", "instance_type")
            message = f"there is no instance type '{wanted}'. {suggest(wanted, known)}"
            problems.append(Problem(message, ".".join(key), line=document.line(key)))
    if problems:
        raise WorkflowError(path, problems)


def render(
    places: Iterable[Path], *, profile: str = PROFILE, output: Path | None = None, write: bool = True
) -> list[Rendering]:
    """Render OSMO workflows to AzureML pipeline jobs.

    Args:
        places: Files or folders; AzureML files in them are passed over.
        profile: Decides the instance types.
        output: Folder of the results; default: `workflows/azureml/` beside `workflows/osmo/`.
        write: Whether to write what has changed, or only to tell it.

    Raises:
        WorkflowError: If a workflow is broken, or holds what AzureML cannot do. Then nothing is written.
        SameTargetError: If two workflows would be written to one file; likewise.
    """
    site = load_profile(profile)
    sources = [path for path in workflow_files(places) if AZUREML_MARK not in read_text(path)]
    made: list[tuple[Path, str, Rendering]] = []
    for path in sources:
        pipeline = make_pipeline(read_workflow(path), site)
        target = output / path.name if output else rendered_path(path)
        other = next((rendering.workflow for known, _, rendering in made if known == target), None)
        if other is not None and not path.samefile(other):
            raise SameTargetError(target, other, str(path))
        text = pipeline_text(pipeline, path)
        changed = not target.exists() or target.read_text() != text
        made.append(
            (target, text, Rendering(workflow=str(path), file=str(target), changed=changed, notes=pipeline.notes))
        )
    if write:
        for target, text, rendering in made:
            if rendering.changed:
                write_whole(target, text.encode())
    return [rendering for _, _, rendering in made]
