"""Runtime tokens: `{{output}}`, `{{input:N}}`, `{{workflow_id}}`, `{{uuid}}`, `{{host:task}}`, and where files go."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from .spec import Task

TOKEN = re.compile(r"\{\{ *(uuid|workflow_id|output|input:[^{} ]+|host:[^{} ]+) *\}\}")
LOCALHOST = "127.0.0.1"


def texts(task: Task) -> Iterator[tuple[str, str]]:
    """(field, text) of everything in which tokens are filled in."""
    yield from ((f"command[{index}]", text) for index, text in enumerate(task.command))
    yield from ((f"args[{index}]", text) for index, text in enumerate(task.args))
    yield from ((f"environment.{name}", text) for name, text in task.environment.items())
    for index, file in enumerate(task.files):
        yield f"files[{index}].path", file.path
        if not file.base64:
            yield f"files[{index}].contents", file.contents
    for index, source in enumerate(task.inputs):
        yield f"inputs[{index}].url", source.url or ""
    yield from ((f"outputs[{index}].url", output.url) for index, output in enumerate(task.outputs))
    for index, checkpoint in enumerate(task.checkpoint):
        yield f"checkpoint[{index}].path", checkpoint.path
        yield f"checkpoint[{index}].url", checkpoint.url


def used(text: str) -> list[str]:
    """The tokens in a text: `["output", "input:0"]`."""
    return TOKEN.findall(text)


def input_names(task: Task) -> dict[str, int]:
    """What may follow `input:`, and which input it means: its index, or the name of its task."""
    names = {str(index): index for index in range(len(task.inputs))}
    named = {source.task.split(":")[-1]: index for index, source in enumerate(task.inputs) if source.task}
    return named | names


@dataclass(frozen=True)
class Places:
    """Where one task finds things on this machine."""

    work: Path
    """Its current folder; what a container has at `/…` lies under `work/…`."""
    output: Path
    workflow_id: str
    uuid: str
    task: Task
    moved: tuple[tuple[str, Path], ...] = ()
    """Path in the container → path on this machine, of mounts, credential files and checkpoints."""
    inputs: tuple[Path, ...] = ()
    identities: tuple[str, ...] = ()
    """What each input is: equal words, equal content."""

    def with_inputs(self, inputs: tuple[Path, ...], identities: tuple[str, ...]) -> "Places":
        """These places once the inputs have been brought."""
        return replace(self, inputs=inputs, identities=identities)

    def fill(self, text: str) -> str:
        """`text` with container paths and runtime tokens replaced by what they mean here."""
        for there, here in self._moved():
            text = _replace_path(text, there, str(here))
        return TOKEN.sub(self._value, text)

    def file(self, path: str) -> Path:
        """Where the file that a container has at `path` lies here."""
        filled = Path(self.fill_tokens(path))
        return filled if filled.is_relative_to(self.output) else self.work / str(filled).lstrip("/")

    def fill_tokens(self, text: str) -> str:
        """`text` with runtime tokens replaced, container paths left alone."""
        return TOKEN.sub(self._value, text)

    def _moved(self) -> Iterator[tuple[str, Path]]:
        files = ((file.path, self.file(file.path)) for file in self.task.files if file.path.startswith("/"))
        yield from sorted((*files, *self.moved), key=lambda move: -len(move[0]))

    def _value(self, token: re.Match[str]) -> str:
        kind, _, which = token[1].partition(":")
        match kind:
            case "output":
                return str(self.output)
            case "input":
                return str(self.inputs[input_names(self.task)[which]])
            case "workflow_id":
                return self.workflow_id
            case "uuid":
                return self.uuid
            case _:
                return LOCALHOST


def _replace_path(text: str, there: str, here: str) -> str:
    """Replace a path where it stands as a whole or as the start of a longer one."""
    return re.sub(rf"(?<![\w./}}-]){re.escape(there)}(?![\w-]|\.\w)", lambda _: here, text)
