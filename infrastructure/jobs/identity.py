"""The identity of a task: what it does, to what, with which code. Equal identity, equal result."""

import json

from ..contracts import Digest, digest_bytes
from .code import code_digest
from .spec import Task


def task_key(task: Task, inputs: tuple[str, ...]) -> Digest:
    """Digest of everything that a task's result depends on.

    Paths on this machine are not part of it: runtime tokens are still in their places.

    Args:
        task: After rendering.
        inputs: Identity of each input: key and result of the task that made it, or digest of its content.
    """
    scripts = [file.contents for file in task.files if not file.base64]
    parts = {
        "command": [*task.command, *task.args],
        "environment": dict(sorted(task.environment.items())),
        "files": [file.model_dump() for file in task.files],
        "inputs": [[source.regex, identity] for source, identity in zip(task.inputs, inputs, strict=True)],
        "outputs": [output.model_dump() for output in task.outputs],
        "credentials": task.credentials,
        "code": code_digest([*task.command, *task.args, *scripts]),
    }
    return digest_bytes(json.dumps(parts, sort_keys=True).encode())
