"""A robot behind ROS 2 topics: joint states in, joint targets out, and what the gate wants to know of it."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import RobotCondition
from physai.infrastructure.fit import STATE
from physai.infrastructure.ros2.definitions import Definitions, header_ns

from ...errors import JointsError
from ..simulated import TARGET
from ..transport import Reading
from .bus import Bus
from .topics import BATTERY, BOOL, JOINT_STATE, POSE, RobotTopics


class Ros2Robot:
    """One robot. A measurement counts from its arrival; one whose header repeats an older time is not a new one."""

    def __init__(
        self,
        name: str,
        bus: Bus,
        topics: RobotTopics,
        joints: Sequence[str],
        rate_hz: float,
        definitions: Definitions,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Listen; nothing is sent yet.

        Args:
            name: Of the robot.
            bus: That carries the topics.
            topics: Which ones.
            joints: Of the policy's contract, in its order.
            rate_hz: At which targets are sent.
            definitions: Where the types are defined.
            clock: The one of `Heard.at_s`.
        """
        self.name = name
        self._bus, self._topics, self._joints = bus, topics, tuple(joints)
        self._period_s = 1.0 / rate_hz
        self._definitions = definitions
        self._clock = clock
        self._stopped = False
        self._measured: tuple[int, NDArray[np.float32], float] | None = None  # header time in ns, (J,) rad, arrival
        self._asked: NDArray[np.float32] | None = None  # pose, (7,)
        self._began_s = clock()

    def read(self) -> Reading | None:
        """The newest measurement, once there are joints and a target pose.

        Raises:
            JointsError: If the robot does not measure a joint of the contract.
            BadMessageError: If a message is not of its type.
        """
        self._hear_joints()
        self._hear_target()
        if self._measured is None or self._asked is None:
            return None
        _, position_rad, at_s = self._measured
        observation = {STATE: position_rad[None].copy(), TARGET: self._asked[None].copy()}
        return Reading(observation, at_s, e_stop=self._engaged)

    def send(self, targets: NDArray[np.float32]) -> None:
        """Send joint targets in rad, (J,); nothing after a stop."""
        if not self._stopped:
            self._bus.publish(self._topics.command, self._definitions.encode(self._command(targets)))

    def stop(self) -> None:
        """Send no further target: drives come to rest at the last one, which the guard has kept near."""
        if not self._stopped:
            self._stopped = True
            if self._topics.safe_stop:
                message = self._definitions.build(BOOL, data=True)
                self._bus.publish(self._topics.safe_stop, self._definitions.encode(message))

    def close(self) -> None:
        """Leave the bus."""
        self._bus.close()

    def condition(self) -> RobotCondition:
        """What the robot says of itself; an emergency stop or an episode it should tell of counts until it does."""
        topics = self._topics
        told = [self._told_s(topic) for topic in (topics.joint_states, topics.e_stop, topics.episode) if topic]
        silent = timedelta(seconds=self._clock() - min(told))
        episode = topics.episode is not None and self._state(topics.episode) is not False
        return RobotCondition(
            robot=self.name,
            at=datetime.now(UTC) - silent,
            idle=not episode,
            mid_episode=episode,
            e_stop=self._engaged,
            docked=self._state(topics.docked),
            battery=self._battery(),
            operator_present=self._state(topics.operator_present),
        )

    def _hear_joints(self) -> None:
        heard = self._bus.newest(self._topics.joint_states)
        if heard is None or (self._measured and self._measured[2] == heard.at_s):
            return
        stamp_ns = header_ns(heard.data) or 0
        if self._measured and 0 < stamp_ns <= self._measured[0]:
            return
        message = self._definitions.decode(JOINT_STATE, heard.data)
        where = {joint: index for index, joint in enumerate(message.name)}
        missing = [joint for joint in self._joints if where.get(joint, len(message.position)) >= len(message.position)]
        if missing:
            raise JointsError(self._topics.joint_states, missing)
        order = [where[joint] for joint in self._joints]
        self._measured = (stamp_ns, np.asarray(message.position, np.float32)[order], heard.at_s)

    def _hear_target(self) -> None:
        heard = self._bus.newest(self._topics.target_pose)
        if heard is not None:
            pose = self._definitions.decode(POSE, heard.data).pose
            at, turn = pose.position, pose.orientation
            self._asked = np.array([at.x, at.y, at.z, turn.x, turn.y, turn.z, turn.w], np.float32)

    @property
    def _engaged(self) -> bool:
        """Whether an emergency stop is engaged; one that should be told of is, until the robot says it is not."""
        return self._topics.e_stop is not None and self._state(self._topics.e_stop) is not False

    def _state(self, topic: str | None) -> bool | None:
        data = self._fresh(topic)
        return None if data is None else bool(self._definitions.decode(BOOL, data).data)

    def _battery(self) -> float | None:
        data = self._fresh(self._topics.battery)
        if data is None:
            return None
        charge = float(self._definitions.decode(BATTERY, data).percentage)
        return min(max(charge, 0.0), 1.0) if np.isfinite(charge) else None  # NaN: it is not measured

    def _fresh(self, topic: str | None) -> bytes | None:
        heard = self._bus.newest(topic) if topic else None
        return heard.data if heard and self._clock() - heard.at_s <= self._topics.silent_s else None

    def _told_s(self, topic: str) -> float:
        heard = self._bus.newest(topic)
        return heard.at_s if heard else self._began_s

    def _command(self, targets: NDArray[np.float32]) -> Any:
        build, position = self._definitions.build, targets.astype(np.float64)
        kind, none = self._topics.command_type, np.array([], np.float64)
        if kind == "std_msgs/msg/Float64MultiArray":
            layout = build("std_msgs/msg/MultiArrayLayout", dim=[], data_offset=0)
            return build(kind, layout=layout, data=position)
        now_ns = time.time_ns()
        if kind == "sensor_msgs/msg/JointState":
            stamp = build("builtin_interfaces/msg/Time", sec=now_ns // 10**9, nanosec=now_ns % 10**9)
            header = build("std_msgs/msg/Header", stamp=stamp, frame_id="")
            return build(kind, header=header, name=list(self._joints), position=position, velocity=none, effort=none)
        soon_ns = round(self._period_s * 1e9)
        at_once = build("builtin_interfaces/msg/Time", sec=0, nanosec=0)  # a header of zero: from its arrival on
        point = build(
            "trajectory_msgs/msg/JointTrajectoryPoint",
            positions=position,
            velocities=none,
            accelerations=none,
            effort=none,
            time_from_start=build("builtin_interfaces/msg/Duration", sec=soon_ns // 10**9, nanosec=soon_ns % 10**9),
        )
        header = build("std_msgs/msg/Header", stamp=at_once, frame_id="")
        return build(kind, header=header, joint_names=list(self._joints), points=[point])
