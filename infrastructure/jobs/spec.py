"""The workflow specification of NVIDIA OSMO 6.3 and later, as a user may write it.

Source: NVIDIA/OSMO docs/user_guide/workflows/specification; where the pages are silent, src/utils/job/task.py.
"""

import base64
import binascii
import re
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from .quantity import duration_s, exit_codes, size_bytes

NAME = r"[a-zA-Z]([a-zA-Z0-9_-]*[a-zA-Z0-9])?"
LABEL = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
LABEL_KEY = re.compile(rf"([a-z0-9]([-a-z0-9.]{{0,251}}[a-z0-9])?/)?{LABEL}")


def _name(text: str) -> str:
    if not re.fullmatch(NAME, text):
        raise ValueError(f"'{text}' is no name: letters, digits, '-' and '_', starting with a letter")
    return text


def _size(text: str) -> str:
    size_bytes(text)
    return text


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"'{text}' is no regular expression: {error}") from error
    return text


def _text(value: object) -> object:
    """YAML reads `true` and `3` where text is meant; OSMO takes them as text."""
    return str(value) if isinstance(value, bool | int | float) else value


Name = Annotated[str, AfterValidator(_name)]
Size = Annotated[str, AfterValidator(_size)]
Regex = Annotated[str, AfterValidator(_regex)]
Seconds = Annotated[float, BeforeValidator(duration_s), Field(gt=0)]
Text = Annotated[str, BeforeValidator(_text)]


class Spec(BaseModel):
    """What every part shares: unknown fields are refused, numbers may stand where text is meant."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True, use_attribute_docstrings=True)


class Timeout(Spec):
    """How long a group may take."""

    exec_timeout: Seconds | None = None
    """For each group, from its start."""
    queue_timeout: Seconds | None = None
    """For each group, while it waits for a node."""


class Topology(Spec):
    """Which tasks must lie near one another."""

    key: str
    group: str = "default"
    requirement_type: Literal["required", "preferred"] = Field(default="required", alias="requirementType")


class Resource(Spec):
    """What a task asks of the machine."""

    cpu: int | None = Field(default=None, ge=0)
    gpu: int | None = Field(default=None, ge=0)
    memory: Size | None = None
    storage: Size | None = None
    platform: str | None = None
    nodes_excluded: tuple[str, ...] = Field(default=(), alias="nodesExcluded")
    topology: tuple[Topology, ...] = ()


class Input(Spec):
    """Data that a task starts with: the output of another task, or the files under a URL."""

    task: str | None = None
    """Name of a task above; `workflow-id:task` takes it from another workflow."""
    url: str | None = None
    regex: Regex = ""
    """Keeps the files whose relative path it matches from the start."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.task is None) == (self.url is None):
            raise ValueError("an input has either 'task' or 'url'")
        if self.task is not None and not re.fullmatch(f"{NAME}(:{NAME})?", self.task):
            raise ValueError(f"'{self.task}' is no task: write its name, or workflow-id:name")
        return self


class Output(Spec):
    """Where a task's output folder is uploaded when it is done."""

    url: str
    regex: Regex = ""


class File(Spec):
    """A file that is there before the command starts."""

    path: str = Field(min_length=1)
    contents: str
    base64: bool = False

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str) -> str:
        parts = [part for part in path.split("/") if part]
        if not parts or parts[0] == "osmo" or path.endswith("/"):
            raise ValueError(f"'{path}' is no place for a file")
        if ".." in parts:
            raise ValueError(f"'{path}' leaves the task's folder")
        return path

    @model_validator(mode="after")
    def _decodable(self) -> Self:
        if self.base64:
            self.content()
        return self

    def content(self) -> bytes:
        """Its bytes as written in the workflow, runtime tokens not yet filled in."""
        if not self.base64:
            return self.contents.encode()
        try:
            return base64.b64decode("".join(self.contents.split()), validate=True)
        except binascii.Error as error:
            raise ValueError(f"contents of '{self.path}' are no base64: {error}") from error


class Checkpoint(Spec):
    """A folder that is uploaded again and again while the task runs."""

    path: str
    url: str
    frequency: Seconds
    """From the end of one upload to the start of the next."""
    regex: Regex = ""


class Kpi(Spec):
    """A file that OSMO indexes as a key figure."""

    index: str
    path: str


class ExitAction(StrEnum):
    """What follows from an exit code."""

    COMPLETE = "COMPLETE"
    FAIL = "FAIL"
    RESCHEDULE = "RESCHEDULE"


class Task(Spec):
    """One container, or on a laptop one process."""

    name: Name
    image: str
    command: tuple[str, ...] = Field(min_length=1)
    args: tuple[str, ...] = ()
    resource: str = "default"
    lead: bool = False
    environment: dict[str, Text] = {}
    files: tuple[File, ...] = ()
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    credentials: dict[str, str | dict[str, Text]] = {}
    """Name of a credential → its variables (variable: key), or the path where its file appears."""
    checkpoint: tuple[Checkpoint, ...] = ()
    exit_actions: dict[str, Text] = Field(default={}, alias="exitActions")
    kpis: tuple[Kpi, ...] = ()
    privileged: bool = False
    host_network: bool = Field(default=False, alias="hostNetwork")
    volume_mounts: tuple[str, ...] = Field(default=(), alias="volumeMounts")
    download_type: Literal["download"] | None = Field(default=None, alias="downloadType")
    cache_size: str | None = Field(default=None, alias="cacheSize")
    backend: str = ""

    @field_validator("files")
    @classmethod
    def _one_file_a_path(cls, files: tuple[File, ...]) -> tuple[File, ...]:
        paths = [file.path for file in files]
        if twice := next((path for path in paths if paths.count(path) > 1), None):
            raise ValueError(f"two files have the path '{twice}'")
        return files

    @field_validator("exit_actions")
    @classmethod
    def _codes_once(cls, actions: dict[str, str]) -> dict[str, str]:
        seen: dict[int, str] = {}
        for action, text in actions.items():
            if action.upper() not in ExitAction:
                raise ValueError(f"'{action}' is no exit action. Known: {', '.join(ExitAction)}")
            for code in (code for codes in exit_codes(text) for code in codes):
                if seen.setdefault(code, action) != action:
                    raise ValueError(f"exit code {code} is under {seen[code]} and under {action}")
        return actions

    def exit_action(self, code: int) -> ExitAction:
        """What `code` means for this task; without a rule, 0 completes and the rest fails."""
        for action, text in self.exit_actions.items():
            if any(code in codes for codes in exit_codes(text)):
                return ExitAction(action.upper())
        return ExitAction.COMPLETE if code == 0 else ExitAction.FAIL


class Group(Spec):
    """Tasks that run together and end when their lead ends."""

    name: Name
    barrier: bool = True
    ignore_nonlead_status: bool = Field(default=True, alias="ignoreNonleadStatus")
    tasks: tuple[Task, ...] = Field(min_length=1)


class Workflow(Spec):
    """Tasks, or groups of tasks, and what they ask for."""

    name: Name
    labels: dict[str, str] = Field(default={}, max_length=16)
    pool: str = ""
    backend: str = ""
    resources: dict[str, Resource] = {"default": Resource()}
    timeout: Timeout = Timeout()
    tasks: tuple[Task, ...] = ()
    groups: tuple[Group, ...] = ()

    @field_validator("labels")
    @classmethod
    def _kubernetes_labels(cls, labels: dict[str, str]) -> dict[str, str]:
        for key, value in labels.items():
            if not LABEL_KEY.fullmatch(key):
                raise ValueError(f"'{key}' is no Kubernetes label")
            if not re.fullmatch(LABEL, value):
                raise ValueError(f"'{value}' of '{key}' is no value of a Kubernetes label")
        return labels

    @model_validator(mode="after")
    def _tasks_or_groups(self) -> Self:
        if bool(self.tasks) == bool(self.groups):
            raise ValueError("a workflow has either 'tasks' or 'groups', and at least one of them")
        return self

    def all_tasks(self) -> tuple[Task, ...]:
        """Every task in the order of the file, those in groups too."""
        return self.tasks + tuple(task for group in self.groups for task in group.tasks)


def _version(value: Any) -> Any:
    if isinstance(value, bool) or str(value).removesuffix(".0") != "2":
        raise ValueError(f"version {value} is not supported. Write 2, or leave the line out")
    return 2


class WorkflowFile(Spec):
    """A rendered workflow file; `default-values` is gone by then."""

    version: Annotated[int, BeforeValidator(_version)] = 2
    workflow: Workflow
