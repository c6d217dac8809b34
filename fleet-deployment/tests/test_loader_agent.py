"""What a robot lets become active, and what it keeps when something is wrong."""

import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from physai.fleet_deployment.errors import (
    NotReleasedError,
    RepositoryError,
    RobotBusyError,
)
from physai.fleet_deployment.gitops.repository import FleetRepository
from physai.fleet_deployment.loader.agent import Agent
from physai.fleet_deployment.loader.desired import GitSource
from physai.fleet_deployment.loader.home import RobotHome
from physai.fleet_deployment.tests.conftest import Fleet
from physai.infrastructure.contracts import JointLimits, PolicyPackage, Release
from physai.infrastructure.fit import MisfitError, RobotFacts
from physai.infrastructure.registry import TamperedError, UnreachableError, manifest_digest, open_registry
from physai.infrastructure.registry.verify import GoldenError
from physai.infrastructure.tests.registry_packages import JOINTS, TWO_PI, make_package

Packages = Callable[[float], Path]

FACTS = RobotFacts(
    task="Isaac-Reach-UR10",
    robot="ur10",
    rate_hz=30.0,
    joints=JOINTS,
    units=("rad",) * 6,
    limits=tuple(JointLimits(joint=joint, lower_rad=-TWO_PI, upper_rad=TWO_PI) for joint in JOINTS),
    observations={"observation.state": (6,), "observation.environment_state": (7,)},
)


def activate(agent: Agent, release: Release) -> None:
    agent.find(release.name)
    _, package = agent.bring(release)
    agent.activate(release, package, FACTS)


def flip_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def blob(fleet: Fleet, digest: str) -> Path:
    return fleet.registry.root / "blobs/sha256" / digest.removeprefix("sha256:")


def snapshot(agent: Agent) -> tuple[object, object, object]:
    """All that tells which policy a robot runs."""
    return agent.gate.serving, agent.home.read_state(), agent.home.read_release()


def test_an_approved_release_becomes_active_and_is_remembered(fleet: Fleet, packages: Packages) -> None:
    release = fleet.release(packages(0.0))
    agent = fleet.agent()
    activate(agent, agent.find())
    state = fleet.agent().state  # another process, later
    assert state is not None
    assert (state.robot, state.release, state.package) == ("robot-1", release.name, release.package)
    assert agent.is_active(release)
    agent.start()
    assert fleet.agent().state == state.model_copy(update={"state": "running"})
    agent.stop()
    assert fleet.agent().state == state.model_copy(update={"state": "stopped"})


def test_a_release_that_nobody_approved_is_never_activated(fleet: Fleet, packages: Packages) -> None:
    good = fleet.release(packages(0.0))
    agent = fleet.agent()
    activate(agent, good)
    before = snapshot(agent)
    proposed = fleet.propose(packages(0.1))
    assert agent.find() == good
    _, package = agent.bring(proposed)
    with pytest.raises(NotReleasedError, match="is not approved"):
        agent.activate(proposed, package, FACTS)
    assert snapshot(agent) == before


def test_a_release_for_others_is_never_activated(fleet: Fleet, packages: Packages) -> None:
    release = fleet.release(packages(0.0), robots=("robot-2",))  # type: ignore[arg-type]  # of **options
    agent = fleet.agent()
    _, package = agent.bring(release)
    with pytest.raises(NotReleasedError, match="is for robot-2, not for robot-1"):
        agent.activate(release, package, FACTS)
    assert agent.home.read_state() is None


@pytest.mark.parametrize("file", ["policy.onnx", "golden.npz"])
def test_a_flipped_bit_in_the_registry_never_runs_and_the_last_good_stays(
    fleet: Fleet, packages: Packages, file: str
) -> None:
    agent = fleet.agent()
    activate(agent, fleet.release(packages(0.0)))
    before = snapshot(agent)
    bad = fleet.release(packages(0.1))
    flip_bit(blob(fleet, PolicyPackage.read(packages(0.1) / "package.json").files[file]))
    with pytest.raises(TamperedError):
        agent.bring(bad)
    assert snapshot(agent) == before
    assert not agent.home.package(bad.package).exists()


def test_another_package_under_the_released_digest_never_runs(fleet: Fleet, packages: Packages) -> None:
    agent = fleet.agent()
    activate(agent, fleet.release(packages(0.0)))
    before = snapshot(agent)
    released, swapped = fleet.release(packages(0.1)), fleet.release(packages(0.2))
    shutil.copy(blob(fleet, swapped.package), blob(fleet, released.package))
    with pytest.raises(TamperedError, match=f"expected {released.package}, got {swapped.package}"):
        agent.bring(released)
    assert snapshot(agent) == before


def test_a_package_damaged_on_the_robot_is_fetched_again(fleet: Fleet, packages: Packages) -> None:
    release = fleet.release(packages(0.0))
    agent = fleet.agent()
    folder, _ = agent.bring(release)
    flip_bit(folder / "policy.onnx")
    again, package = fleet.agent().bring(release)
    assert (again, package.name) == (folder, "reach")


def test_a_policy_that_answers_otherwise_here_never_runs(fleet: Fleet, packages: Packages, tmp_path: Path) -> None:
    folder = make_package(tmp_path / "package")
    shutil.copy(packages(0.1) / "policy.onnx", folder / "policy.onnx")  # another graph than the golden vectors'
    contract = PolicyPackage.read(folder / "package.json")
    graph = PolicyPackage.read(packages(0.1) / "package.json").files["policy.onnx"]
    contract.model_copy(update={"files": contract.files | {"policy.onnx": graph}}).write(folder / "package.json")
    release = fleet.release(folder)
    agent = fleet.agent()
    with pytest.raises(GoldenError, match=r"answers otherwise here, by up to 0\.1"):
        agent.bring(release)
    assert agent.gate.state.candidate is None
    assert not agent.home.package(release.package).exists()


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"robot": "ur5e"}, "its robot is ur5e, the robot's is ur10"),
        ({"rate_hz": 60.0}, "its rate is 60 Hz, the robot's is 30 Hz"),
        ({"task": "Isaac-Lift-UR10"}, "its task is Isaac-Lift-UR10"),
    ],
)
def test_a_package_for_another_robot_never_runs(
    fleet: Fleet, packages: Packages, tmp_path: Path, fields: dict[str, object], what: str
) -> None:
    agent = fleet.agent()
    activate(agent, fleet.release(packages(0.0)))
    before = snapshot(agent)
    release = fleet.release(make_package(tmp_path / "package", **fields))
    with pytest.raises(MisfitError, match=what):
        activate(agent, release)
    assert snapshot(agent) == before


def test_nothing_is_activated_while_episodes_run(fleet: Fleet, packages: Packages) -> None:
    agent = fleet.agent()
    activate(agent, fleet.release(packages(0.0)))
    agent.start()
    running = agent.home.read_state()
    with pytest.raises(NotReleasedError, match="waits for an episode is running"):
        activate(agent, fleet.release(packages(0.1)))
    assert agent.home.read_state() == running


def test_without_the_registry_a_staged_package_still_serves(fleet: Fleet, packages: Packages) -> None:
    release = fleet.release(packages(0.0))
    fleet.agent().bring(release)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        dead = open_registry(f"127.0.0.1:{probe.getsockname()[1]}/policies")
        home = fleet.agent().home
        assert Agent(home, GitSource(fleet.repository), dead).bring(release)[1].name == "reach"
        other = fleet.release(packages(0.1))
        with pytest.raises(UnreachableError, match="no answer"):
            Agent(home, GitSource(fleet.repository), dead).bring(other)


def test_without_the_repository_the_last_good_release_goes_on(
    fleet: Fleet, packages: Packages, capfd: pytest.CaptureFixture[str]
) -> None:
    release = fleet.release(packages(0.0))
    home = fleet.agent().home
    lost = GitSource(FleetRepository((fleet.root / "nowhere.git").as_uri()))
    with pytest.raises(RepositoryError, match="cannot clone"):
        Agent(home, lost, fleet.registry).find()
    activate(fleet.agent(), release)
    assert Agent(home, lost, fleet.registry).find() == release
    with pytest.raises(RepositoryError):
        Agent(home, lost, fleet.registry).find("another")


def test_two_processes_cannot_be_one_robot(tmp_path: Path) -> None:
    home = RobotHome("robot-1", tmp_path / "robot-1")
    with (
        home.working(),
        pytest.raises(RobotBusyError, match="robot-1: is running in another process"),
        home.working(),
    ):
        raise AssertionError("both are in")
    with home.working():
        pass


def test_a_broken_state_file_is_set_aside_and_the_last_good_release_goes_on(
    fleet: Fleet, packages: Packages, capfd: pytest.CaptureFixture[str]
) -> None:
    agent = fleet.agent()
    for shift in (0.0, 0.1):
        activate(agent, fleet.release(packages(shift)))
    assert agent.state is not None
    for content in ("{}", "", "\0\0\0"):
        (agent.home.folder / "state.json").write_text(content)
        state = fleet.agent().state
        assert state is not None
        assert (state.release, state.package) == (agent.state.release, agent.state.package)
    newest = max((agent.home.folder / "releases").iterdir())
    newest.write_text("torn")
    (agent.home.folder / "state.json").write_text("torn")
    before = fleet.agent().state
    assert before is not None
    assert before.package == manifest_digest(packages(0.0)), "the one before is as good as it was"
    assert "goes on with its last good release" in capfd.readouterr().err
