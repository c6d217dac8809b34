"""Pushes or pulls again and again, killed at a later step each time, and checks what is left after every kill.

Run as a process of its own, since it forks: `registry_crash.py push|pull PACKAGE SCRATCH`. Prints the number of kills.
"""

import os
import signal
import sys
from pathlib import Path

from physai.infrastructure.registry import OciLayout, manifest_digest

STEPS = {"open", "os.mkdir", "os.rename", "os.remove", "fcntl.flock"}


def die_at(step: int, scratch: str) -> None:
    """Let this process be killed when it is about to take its nth step with a file in `scratch`."""
    left = step

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        inside = event == "fcntl.flock" or (arguments and str(arguments[0]).startswith(scratch))
        if event in STEPS and inside:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def killed(step: int, what: str, package: Path, scratch: Path) -> bool:
    """Whether a process that does it in `scratch` was killed at that step, rather than done before."""
    child = os.fork()
    if child == 0:
        die_at(step, str(scratch))
        layout = OciLayout(scratch / "registry")
        if what == "push":
            layout.push(package, "v1")
        else:
            layout.pull("v1", scratch / "pulled")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def check(what: str, package: Path, scratch: Path) -> None:
    """What is visible is whole, and the same command then succeeds."""
    digest = manifest_digest(package)
    layout = OciLayout(scratch / "registry")
    for entry in layout.entries():
        layout.pull(entry.digest, scratch / "seen")
    if (scratch / "pulled").exists():
        assert manifest_digest(scratch / "pulled") == digest, "the target is there, and is not whole"
    if what == "push":
        assert layout.push(package, "v1") == digest
    assert manifest_digest(layout.pull("v1", scratch / "pulled")) == digest
    assert not list(scratch.glob(".pulled*")), "what lay aside was not used up"


def main(what: str, package: Path, root: Path) -> None:
    for step in range(1, 1000):
        scratch = root / f"step-{step}"
        scratch.mkdir()
        if what == "pull":
            OciLayout(scratch / "registry").push(package, "v1")
        dead = killed(step, what, package, scratch)
        check(what, package, scratch)
        if not dead:
            print(step - 1)  # noqa: T201
            return


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
