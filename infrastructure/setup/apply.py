"""Doing a step: command after command, remembering what is done, so that the next attempt goes on from there."""

import json
from collections.abc import Callable
from pathlib import Path

from ..aside import locked, write_whole
from ..contracts import Contract, Digest, digest_bytes, digest_file
from .command import Command, Runner
from .steps import STEPS, Context


class Done(Contract):
    """What became of one step."""

    step: str
    ran: int
    """Commands that were run now."""
    skipped: int
    """Commands that an earlier attempt had done, or whose probe said that they are done."""


class Progress(Contract):
    """How far a step was done, and with which commands."""

    digest: Digest
    commands: int


def digest_of(commands: list[Command]) -> Digest:
    """Digest of what a step does, with the files that it hands over as `@path`.

    Where its secrets come from is not part of it, since that names a day.
    """
    parts = [command.model_dump_json(exclude={"secrets"}) for command in commands]
    files = [Path(word[1:]) for command in commands for word in command.argv if word.startswith("@")]
    return digest_bytes("\0".join([*parts, *map(digest_file, files)]).encode())


def apply_step(
    name: str, context: Context, state: Path, *, again: bool = False, tell: Callable[[str], None] = lambda _line: None
) -> Done:
    """Do one step; what an interrupted attempt has done is not done again.

    Args:
        name: A key of `STEPS`.
        context: What it is made from.
        state: Folder that remembers what was done to this platform.
        again: Do all of it, whatever was done before.
        tell: Called with each command before it runs.

    Raises:
        CommandError: If a command fails; those before it stay done.
    """
    commands = STEPS[name](context)
    digest = digest_of(commands)
    path = state / f"{name}.json"
    with locked(state / "lock"):
        before = _read(path)
        first = before.commands if before and before.digest == digest and not again else 0
        if first >= len(commands):
            first = len(commands)
        runner, ran = Runner(name), 0
        for index, command in enumerate(commands[first:], start=first):
            tell(command.shown().splitlines()[0])
            ran += runner.run(command)
            progress = Progress(digest=digest, commands=index + 1)
            write_whole(path, progress.model_dump_json().encode())
    return Done(step=name, ran=ran, skipped=len(commands) - ran)


def _read(path: Path) -> Progress | None:
    try:
        return Progress.model_validate_json(json.dumps(json.loads(path.read_text())))
    except (FileNotFoundError, ValueError):  # absent, or of an older form: then everything is done again
        return None
