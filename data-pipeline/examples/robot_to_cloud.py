"""From a robot to the cloud: simulate it, record it over DDS in another process, convert, validate, upload.

Usage: python robot_to_cloud.py WORK_FOLDER TARGET_URI
"""

import os
import subprocess
import sys
from pathlib import Path

from physai.infrastructure.console import stderr
from physai.infrastructure.datasets import Dataset

HERE = Path(__file__).parent
CONFIG = HERE / "simulated-ur10.yaml"
PHYSAI = Path(sys.executable).with_name("physai")
DOMAIN = 1 + os.getpid() % 100


def main(work: Path, target: str) -> None:
    """Run all steps; each is one command that can be run by hand."""
    rollouts, edge = work / "rollouts", work / "edge"
    physai("data-pipeline", "capture", "record", "--episodes", "1", "--num-envs", "1", "--output", rollouts)

    recording = rollouts / "episode-000000.mcap"
    robot = [sys.executable, "-m", "physai.data_pipeline.examples.simulated_robot", str(recording), str(DOMAIN)]
    with subprocess.Popen(robot) as speaking:
        record: list[str | Path] = ["--config", CONFIG, "--source", "dds", "--domain", str(DOMAIN), "--episodes", "2"]
        physai("data-pipeline", "capture", "record", *record, "--output", edge / "episodes")
        speaking.kill()

    dataset = edge / "datasets" / "reach"
    convert: list[str | Path] = ["--config", CONFIG, "--output", dataset, "--report", work / "report"]
    physai("data-pipeline", "convert", "run", edge / "episodes", *convert)
    stderr.print(f"validated: {Dataset(dataset).verify()}")

    physai("data-pipeline", "transfer", "run", edge, "--target", target)
    physai("data-pipeline", "transfer", "verify", edge)


def physai(*words: str | Path) -> None:
    """Run a command, and say which."""
    stderr.print(f"physai {' '.join(map(str, words))}")
    subprocess.run([PHYSAI, *words], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
