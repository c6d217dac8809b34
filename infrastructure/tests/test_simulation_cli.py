"""The commands of the simulator, through the real executable."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

PHYSAI = str(Path(sys.executable).with_name("physai"))


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {**os.environ, "PHYSAI_HOME": str(tmp_path_factory.mktemp("home")), "COLUMNS": "200"}


def physai(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PHYSAI, "simulation", *arguments], capture_output=True, text=True, env=environment, timeout=300
    )


def test_tasks_and_worlds_are_listed_as_json(environment: dict[str, str]) -> None:
    tasks = json.loads(physai(environment, "tasks", "--json").stdout)
    worlds = json.loads(physai(environment, "worlds", "--json").stdout)
    assert [task["id"] for task in tasks["tasks"]] == ["Isaac-Reach-UR10"]
    assert {"nominal", "moved-target"} <= {world["name"] for world in worlds["worlds"]}


def test_worlds_are_listed_for_people(environment: dict[str, str]) -> None:
    assert "worn-drives" in physai(environment, "worlds").stdout


def test_assets_are_authored_once(environment: dict[str, str]) -> None:
    first, second = (physai(environment, "assets").stdout for _ in range(2))
    assert "4 assets, authored" in first
    assert "4 assets, up to date" in second


def test_assets_of_a_server_are_left_to_it(environment: dict[str, str]) -> None:
    done = physai({**environment, "PHYSAI_ASSET_ROOT": "https://assets.example"}, "assets")
    assert done.returncode == 1
    assert done.stderr.startswith("error: https://assets.example: the asset root is a server")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["play", "--world", "nomnal"], 1, "Did you mean 'nominal'?"),
        (["play", "--task", "Isaac-Reach"], 1, "Known: Isaac-Reach-UR10."),
        (["play", "--episodes", "0"], 2, "--episodes"),
    ],
)
def test_bad_input_is_one_line(environment: dict[str, str], arguments: list[str], code: int, message: str) -> None:
    done = physai(environment, *arguments)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


@pytest.mark.simulation
def test_the_expert_masters_worn_drives_on_film(environment: dict[str, str], tmp_path: Path) -> None:
    video = tmp_path / "expert.mp4"
    done = physai(
        environment,
        "play",
        "--world",
        "worn-drives",
        "--episodes",
        "3",
        "--num-envs",
        "3",
        "--video",
        str(video),
        "--json",
    )
    assert done.returncode == 0, done.stderr
    played = json.loads(done.stdout)
    assert (played["world"], played["episodes"], played["successes"]) == ("worn-drives", 3, 3)
    assert video.stat().st_size > 10_000


@pytest.mark.simulation
def test_a_world_of_another_robot_is_refused_in_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    world = tmp_path / "other.json"
    world.write_text('{"kind": "world", "version": 1, "name": "other", "encoder_offset_rad": {"elbow": 0.1}}')
    done = physai(environment, "play", "--world", str(world))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: world 'other': encoder_offset_rad names joint 'elbow'")
    assert "Did you mean 'elbow_joint'?" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.simulation
def test_a_gpu_that_is_not_there_is_told_in_one_line(environment: dict[str, str]) -> None:
    done = physai({**environment, "PHYSAI_DEVICE": "cuda", "CUDA_VISIBLE_DEVICES": ""}, "play", "--episodes", "1")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: device 'cuda': no CUDA device is found here.")
    assert "Traceback" not in done.stderr


@pytest.fixture
def empty_server(tmp_path: Path) -> Iterator[str]:
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.simulation
def test_an_asset_server_without_the_assets_is_told_in_one_line(environment: dict[str, str], empty_server: str) -> None:
    done = physai({**environment, "PHYSAI_ASSET_ROOT": empty_server}, "play", "--episodes", "1")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"error: asset root {empty_server}: Unable to find the file")
    assert "Traceback" not in done.stderr
