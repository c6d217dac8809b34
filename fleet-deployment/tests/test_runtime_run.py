"""A whole robot: step loop, hot-loader, watchdog and gate in one process, releases coming in while it runs."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from physai.fleet_deployment.errors import NotReleasedError
from physai.fleet_deployment.loader.loader import LoaderStatus
from physai.fleet_deployment.runtime.motion import MotionLimits
from physai.fleet_deployment.runtime.service import RunSettings, describe, serve, told_condition
from physai.fleet_deployment.runtime.simulated import SimulatedRobot
from physai.fleet_deployment.tests.conftest import Fleet
from physai.infrastructure.robots import load_robot

Packages = Callable[[float], Path]

UR10 = describe(load_robot("ur10"), "Isaac-Reach-UR10", 30.0)
SETTINGS = RunSettings(steps=90, poll_s=0.1, motion=MotionLimits(), blend_steps=2)


def test_a_release_that_arrives_during_a_run_takes_over_without_a_restart(fleet: Fleet, packages: Packages) -> None:
    first = fleet.release(packages(0.0))
    told: list[LoaderStatus] = []
    released = []

    def tell(status: LoaderStatus) -> None:
        told.append(status)
        if not released:
            released.append(fleet.release(packages(0.1)))

    serving, report = serve(fleet.agent(), UR10, SimulatedRobot(6, 30.0), SETTINGS, tell)
    assert told[0].serving == first.package
    assert serving == released[0].package
    assert (report.mode, report.steps, report.held, report.swaps) == ("running", 90, 0, 1)


def test_a_robot_without_any_release_does_not_move(fleet: Fleet) -> None:
    with pytest.raises(NotReleasedError, match="robot-1: has no policy to run"):
        serve(fleet.agent(), UR10, SimulatedRobot(6, 30.0), SETTINGS, lambda _: None)


def test_a_run_that_is_ended_from_outside_stops_the_robot_and_tells_how_it_went(
    fleet: Fleet, packages: Packages
) -> None:
    fleet.release(packages(0.0))
    places = {"FLEET_REPO": fleet.repository.url, "REGISTRY": str(fleet.root / "registry"), "HOME": str(fleet.root)}
    environment = os.environ | {f"PHYSAI_{name}": value for name, value in places.items()}
    command = [Path(sys.executable).with_name("physai"), "fleet-deployment", "run", "--robot", "robot-1"]
    with subprocess.Popen(command, env=environment, text=True, stdout=-1, stderr=-1) as run:
        assert run.stderr is not None
        while '"switched":false' not in run.stderr.readline():  # the loop runs
            assert run.poll() is None
        run.send_signal(signal.SIGTERM)
        said, _ = run.communicate(timeout=60)
    assert run.returncode == 0
    assert said.startswith("robot-1: running, ")


def test_a_robot_whose_condition_comes_over_rest_waits_until_it_is_told(fleet: Fleet, packages: Packages) -> None:
    release = fleet.release(packages(0.0))
    agent = fleet.agent()
    asked = told_condition(agent.gate)
    told: list[LoaderStatus] = []
    with pytest.raises(NotReleasedError, match="has no policy to run"):
        serve(agent, UR10, SimulatedRobot(6, 30.0), SETTINGS, told.append, asked)
    assert told[-1].waiting_for == "its condition is not fresh"
    agent.gate.tell_condition(agent.condition())  # as the service does for POST /v1/condition
    serving, _ = serve(agent, UR10, SimulatedRobot(6, 30.0), SETTINGS._replace(steps=3), told.append, asked)
    assert serving == release.package
