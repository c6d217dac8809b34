"""Files beside a workflow: `localpath:` is replaced by the text of the file, as OSMO's own command line does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .document import Document, Key
from .errors import Problem

# Source: NVIDIA/OSMO src/cli/workflow.py, `_load_local_files_helper`: text only, relative to the workflow file.


def inline(path: Path, document: Document, tasks: Iterator[tuple[Key, Any]]) -> Iterator[Problem]:
    """Put the contents of local files into a document, in place.

    Args:
        path: The workflow file, to which a `localpath` is relative.
        document: Changed: `localpath` becomes `contents`, on the same line.
        tasks: (key, raw task) of every task in it.

    Yields:
        What cannot be inlined.
    """
    for key, task in tasks:
        entries = task.get("files")
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            if not (isinstance(entry, dict) and "localpath" in entry):
                continue
            where = (*key, "files", index, "localpath")
            if message := _put(path, entry):
                field = f"files[{index}].localpath"
                yield Problem(message, field, str(task.get("name", "")), document.line(where))
            else:
                document.lines[*where[:-1], "contents"] = document.line(where)


def _put(path: Path, entry: dict[str, Any]) -> str:
    """Replace `localpath` by `contents`; why that cannot be, or nothing."""
    if "contents" in entry:
        return "a file has either 'contents' or 'localpath'. Keep one."
    local = path.parent / str(entry["localpath"])
    try:
        entry["contents"] = local.read_text("utf-8")
    except FileNotFoundError:
        return f"there is no {local}. A local path is relative to the workflow file."
    except IsADirectoryError:
        return f"{local} is a folder. Name a file; OSMO takes data of a folder from a `url:` input."
    except UnicodeDecodeError:
        return f"{local} is not text. Put it on storage as a `url:` input, or under `contents:` with `base64: true`."
    except OSError as error:
        return f"{local} cannot be read: {error.strerror}."
    del entry["localpath"]
    return ""
