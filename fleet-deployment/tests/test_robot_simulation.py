"""A released package at work in Isaac Lab: a kill, a second start, and a release that must not run."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from physai.fleet_deployment.robot.event_log import EventLog
from physai.fleet_deployment.tests.conftest import Fleet
from physai.infrastructure.contracts import PolicyPackage, RobotState, TargetRegion, World

pytestmark = pytest.mark.simulation

Packages = Callable[[float], Path]
EPISODES = 10
SHELF = TargetRegion(x_m=(0.4, 0.5), y_m=(0.2, 0.3), z_m=(0.3, 0.4))
PHYSAI = Path(sys.executable).with_name("physai")


def command(fleet: Fleet, *more: str) -> subprocess.Popen[str]:
    arguments = [
        "fleet-deployment", "robot", "run", "--robot=robot-1",
        f"--world={fleet.root / 'world.json'}", f"--episodes={EPISODES}",
        "--arms=2", "--horizon-s=0.5", "--film-s=0.8", f"--output={fleet.root / 'out'}", "--json", *more,
    ]  # fmt: skip
    environment = os.environ | {
        "PHYSAI_HOME": str(fleet.root),
        "PHYSAI_REGISTRY": str(fleet.registry.root),
        "PHYSAI_FLEET_REPO": fleet.repository.url,
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.Popen(
        [PHYSAI, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_robot_works_through_a_kill_and_refuses_a_tampered_release(fleet: Fleet, packages: Packages) -> None:
    release = fleet.release(packages(0.0))
    events = fleet.root / "out/events.jsonl"
    World(name="shelf", targets=SHELF).write(fleet.root / "world.json")

    robot = command(fleet)
    while robot.poll() is None and (not events.exists() or events.read_bytes().count(b"\n") < 3):
        time.sleep(0.01)
    robot.send_signal(signal.SIGKILL)
    said = robot.communicate()
    before = EventLog(events).events
    assert 3 <= len(before) < EPISODES, said[1]
    running = RobotState.read(fleet.root / "robots/robot-1/state.json")
    assert (running.release, running.package, running.state) == (release.name, release.package, "running")

    robot = command(fleet)
    out, err = robot.communicate()
    assert robot.returncode == 0, err
    assert json.loads(out)["episodes"] == EPISODES
    after = EventLog(events).events
    assert after[: len(before)] == before
    assert sorted(event.data.episode for event in after) == list(range(EPISODES))
    assert len({event.id for event in after}) == EPISODES
    for event in after:
        assert (event.data.policy, event.data.release) == (release.package, release.name)
        x_m, y_m, z_m = event.data.command[:3]
        assert SHELF.x_m[0] <= x_m <= SHELF.x_m[1]
        assert SHELF.y_m[0] <= y_m <= SHELF.y_m[1]
        assert SHELF.z_m[0] <= z_m <= SHELF.z_m[1]
        assert event.data.success is False, "a policy that holds its position does not reach"
        assert event.data.steps == 15, "0.5 s at 30 Hz"
        assert event.data.held_actions == 0
        assert 0 < event.data.inference_p50_ms <= event.data.inference_p99_ms
        assert event.data.kpis["final_error_m"] > 0.05
    assert [event.time for event in after] == sorted(event.time for event in after)
    state = RobotState.read(fleet.root / "out/state.json")
    assert (state.robot, state.state) == ("robot-1", "stopped")
    with av.open(str(fleet.root / "out/rollout.mp4")) as film:
        assert film.streams.video[0].codec.canonical_name == "av1"
        assert len(list(film.decode(video=0))) == 8

    bad = fleet.release(packages(0.1))
    graph = PolicyPackage.read(packages(0.1) / "package.json").files["policy.onnx"]
    (fleet.registry.root / "blobs/sha256" / graph.removeprefix("sha256:")).write_bytes(b"something else")
    robot = command(fleet)
    out, err = robot.communicate()
    assert (robot.returncode, out) == (1, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert RobotState.read(fleet.root / "robots/robot-1/state.json") == state
    assert bad.name not in events.read_text()

    robot = command(fleet, f"--release={release.name}")  # the last good one is still there, and its work is done
    out, err = robot.communicate()
    assert robot.returncode == 0, err
    assert EventLog(events).events == after
