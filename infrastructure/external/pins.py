"""What is cloned: name, address, tag and commit, one file for all."""

import re
import subprocess
from pathlib import Path

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from ..aside import write_whole
from ..contracts import Contract
from ..errors import MissingFileError, PhysaiError, suggest

PINS = Path("external/pins.yaml")


class ExternalError(PhysaiError):
    """A project could not be cloned as it is pinned."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")


class Pin(Contract):
    """One project at one commit."""

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    """Also its folder below `external/`."""
    url: str
    """Anything that `git fetch` takes."""
    tag: str
    """What people call the commit."""
    commit: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}$")
    """None until the tag was looked up, by `physai external pin` or the first `sync`."""
    python: tuple[str, ...] = ()
    """Folders that an editor searches for modules."""


def read_pins(root: Path, names: tuple[str, ...] = ()) -> tuple[Pin, ...]:
    """The pins of a repository, all or those of the names.

    Raises:
        MissingFileError: If there is no file of pins.
        ExternalError: If it is not one, or has no pin of a name.
    """
    path = root / PINS
    if not path.is_file():
        raise MissingFileError(path, "file of pins", "Run this in a clone, or name it with --root.")
    try:
        pins = TypeAdapter(tuple[Pin, ...]).validate_json(
            TypeAdapter(object).dump_json(yaml.safe_load(path.read_text()))
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise ExternalError(str(PINS), f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    known = [pin.name for pin in pins]
    for name in names:
        if name not in known:
            raise ExternalError(name, f"is not pinned in {PINS}. {suggest(name, known)}")
    return tuple(pin for pin in pins if not names or pin.name in names)


def look_up(pin: Pin) -> Pin:
    """A pin with the commit that its tag has in its repository now.

    Raises:
        ExternalError: If the repository cannot be reached or has no such tag.
    """
    asked = ["git", "ls-remote", "--tags", pin.url, f"refs/tags/{pin.tag}", f"refs/tags/{pin.tag}^{{}}"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ExternalError(pin.name, f"{pin.url} cannot be read: {done.stderr.strip()}")
    lines = [line.split() for line in done.stdout.splitlines()]
    if not lines:
        raise ExternalError(pin.name, f"{pin.url} has no tag {pin.tag}. Correct it in {PINS}.")
    return pin.model_copy(update={"commit": lines[-1][0]})  # of an annotated tag, the commit comes last


def write_pin(root: Path, pin: Pin) -> None:
    """Put the commit of a pin into the file of pins; the rest of it stays as it is."""
    path = root / PINS
    head, item, rest = re.split(rf"(?m)(^- name: {re.escape(pin.name)}\b.*\n)", path.read_text(), maxsplit=1)
    own, mark, after = rest.partition("\n- ")
    own = re.sub(r"(?m)^  commit: .*\n", "", f"{own}\n" if mark else own)
    own = re.sub(r"(?m)^(  tag: .*\n)", rf'\g<1>  commit: "{pin.commit}"\n', own)
    write_whole(path, (head + item + own + (f"- {after}" if mark else "")).encode())
