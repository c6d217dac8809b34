"""The command of a task as shell text, with AzureML's references where OSMO has runtime tokens.

AzureML takes one string and puts paths in place of `${{inputs.x}}` before the shell reads it. References stand inside
double quotes, so that a path in a variable works as well. The Kubernetes extension does not fill them in inside
`environment_variables`, so a variable with a token is exported here.
"""

import re
import shlex
from collections.abc import Callable, Iterator

from ..spec import File, Task
from ..tokens import TOKEN, used

END = "PHYSAI_END"
WIDTH = 100
RUN_ID = "$AZUREML_ROOT_RUN_ID"
SPECIAL = re.compile(r'([\\"$`])')
SPECIAL_HERE = re.compile(r"([\\$`])")
FOREIGN = re.compile(r"\$\{\{|\$\[\[")

Reference = Callable[[str], str]
"""Token without its braces → what stands in its place."""


def problems(task: Task) -> Iterator[tuple[str, str]]:
    """(message, field) of text that AzureML would take for its own."""
    words = [(f"command[{index}]", word) for index, word in enumerate(task.command)]
    words += [(f"args[{index}]", word) for index, word in enumerate(task.args)]
    words += [(f"environment.{name}", value) for name, value in task.environment.items()]
    words += [(f"files[{index}].contents", "" if f.base64 else f.contents) for index, f in enumerate(task.files)]
    for field, text in words:
        if FOREIGN.search(text):
            yield "holds '${{' or '$[[', which AzureML takes for its own. Write it otherwise.", field
        if field.startswith("files") and END in text.splitlines():
            yield f"holds a line {END}, which ends a file in the rendered command. Write it otherwise.", field


def script(task: Task, reference: Reference) -> str:
    """Everything that a task does, one command a line.

    Args:
        task: Without problems.
        reference: What stands for each token.
    """
    lines = ["set -e"]
    lines += [f"export {name}={_quoted(value, reference)}" for name, value in exported(task).items()]
    lines += list(_credentials(task))
    for file in task.files:
        lines += _file(file, reference)
    lines.append(_wrapped([_quoted(word, reference) for word in (*task.command, *task.args)]))
    return "\n".join(lines)


def exported(task: Task) -> dict[str, str]:
    """Variables that AzureML itself cannot set: with a token in them, or empty."""
    return {name: value for name, value in task.environment.items() if used(value) or not value}


def secret_name(credential: str, key: str) -> str:
    """Name of a Key Vault secret: letters, digits and dashes."""
    return re.sub(r"[^0-9a-zA-Z]+", "-", f"{credential}-{key}").strip("-")


def _credentials(task: Task) -> Iterator[str]:
    """From Key Vault, with the identity of the job, when it starts: none of them is in the job's definition."""
    for credential, mapping in task.credentials.items():
        if isinstance(mapping, str):
            folder = shlex.quote(mapping.rpartition("/")[0] or "/")
            yield f"mkdir -p {folder}"
            yield f"physai jobs secret {secret_name(credential, 'file')} > {shlex.quote(mapping)}"
            continue
        for variable, key in mapping.items():
            yield f'{variable}="$(physai jobs secret {secret_name(credential, key)})"'
            yield f"export {variable}"


def _wrapped(words: list[str]) -> str:
    """A command on one line, or an argument a line when that is long."""
    line = " ".join(words)
    if len(line) <= WIDTH or any("\n" in word for word in words):
        return line
    return " \\\n  ".join(words)


def _file(file: File, reference: Reference) -> Iterator[str]:
    path = _quoted(file.path, reference)
    folder = file.path.rpartition("/")[0]
    if folder:
        yield f"mkdir -p {_quoted(folder, reference)}"
    if file.base64:
        yield f"base64 -d > {path} <<'{END}'\n{''.join(file.contents.split())}\n{END}"
    else:
        text = _filled(file.contents, SPECIAL_HERE, reference)
        yield f"cat > {path} <<{END}\n{text.removesuffix(chr(10))}\n{END}"
    if file.content().startswith(b"#!"):
        yield f"chmod +x {path}"


def _quoted(word: str, reference: Reference) -> str:
    return f'"{_filled(word, SPECIAL, reference)}"' if used(word) else shlex.quote(word)


def _filled(text: str, special: re.Pattern[str], reference: Reference) -> str:
    """`text` with what the shell would read escaped, and tokens replaced."""
    filled, end = "", 0
    for token in TOKEN.finditer(text):
        filled += special.sub(r"\\\1", text[end : token.start()]) + reference(token[1])
        end = token.end()
    return filled + special.sub(r"\\\1", text[end:])
