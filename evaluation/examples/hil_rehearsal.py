"""Hardware in the loop: rehearse a policy that runs in another process, behind a link with delay and loss.

    uv run python -m physai.evaluation.examples.hil_rehearsal out/hil

Real: two processes, the wall clock, deadlines, the safety ladder, Isaac Lab on the bench. Played here: the device is a
process of this machine, and the link between the two delays and loses. On a device the same two commands are run, the
first one there.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from physai.infrastructure.console import print_table

from ..cli import hil_table
from ..hil.report import HilReport
from .link import linked
from .reach import build_package

PHYSAI = (sys.executable, "-c", "from physai.infrastructure.cli import main; main()", "evaluation")
DELAY_S, LOSS = 0.005, 0.02  # one way, and the share of messages that come 200 ms later


@contextmanager
def device(package: Path) -> Iterator[str]:
    """The policy host in a process of its own, as on a device."""
    command = [*PHYSAI, "serve", str(package), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if found := re.search(r"http://[\d.]+:\d+", line):
                    yield found[0]
                    break
            else:
                raise RuntimeError("the host ended before it listened")
        finally:
            process.terminate()


def rehearsed(folder: Path, episodes: int = 2) -> HilReport:
    """Draw conditions, start the device, and climb the ladder."""
    folder.mkdir(parents=True, exist_ok=True)
    conditions, report = folder / "conditions.json", folder / "hil.json"
    package = build_package(folder / "package")
    drawn = ["conditions", "create", "--episodes", str(episodes), "--horizon-s", "1", "--output", str(conditions)]
    subprocess.run([*PHYSAI, *drawn], check=True, stdout=subprocess.DEVNULL)
    with device(package) as url, linked(url) as (slow, link):
        link.delay_s, link.loss = DELAY_S, LOSS
        asked = ["--conditions", conditions, "--package", package, "--server", slow, "--output", report]
        subprocess.run([*PHYSAI, "hil", "run", *map(str, asked), "--max-misses", "60"], check=True)
    return HilReport.read(report)


def main() -> None:
    """Run it, and print every rung."""
    print_table(hil_table(rehearsed(Path(sys.argv[1] if len(sys.argv) > 1 else "out/hil").resolve())))


if __name__ == "__main__":
    main()
