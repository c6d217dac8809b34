"""Questions to Azure, through `az` and with its login."""

import json
import subprocess
from typing import Any


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    """Run a program that only asks; one that is missing or hangs has failed."""
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120, stdin=subprocess.DEVNULL)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(argv, 1, "", str(error))


def ask(*words: str) -> Any:
    """What `az` answers, from JSON; None when it fails or makes no sense."""
    done = run("az", *words, "--output", "json", "--only-show-errors")
    try:
        return json.loads(done.stdout) if done.returncode == 0 else None
    except ValueError:
        return None
