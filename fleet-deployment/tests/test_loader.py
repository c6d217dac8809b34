"""Hot-loading: what never activates, what keeps going, and a kill at any moment."""

import errno
import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from physai.fleet_deployment.errors import EvidenceError
from physai.fleet_deployment.gitops.policy import POLICY_FILE
from physai.fleet_deployment.gitops.releases import roll_back
from physai.fleet_deployment.gitops.repository import FleetRepository
from physai.fleet_deployment.loader.agent import FLEET_RULES, Agent
from physai.fleet_deployment.loader.desired import GitSource, MountedSource
from physai.fleet_deployment.loader.loader import Loader
from physai.fleet_deployment.runtime.guard import Guard
from physai.fleet_deployment.runtime.loop import StepLoop
from physai.fleet_deployment.runtime.onnx_policy import OnnxPolicy
from physai.fleet_deployment.runtime.simulated import SimulatedRobot
from physai.fleet_deployment.tests.conftest import Fleet
from physai.fleet_deployment.tests.test_loader_agent import FACTS, blob, flip_bit
from physai.infrastructure.contracts import Digest, FleetPolicy, PolicyPackage, Release
from physai.infrastructure.registry import manifest_digest, open_registry
from physai.infrastructure.registry.signing import generate_key_pair, sign
from physai.infrastructure.tests.registry_packages import make_package

Packages = Callable[[float], Path]


class Robot:
    """A robot whose loop is stood in for by a list of the policies that took over."""

    def __init__(self, agent: Agent, swap: Callable[[OnnxPolicy], bool] | None = None) -> None:
        self.taken: list[OnnxPolicy] = []
        self.agent = agent
        self.loader = Loader(agent, FACTS, swap or self.take, agent.condition)
        self.loader.boot()

    def take(self, policy: OnnxPolicy) -> bool:
        self.taken.append(policy)
        return True

    @property
    def snapshot(self) -> tuple[object, ...]:
        return self.loader.serving, self.agent.gate.serving, self.agent.home.read_state()


def require_signature(fleet: Fleet, *keys: Path) -> None:
    trusted = {str(index): key.read_text() for index, key in enumerate(keys)}

    def edit(tree: Path) -> str:
        FleetPolicy(require_signature=True, trusted_keys=trusted).write(tree / POLICY_FILE)
        return "Require a signature"

    fleet.repository.change(edit)


def test_a_release_takes_over_while_the_robot_works(fleet: Fleet, packages: Packages) -> None:
    robot = Robot(fleet.agent())
    assert robot.loader.look().error is not None, "nothing is released yet"
    for shift in (0.0, 0.1):
        release = fleet.release(packages(shift))
        status = robot.loader.look()
        assert (status.switched, status.wanted, status.serving) == (True, release.name, release.package)
        assert robot.loader.look().switched is False
    assert len(robot.taken) == 2
    observation = {"observation.state": np.zeros((1, 6), np.float32)}
    observation["observation.environment_state"] = np.zeros((1, 7), np.float32)
    assert robot.taken[-1].act(observation) == pytest.approx(np.full((1, 6), 0.1))


def test_a_robot_that_starts_again_serves_from_its_own_disk(fleet: Fleet, packages: Packages) -> None:
    release = fleet.release(packages(0.0))
    Robot(fleet.agent()).loader.look()
    home = fleet.agent().home
    lost = GitSource(FleetRepository((fleet.root / "nowhere.git").as_uri()))
    shutil.rmtree(fleet.registry.root)
    robot = Robot(Agent(home, lost, fleet.registry, FLEET_RULES))
    assert robot.loader.serving == release.package
    assert robot.loader.look().error is None


def test_a_withdrawn_release_gives_way_to_the_one_before(fleet: Fleet, packages: Packages) -> None:
    robot = Robot(fleet.agent())
    first = fleet.release(packages(0.0))
    robot.loader.look()
    second = fleet.release(packages(0.1))
    robot.loader.look()
    roll_back(fleet.repository, "pilot", "anna", "overshoots")
    status = robot.loader.look()
    assert (status.serving, status.wanted, status.error) == (first.package, first.name, None)
    assert second.name in robot.agent.gate.state.barred


def bit_flipped(fleet: Fleet, packages: Packages, scratch: Path) -> Release:
    release = fleet.release(packages(0.1))
    flip_bit(blob(fleet, PolicyPackage.read(packages(0.1) / "package.json").files["policy.onnx"]))
    return release


def other_digest(fleet: Fleet, packages: Packages, scratch: Path) -> Release:
    release, other = fleet.release(packages(0.1)), fleet.release(packages(0.2), cohort="elsewhere", robots=("robot-9",))  # type: ignore[arg-type]
    shutil.copy(blob(fleet, other.package), blob(fleet, release.package))
    return release


def unsigned(fleet: Fleet, packages: Packages, scratch: Path) -> Release:
    release = fleet.release(packages(0.1))
    require_signature(fleet, generate_key_pair(scratch / "ours"))
    return release


def foreign_key(fleet: Fleet, packages: Packages, scratch: Path) -> Release:
    release = fleet.release(packages(0.1))
    generate_key_pair(scratch / "theirs")
    sign(fleet.registry, release.package, scratch / "theirs/cosign.key")
    require_signature(fleet, generate_key_pair(scratch / "ours"))
    return release


def stolen_signature(fleet: Fleet, packages: Packages, scratch: Path) -> Release:
    release = fleet.release(packages(0.1))
    key = generate_key_pair(scratch / "ours")
    honest = fleet.registry.push(packages(0.0))
    sign(fleet.registry, honest, scratch / "ours/cosign.key")
    fleet.registry.put_signatures(release.package, [], fleet.registry.get_signatures(honest) or b"")
    require_signature(fleet, key)
    return release


def wrong_robot(fleet: Fleet, packages: Packages, scratch: Path) -> Release:
    return fleet.release(make_package(scratch / "package", robot="ur5e"))


def other_actions(fleet: Fleet, packages: Packages, scratch: Path) -> Release:
    return fleet.release(make_package(scratch / "package", action_meaning="joint-velocity", limits=()))


def wrong_golden(fleet: Fleet, packages: Packages, scratch: Path) -> Release:
    folder = make_package(scratch / "package")
    shutil.copy(packages(0.1) / "policy.onnx", folder / "policy.onnx")
    contract = PolicyPackage.read(folder / "package.json")
    graph = PolicyPackage.read(packages(0.1) / "package.json").files["policy.onnx"]
    contract.model_copy(update={"files": contract.files | {"policy.onnx": graph}}).write(folder / "package.json")
    return fleet.release(folder)


@pytest.mark.parametrize(
    ("tamper", "why"),
    [
        (bit_flipped, "damaged or tampered with"),
        (other_digest, "damaged or tampered with"),
        (unsigned, "is not signed"),
        (foreign_key, "none of its 1 signatures is by a trusted key"),
        (stolen_signature, "none of its 1 signatures is by a trusted key"),
        (wrong_robot, "its robot is ur5e, the robot's is ur10"),
        (other_actions, "its action is joint-velocity, the robot's is absolute-joint-position"),
        (wrong_golden, "answers otherwise here"),
    ],
)
def test_a_tampered_package_never_activates(
    fleet: Fleet,
    packages: Packages,
    tmp_path: Path,
    tamper: Callable[[Fleet, Packages, Path], Release],
    why: str,
) -> None:
    robot = Robot(fleet.agent())
    fleet.release(packages(0.0))
    robot.loader.look()
    before = robot.snapshot
    bad = tamper(fleet, packages, tmp_path / "scratch")
    for _ in range(2):
        status = robot.loader.look()
        assert why in str(status.error)
        assert (status.wanted, status.switched) == (None, False)
        assert robot.snapshot == before
    assert len(robot.taken) == 1
    again = Robot(fleet.agent())
    assert again.loader.serving != bad.package


def test_a_package_signed_by_a_trusted_key_activates_and_stays_checkable_offline(
    fleet: Fleet, packages: Packages, tmp_path: Path
) -> None:
    key = generate_key_pair(tmp_path / "ours")
    require_signature(fleet, key)
    registry = fleet.registry
    registry.push(packages(0.0))
    sign(registry, manifest_digest(packages(0.0)), tmp_path / "ours/cosign.key")
    release = fleet.release(packages(0.0))
    robot = Robot(fleet.agent())
    assert robot.loader.look().serving == release.package
    shutil.rmtree(registry.root)
    assert Robot(fleet.agent()).loader.serving == release.package


def test_the_robots_own_keys_win_over_those_of_the_repository(fleet: Fleet, packages: Packages, tmp_path: Path) -> None:
    agent = fleet.agent()
    pinned = generate_key_pair(tmp_path / "ours").read_text()
    FleetPolicy(require_signature=True, trusted_keys={"plant": pinned}).write(agent.home.folder / "trust.json")
    fleet.release(packages(0.0))
    assert "is not signed" in str(Robot(agent).loader.look().error)


def test_a_dead_registry_leaves_the_last_good_policy(fleet: Fleet, packages: Packages) -> None:
    Robot(fleet.agent()).loader.look()
    good = fleet.release(packages(0.0))
    Robot(fleet.agent()).loader.look()
    fleet.release(packages(0.1))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        dead = open_registry(f"127.0.0.1:{probe.getsockname()[1]}/policies")
        robot = Robot(Agent(fleet.agent().home, GitSource(fleet.repository), dead, FLEET_RULES))
        status = robot.loader.look()
    assert "no answer" in str(status.error)
    assert status.serving == good.package


@pytest.mark.parametrize("where", ["packages", "releases", "state.json", "gate", "candidate.json"])
def test_a_full_disk_leaves_the_last_good_policy(
    fleet: Fleet, packages: Packages, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    robot = Robot(fleet.agent())
    good = fleet.release(packages(0.0))
    robot.loader.look()
    new = fleet.release(packages(0.1))
    target = str(robot.agent.home.folder / where)
    with monkeypatch.context() as patched:
        fill_disk(patched, target)
        status = robot.loader.look()
    assert status.error is not None
    assert status.serving == good.package
    assert Robot(fleet.agent()).loader.serving == good.package
    later = robot.loader.look()
    assert new.package in (later.serving, manifest_digest(packages(0.1)))


def fill_disk(patched: pytest.MonkeyPatch, target: str) -> None:
    """From now on nothing can be written under `target`."""
    import io
    import os

    real_open, real_io = os.open, io.open

    def inside(path: object) -> bool:
        name = os.fspath(path) if isinstance(path, str | os.PathLike) else ""
        plain = str(name).replace("/.state.json.", "/state.json.").replace("/.candidate.json.", "/candidate.json.")
        return plain.startswith(target) and not plain.endswith(".lock")  # is there already, and stays empty

    def full_open(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        if inside(path) and flags & (os.O_WRONLY | os.O_RDWR):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return real_open(path, flags, *rest, **more)

    def full_io(file: Any, mode: str = "r", *rest: Any, **more: Any) -> Any:
        if inside(file) and set(mode) & set("wax+"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))
        return real_io(file, mode, *rest, **more)

    patched.setattr(os, "open", full_open)
    patched.setattr(io, "open", full_io)


def test_a_corrupt_journal_refuses_changes_and_keeps_serving(fleet: Fleet, packages: Packages) -> None:
    robot = Robot(fleet.agent())
    good = fleet.release(packages(0.0))
    robot.loader.look()
    journal = next((robot.agent.home.folder / "gate").glob("*.jsonl"))
    content = journal.read_bytes()
    journal.write_bytes(content.replace(good.package.encode(), b"sha256:" + b"0" * 64))
    again = Robot(fleet.agent())
    assert again.loader.serving == good.package
    fleet.release(packages(0.1))
    status = again.loader.look()
    assert status.error is not None
    assert status.serving == good.package


def test_a_damaged_package_on_the_robot_gives_way_to_the_one_before(fleet: Fleet, packages: Packages) -> None:
    robot = Robot(fleet.agent())
    first = fleet.release(packages(0.0))
    robot.loader.look()
    second = fleet.release(packages(0.1))
    robot.loader.look()
    flip_bit(robot.agent.home.package(second.package) / "policy.onnx")
    shutil.rmtree(fleet.registry.root)
    assert Robot(fleet.agent()).loader.serving == first.package, "no robot is without a policy"


def test_a_loop_that_does_not_take_a_policy_keeps_the_one_before(fleet: Fleet, packages: Packages) -> None:
    takes = [True]
    robot = Robot(fleet.agent(), lambda _: takes[0])
    first = fleet.release(packages(0.0))
    robot.loader.look()
    takes[0] = False
    second = fleet.release(packages(0.1))
    status = robot.loader.look()
    assert "the step loop did not take policy" in str(status.error)
    assert status.serving == first.package
    state = robot.agent.gate.state
    assert state.active is not None
    assert state.active.release == first.name
    assert second.name in state.barred


def test_only_what_can_be_returned_to_stays_on_the_disk(fleet: Fleet, packages: Packages) -> None:
    robot = Robot(fleet.agent())
    digests: list[Digest] = []
    for shift in (0.0, 0.1, 0.2, 0.3, 0.4):
        digests.append(fleet.release(packages(shift)).package)
        robot.loader.look()
    there = {path.name for path in (robot.agent.home.folder / "packages").iterdir()}
    kept = {digest.removeprefix("sha256:") for digest in digests}
    assert {digest.removeprefix("sha256:") for digest in digests[-3:]} <= there < kept
    assert len(there) <= 4


def test_what_flux_mounts_is_what_git_says(fleet: Fleet, packages: Packages, tmp_path: Path) -> None:
    import yaml

    release = fleet.release(packages(0.0))
    with fleet.repository.read() as tree:
        manifest = yaml.safe_load((tree / "policies/pilot/release.yaml").read_text())
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    for name, content in manifest["data"].items():
        (mounted / name).write_text(content)
    home = fleet.agent().home
    assert MountedSource(mounted).read("robot-1") == GitSource(fleet.repository).read("robot-1")
    for content in ("{}", "", "[1]"):
        other = shutil.copytree(mounted, mounted.with_name("other"), dirs_exist_ok=True)
        (other / "success.json").write_text(content)
        with pytest.raises(EvidenceError, match=r"success\.json"):
            MountedSource(other).read("robot-1")
    robot = Robot(Agent(home, MountedSource(mounted), fleet.registry, FLEET_RULES))
    assert robot.loader.look().serving == release.package


def test_a_robot_swaps_policies_without_missing_a_step(fleet: Fleet, packages: Packages) -> None:
    folder = packages(0.0)
    package = PolicyPackage.read(folder / "package.json")
    simulated = SimulatedRobot(6, package.rate_hz)
    loop = StepLoop(simulated, Guard(OnnxPolicy(folder, package, 1), package.limits, 1), package.rate_hz)
    over = threading.Event()
    runner = threading.Thread(target=loop.run, kwargs={"until": over})
    runner.start()
    robot = Robot(fleet.agent(), loop.swap)
    for shift in (0.1, 0.2):
        fleet.release(packages(shift))
        assert robot.loader.look().switched
    over.set()
    runner.join()
    report = loop.report
    assert (report.mode, report.held, report.swaps) == ("running", 0, 2)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("stride", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_a_kill_at_any_moment_leaves_a_whole_policy_that_was_approved(
    packages: Packages, tmp_path: Path, stride: int
) -> None:
    script = Path(__file__).with_name("loader_crash.py")
    done = subprocess.run(
        [sys.executable, str(script), str(packages(0.0)), str(packages(0.1)), str(tmp_path / "crash"), str(stride)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    kills = json.loads(done.stdout)
    assert kills["kills"] > 40 / stride
    assert kills["old"] > 0
    assert kills["new"] > 0
