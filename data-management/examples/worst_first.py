"""From a dataset to a policy: judge, trim, delete the worst, label the best, hold some out, train from the selection.

Usage: python worst_first.py DATASET WORK_FOLDER [TRAINING_STEPS]
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from physai.infrastructure.console import stderr

PHYSAI = Path(sys.executable).with_name("physai")
WORST = 2


def main(source: Path, work: Path, steps: str) -> None:
    """Run all steps; each is one command that can be run by hand."""
    dataset, curated = work / "dataset", work / "curated"
    shutil.copytree(source, dataset)
    physai("validate", dataset, "--html", work / "validation.html")

    judged = result("quality", dataset)["episodes"]
    worst = sorted(judged, key=lambda episode: float(episode["score"]))[:WORST]
    for episode in worst:
        stderr.print(f"episode {episode['episode']}: score {episode['score']:.2f}; {episode['reasons']['idle']}")

    physai("trim", dataset, "--episodes", "0:", "--idle", "--margin", "0.1")
    numbers = ",".join(str(episode["episode"]) for episode in worst)
    physai("delete", dataset, "--episodes", numbers, "--reason", "the worst of the session")

    scores = sorted(float(episode["score"]) for episode in result("quality", dataset)["episodes"])
    good = f"quality.score >= {scores[len(scores) // 2] - 1e-4:.4f}"
    physai("label", dataset, "--where", good, "--add", "good", "--rating", "4", "--comment", "better half")
    physai("filter", dataset, "--where", "'good' in labels", "--output", work / "good")
    physai("curate", work / "good", "--heldout", "0.25", "--no-publish", "--output", curated)
    physai("lineage", curated)

    train: list[str | Path] = ["--dataset", curated, "--output", work / "run", "--steps", steps]
    subprocess.run([PHYSAI, "training", "il", "train", *train], check=True)

    physai("undo", dataset, "--list")
    physai("undo", dataset)


def physai(*words: str | Path) -> None:
    """Run one dataset command; one that fails ends the walk."""
    subprocess.run([PHYSAI, "data-management", "dataset", *words], check=True)


def result(*words: str | Path) -> dict[str, Any]:
    """What a dataset command says."""
    command = [PHYSAI, "data-management", "dataset", *words, "--json"]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] if len(sys.argv) == 4 else "1000")
