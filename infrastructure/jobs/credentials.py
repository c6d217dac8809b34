"""Credentials of a task, taken from the environment of the engine.

OSMO keeps credentials in its own store. On one machine, the value of `credentials: {hub: {HF_TOKEN: token}}` is that
of `HUB_TOKEN` (credential and key), or else of `HF_TOKEN` itself; `credentials: {keys: /opt/keys}` is the file or
folder whose path is in `KEYS_FILE`.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from .spec import Task


def variables(task: Task, environ: Mapping[str, str]) -> dict[str, str]:
    """Variable → value, of those that are there."""
    found = {}
    for credential, mapping in task.credentials.items():
        for name, key in mapping.items() if isinstance(mapping, dict) else ():
            value = environ.get(_variable(credential, key)) or environ.get(name)
            if value:
                found[name] = value
    return found


def files(task: Task, environ: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    """(path in the container, path here) of credentials that are files."""
    for credential, path in task.credentials.items():
        here = environ.get(_variable(credential, "file"))
        if isinstance(path, str) and here:
            yield path, Path(here).expanduser()


def missing(task: Task, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(message, field) of every credential that is not there."""
    there = variables(task, environ)
    for credential, mapping in task.credentials.items():
        if isinstance(mapping, str):
            name = _variable(credential, "file")
            path = environ.get(name)
            if not path:
                yield f"is not there. Set {name} to the path of its file.", f"credentials.{credential}"
            elif not Path(path).expanduser().exists():
                yield f"{name} names {path}, which does not exist. Correct it.", f"credentials.{credential}"
            continue
        for name, key in mapping.items():
            if name not in there:
                both = " or ".join(dict.fromkeys((name, _variable(credential, key))))
                yield f"is not there. Set {both} in the environment.", f"credentials.{credential}.{name}"


def _variable(credential: str, key: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", f"{credential}_{key}".upper())
