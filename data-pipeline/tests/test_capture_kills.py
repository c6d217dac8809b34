"""The recorder is killed at random moments: only the open episode is ever incomplete, and its whole chunks are kept."""

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from physai.data_pipeline.capture.folder import episodes
from physai.data_pipeline.capture.recover import recover
from physai.data_pipeline.cli import app
from physai.data_pipeline.tests.capture_files import first_joint
from physai.data_pipeline.tests.capture_robot import DOMAIN, PROCESSES, record, robot
from physai.infrastructure.contracts import RawEpisode, digest_file
from physai.infrastructure.datasets import Dataset

LONGEST_S = 0.9  # of a run: some three episodes


def start_s(folder: Path) -> float:
    """How long a recorder takes from its start to its first file, on a machine that may be busy."""
    process = PROCESSES.Process(target=record, args=(str(folder), DOMAIN), daemon=True)
    begun = time.monotonic()
    process.start()
    while not list(folder.glob(".episode-*")):
        assert time.monotonic() - begun < 60, "no recorder came up"
        time.sleep(0.01)
    process.kill()
    process.join()
    return time.monotonic() - begun


def kill_at_random(folder: Path, rng: random.Random, longest_s: float) -> None:
    process = PROCESSES.Process(target=record, args=(str(folder), DOMAIN), daemon=True)
    process.start()
    time.sleep(rng.uniform(0.0, longest_s))
    assert process.pid is not None
    assert process.exitcode is None, "the recorder ended by itself"
    os.kill(process.pid, signal.SIGKILL)
    process.join()


def kill_and_check(folder: Path, kills: int, seed: int) -> list[RawEpisode]:
    """Kill, look, and start again; what a run left is saved by the next."""
    rng = random.Random(seed)
    with robot():
        longest_s = start_s(folder) + LONGEST_S
        for _ in range(kills - 1):
            kill_at_random(folder, rng, longest_s)
            # the open one; of it two files, if the recovery of what was left was killed itself
            assert len({path.name.partition(".mcap")[0] for path in folder.glob(".episode-*.mcap.*")}) <= 1
    recover(folder)
    assert not list(folder.glob(".episode-*"))
    found = episodes(folder)
    assert len(found) == len(list(folder.glob("*.mcap")))
    for sidecar in found:
        assert digest_file(folder / sidecar.file) == sidecar.content
        rows = first_joint(folder / sidecar.file)
        assert rows == [rows[0] + row for row in range(len(rows))]  # nothing lost in between
        assert len(rows) == sidecar.messages.get("/joint_states", 0)
    return found


def convert_and_load(folder: Path, output: Path, found: list[RawEpisode]) -> None:
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    words = ["convert", "run", str(folder), "--output", str(output), "--max-skew-s", "1", "--skip-damaged", "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    cut = {sidecar.content for sidecar in found if sidecar.outcome == "interrupted"}
    faulty = {sidecar.content for sidecar in found if any(f.level == "error" for f in sidecar.findings)}
    whole = {sidecar.content for sidecar in found} - cut - faulty  # a busy machine may starve a topic; it is named
    assert whole, "no episode came to its end"
    assert cut, "no episode was cut"
    converted = {source.source for source in Dataset(output).required_provenance.episodes}
    assert whole <= converted, report["dropped"]
    loaded = LeRobotDataset("local/kills", root=output)
    assert loaded.num_episodes == report["episodes"]
    for row in (0, len(loaded) // 2, len(loaded) - 1):
        assert loaded[row]["observation.images.front"].shape == (3, 64, 64)


def test_ten_kills_cost_at_most_the_open_episode(tmp_path: Path) -> None:
    found = kill_and_check(tmp_path / "episodes", 10, seed=1)
    convert_and_load(tmp_path / "episodes", tmp_path / "dataset", found)


@pytest.mark.slow
def test_fifty_kills_cost_at_most_the_open_episode(tmp_path: Path) -> None:
    found = kill_and_check(tmp_path / "episodes", 50, seed=2)
    convert_and_load(tmp_path / "episodes", tmp_path / "dataset", found)
