"""A robot behind ROS 2 topics, which lives in another process and speaks over real DDS."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest

from physai.fleet_deployment.errors import JointsError, NoRos2Error, SilentRobotError
from physai.fleet_deployment.loader.loader import LoaderStatus
from physai.fleet_deployment.runtime.motion import MotionLimits
from physai.fleet_deployment.runtime.ros2.bus import Heard, open_bus
from physai.fleet_deployment.runtime.ros2.robot import Ros2Robot
from physai.fleet_deployment.runtime.ros2.topics import RobotTopics
from physai.fleet_deployment.runtime.service import RunSettings, describe, serve
from physai.fleet_deployment.tests import dds_arm
from physai.fleet_deployment.tests.conftest import Fleet
from physai.infrastructure.fit import STATE
from physai.infrastructure.robots import load_robot
from physai.infrastructure.ros2.definitions import Definitions

Packages = Callable[[float], Path]

UR10 = describe(load_robot("ur10"), "Isaac-Reach-UR10", 30.0)
TOPICS = RobotTopics(
    e_stop="/e_stop",
    episode="/episode",
    docked="/docked",
    operator_present="/operator",
    battery="/battery",
    safe_stop="/safe_stop",
)
DOMAIN = 101 + os.getpid() % 100
PROCESSES = get_context("forkserver")


@contextmanager
def arm() -> Iterator[Connection]:
    """An arm in a process of its own; what is sent to it is its word, `end` lets it report."""
    here, there = PROCESSES.Pipe()
    process = PROCESSES.Process(target=dds_arm.move, args=(DOMAIN, UR10.joints, there), daemon=True)
    process.start()
    try:
        yield here
    finally:
        process.kill()
        process.join()


def connect(monkeypatch: pytest.MonkeyPatch) -> Ros2Robot:
    monkeypatch.setenv("CYCLONEDDS_URI", dds_arm.LOOPBACK)
    definitions = Definitions()
    bus = open_bus("dds", TOPICS, definitions, DOMAIN)
    return Ros2Robot("robot-1", bus, TOPICS, UR10.joints, UR10.rate_hz, definitions)


def run(agent: object, robot: Ros2Robot, steps: int, tell: Callable[[LoaderStatus], None] = lambda _: None):  # type: ignore[no-untyped-def]
    wanted = RunSettings(steps=steps, poll_s=0.2, motion=MotionLimits(), blend_steps=0, patience_s=30.0)
    return serve(agent, UR10, robot, wanted, tell)[1]  # type: ignore[arg-type]


def test_joint_states_come_in_and_targets_go_out_at_the_rate_between_processes(
    fleet: Fleet, packages: Packages, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = fleet.release(packages(0.1))
    agent = fleet.agent()
    with arm() as other:
        report = run(agent, connect(monkeypatch), 90)
        told = agent.gate.condition
        other.send("end")
        commands, stopped = other.recv()
    assert (report.mode, report.steps) == ("running", 90), report.why
    assert agent.gate.serving.release == release.name  # type: ignore[union-attr]
    assert stopped, "the robot is told of its safe stop"
    assert all(names == list(UR10.joints) for _, _, names in commands)
    # 90 steps at 30 Hz are 3 s; a busy machine may lose some of them, and none may be sent twice.
    took_s = commands[-1][0] - commands[0][0]
    assert 60 <= len(commands) <= 90
    assert took_s == pytest.approx((len(commands) - 1) / 30.0, rel=0.35)
    step = np.abs(np.diff([position for _, position, _ in commands], axis=0)).max()
    assert step <= 2.0944 / 30.0 * 2 + 1e-6, "no faster than the joints may move, one lost message forgiven"
    assert told is not None
    assert (told.battery, told.docked, told.operator_present) == (0.75, True, True)
    assert (told.idle, told.mid_episode, told.e_stop) == (True, False, False)


@pytest.mark.parametrize(
    ("word", "why"), [({"/e_stop": True}, "the emergency stop is engaged"), ("silence", "ms old, for 10 steps")]
)
def test_an_emergency_stop_ends_the_run_and_a_silent_arm_is_held_then_stopped(
    fleet: Fleet, packages: Packages, monkeypatch: pytest.MonkeyPatch, word: object, why: str
) -> None:
    fleet.release(packages(0.1))
    with arm() as other:

        def tell(status: LoaderStatus) -> None:
            if not status.switched:  # the loop runs
                other.send(word)

        report = run(fleet.agent(), connect(monkeypatch), 900, tell)
        other.send("end")
        _, stopped = other.recv()
    assert report.mode == "stopped"
    assert why in (report.why or "")
    assert report.steps < 900
    assert stopped


def test_an_arm_that_does_not_answer_is_one_line(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = RunSettings(steps=1, poll_s=0.2, motion=MotionLimits(), blend_steps=0, patience_s=0.2)
    with pytest.raises(SilentRobotError, match=r"robot-1: measures nothing .* after 0.2 s. Start its driver"):
        serve(fleet.agent(), UR10, connect(monkeypatch), wanted, lambda _: None)


def test_rclpy_is_asked_for_only_when_it_is_used() -> None:
    with pytest.raises(NoRos2Error, match="needs ROS 2"):
        open_bus("ros2", TOPICS, Definitions(), 0)


@dataclass
class FakeBus:
    """A bus whose newest messages are set by hand."""

    said: dict[str, Heard] = field(default_factory=dict)
    sent: list[tuple[str, bytes]] = field(default_factory=list)

    def newest(self, topic: str) -> Heard | None:
        return self.said.get(topic)

    def publish(self, topic: str, data: bytes) -> None:
        self.sent.append((topic, data))

    def close(self) -> None:
        self.said.clear()


@dataclass
class Cell:
    """A robot on a bus and a clock that are set by hand."""

    now_s: float = 100.0
    bus: FakeBus = field(default_factory=FakeBus)
    definitions: Definitions = field(default_factory=Definitions)
    topics: RobotTopics = TOPICS

    def __post_init__(self) -> None:
        self.robot = Ros2Robot(
            "robot-1", self.bus, self.topics, ("a", "b"), 30.0, self.definitions, clock=lambda: self.now_s
        )

    def say(self, topic: str, message: object) -> None:
        self.bus.said[topic] = Heard(self.definitions.encode(message), self.now_s)

    def flag(self, topic: str, value: bool) -> None:
        self.say(topic, self.definitions.build("std_msgs/msg/Bool", data=value))

    def measure(self, stamp_s: int, **joints: float) -> None:
        build, none = self.definitions.build, np.array([], np.float64)
        stamp = build("builtin_interfaces/msg/Time", sec=stamp_s, nanosec=0)
        header = build("std_msgs/msg/Header", stamp=stamp, frame_id="")
        position = np.array(list(joints.values()), np.float64)
        self.say(
            "/joint_states",
            build(
                "sensor_msgs/msg/JointState",
                header=header,
                name=list(joints),
                position=position,
                velocity=none,
                effort=none,
            ),
        )
        self.say("/target_pose", dds_arm._pose(self.definitions))


def test_joints_are_put_into_the_order_of_the_contract_and_others_left_out() -> None:
    cell = Cell()
    cell.measure(5, gripper=9.0, b=2.0, a=1.0)
    reading = cell.robot.read()
    assert reading is not None
    assert reading.observation[STATE].tolist() == [[1.0, 2.0]]
    cell.now_s += 0.01
    cell.measure(6, a=1.0, c=2.0)
    with pytest.raises(JointsError, match="/joint_states: has no position of b"):
        cell.robot.read()


def test_a_driver_that_repeats_an_old_measurement_grows_stale() -> None:
    cell = Cell()
    cell.measure(5, a=1.0, b=2.0)
    assert cell.robot.read().stamp_s == 100.0  # type: ignore[union-attr]
    cell.now_s = 101.0
    cell.measure(5, a=1.0, b=2.0)
    assert cell.robot.read().stamp_s == 100.0  # type: ignore[union-attr]
    cell.measure(6, a=1.0, b=2.0)
    assert cell.robot.read().stamp_s == 101.0  # type: ignore[union-attr]


def test_what_is_silent_is_unknown_and_an_emergency_stop_then_counts_as_engaged() -> None:
    cell = Cell()
    cell.measure(5, a=1.0, b=2.0)
    for topic in ("/docked", "/operator"):
        cell.flag(topic, True)
    for topic in ("/e_stop", "/episode"):
        cell.flag(topic, False)
    fresh = cell.robot.condition()
    assert (fresh.e_stop, fresh.mid_episode, fresh.docked, fresh.battery) == (False, False, True, None)
    cell.now_s += 6.0  # beyond the 5 s of `silent_s`
    silent = cell.robot.condition()
    assert (silent.e_stop, silent.mid_episode, silent.docked) == (True, True, None)
    assert 5.0 < time.time() - silent.at.timestamp() < 8.0, "as old as what was told last"


@pytest.mark.parametrize("kind", ["std_msgs/msg/Float64MultiArray", "trajectory_msgs/msg/JointTrajectory"])
def test_the_controllers_of_ros2_control_get_what_they_read(kind: str) -> None:
    cell = Cell(topics=TOPICS.model_copy(update={"command_type": kind}))
    cell.robot.send(np.array([0.25, 0.5], np.float32))
    message = cell.definitions.decode(kind, cell.bus.sent[0][1])
    if kind == "std_msgs/msg/Float64MultiArray":
        assert message.data.tolist() == [0.25, 0.5]
    else:
        assert message.joint_names == ["a", "b"]
        assert message.points[0].positions.tolist() == [0.25, 0.5]
        assert message.points[0].time_from_start.nanosec == 33_333_333  # a period of 30 Hz


def test_the_example_of_a_cell_names_topics_of_known_types() -> None:
    topics = RobotTopics.read(Path(__file__).parents[1] / "examples" / "cell.yaml")
    definitions = Definitions()
    for topic, kind in (topics.heard | topics.said).items():
        definitions.require(topic, kind)
    assert topics.said["/forward_position_controller/commands"] == "std_msgs/msg/Float64MultiArray"


def test_nothing_is_sent_after_a_stop() -> None:
    cell = Cell()
    cell.robot.send(np.array([0.1, 0.2], np.float32))
    cell.robot.stop()
    cell.robot.stop()
    cell.robot.send(np.array([0.3, 0.4], np.float32))
    assert [topic for topic, _ in cell.bus.sent] == ["/joint_command", "/safe_stop"]
