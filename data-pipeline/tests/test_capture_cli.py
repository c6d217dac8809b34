"""The recorder, through the real executable and the real simulator: killed, damaged, continued."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from physai.infrastructure.contracts import RawEpisode, digest_file

PHYSAI = str(Path(sys.executable).with_name("physai"))


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {**os.environ, "PHYSAI_HOME": str(tmp_path_factory.mktemp("home")), "COLUMNS": "200"}


def command(folder: Path, *options: str) -> list[str]:
    return [PHYSAI, "data-pipeline", "capture", "record", "--output", str(folder), *options]


def record(environment: dict[str, str], folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(folder, *options), capture_output=True, text=True, env=environment, timeout=300)


def test_a_mistyped_world_is_one_line_and_makes_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    done = record(environment, tmp_path / "episodes", "--world", "moved-targt")
    assert done.returncode == 1
    assert "Did you mean 'moved-target'?" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "episodes").exists()


def test_a_domain_that_is_no_number_is_misuse(environment: dict[str, str], tmp_path: Path) -> None:
    done = record({**environment, "ROS_DOMAIN_ID": "lab"}, tmp_path / "episodes", "--config", "robot.yaml")
    assert done.returncode == 2
    assert "ROS_DOMAIN_ID" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_episodes_are_misuse(environment: dict[str, str], tmp_path: Path) -> None:
    assert record(environment, tmp_path, "--episodes", "0").returncode == 2


def test_a_config_that_is_not_there_is_one_line_and_makes_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    done = record(environment, tmp_path / "episodes", "--config", str(tmp_path / "arm.yaml"))
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {tmp_path}/arm.yaml: no recording-config here.")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "episodes").exists()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("robots: [a", "not YAML"),
        ("robots: [a]\ntask: t\nrate_hz: 0\noutput: x\ntopics: []", "rate_hz: Input should be greater than 0"),
        (
            "{robots: [a], task: t, rate_hz: 5, output: x, topics: [{topic: /a, type: b}, {topic: /a, type: c}]}",
            "topic '/a' is there 2 times",
        ),
        (
            "{robots: [a], task: t, rate_hz: 5, output: x, topics: [{topic: /a, type: b}], "
            "stop: [{kind: topic, topic: /b, field: data}]}",
            "trigger on '/b', which is no topic of the file: /a",
        ),
        (
            "{robots: [a], task: t, rate_hz: 5, output: x, topics: [{topic: /a, type: b/msg/C}]}",
            "'b/msg/C' is unknown",
        ),
    ],
)
def test_a_config_that_is_wrong_is_one_line_and_makes_nothing(
    environment: dict[str, str], tmp_path: Path, text: str, why: str
) -> None:
    (tmp_path / "arm.yaml").write_text(text)
    done = record(environment, tmp_path / "episodes", "--config", str(tmp_path / "arm.yaml"))
    assert done.returncode == 1
    assert why in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "episodes").exists()


def test_what_is_recorded_goes_to_a_folder_of_this_machine(environment: dict[str, str], tmp_path: Path) -> None:
    config = "{robots: [a], task: t, rate_hz: 5, output: azure://acct/raw/x, topics: [{topic: /a, type: b}]}"
    (tmp_path / "arm.yaml").write_text(config)
    words = [PHYSAI, "data-pipeline", "capture", "record", "--config", str(tmp_path / "arm.yaml")]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 1
    assert "azure://acct/raw/x: not a folder of this machine" in done.stderr


def test_folders_that_are_not_there_are_named(environment: dict[str, str], tmp_path: Path) -> None:
    for verb in ("status", "list", "recover"):
        words = [PHYSAI, "data-pipeline", "capture", verb, str(tmp_path / "nowhere")]
        done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=300)
        assert done.returncode == 1
        assert "nowhere: no such folder" in done.stderr
        assert not (tmp_path / "nowhere").exists()


@pytest.mark.simulation
def test_a_killed_recorder_continues_and_mends(environment: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "episodes"
    options = ("--episodes", "5", "--num-envs", "1", "--image-size", "64", "--world", "moved-target", "--json")
    _kill_after(command(folder, *options), environment, folder / "episode-000001.json")
    whole = folder / "episode-000000.mcap"
    first = digest_file(whole)
    whole.write_bytes(whole.read_bytes()[: len(whole.read_bytes()) // 2])
    there = len(list(folder.glob("episode-*.json")))

    done = record(environment, folder, *options)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["recorded"] == 5 - there + 1  # the torn one again
    assert (report["episodes"], report["successes"], report["failures"]) == (5, 5, [])
    sidecars = [RawEpisode.read(folder / f"episode-{index:06d}.json") for index in range(5)]
    assert all(sidecar.content == digest_file(folder / sidecar.file) for sidecar in sidecars)
    assert report["frames"] == sum(sidecar.messages["/joint_states"] for sidecar in sidecars)
    assert sidecars[0].content == first  # the same conditions in the same world give the same bytes
    assert not list(folder.glob(".*.part"))

    again = record(environment, folder, *options)
    assert json.loads(again.stdout) == {**report, "recorded": 0}
    assert "starting Isaac Lab" not in again.stderr

    other = record(environment, folder, *options, "--seed", "1")
    assert other.returncode == 1
    assert other.stderr.splitlines()[-1].startswith(f"error: {folder}: its episodes were recorded with seed 0")


def _kill_after(arguments: list[str], environment: dict[str, str], sign: Path) -> None:
    """Start the recorder, and kill it with its children when a file appears."""
    process = subprocess.Popen(
        arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while not sign.exists():
        assert process.poll() is None, "the recorder ended before it could be killed"
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
