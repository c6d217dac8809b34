"""An arm of another process: it speaks ROS 2 over real DDS on the loopback interface, and goes where it is sent."""

import os
import time
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

LOOPBACK = (
    '<CycloneDDS><Domain id="any"><General><Interfaces><NetworkInterface name="lo" multicast="false"/></Interfaces>'
    "<AllowMulticast>false</AllowMulticast></General><Discovery><ParticipantIndex>auto</ParticipantIndex>"
    '<MaxAutoParticipantIndex>60</MaxAutoParticipantIndex><Peers><Peer Address="127.0.0.1"/></Peers></Discovery>'
    "</Domain></CycloneDDS>"
)
RATE_HZ = 100.0
JOINT_STATE = "sensor_msgs/msg/JointState"
BATTERY = dict.fromkeys(("voltage", "temperature", "current", "charge", "capacity", "design_capacity"), float("nan"))


def move(domain: int, joints: tuple[str, ...], ends: Connection) -> None:
    """Measure, follow what is commanded, and say all states, until told `end`; then hand back what was commanded."""
    os.environ["CYCLONEDDS_URI"] = LOOPBACK
    from physai.fleet_deployment.runtime.ros2.dds import DdsBus
    from physai.infrastructure.ros2.definitions import Definitions

    definitions = Definitions()
    flags = {"/e_stop": False, "/episode": False, "/docked": True, "/operator": True}
    said = {
        "/joint_states": JOINT_STATE,
        "/target_pose": "geometry_msgs/msg/PoseStamped",
        "/battery": "sensor_msgs/msg/BatteryState",
        **dict.fromkeys(flags, "std_msgs/msg/Bool"),
    }
    bus = DdsBus({"/joint_command": JOINT_STATE, "/safe_stop": "std_msgs/msg/Bool"}, said, definitions, domain)
    position, commands, measuring = np.zeros(len(joints)), [], True
    last = 0.0
    while True:
        if ends.poll(1 / RATE_HZ):
            word = ends.recv()
            if word == "end":
                break
            measuring = measuring and word != "silence"
            flags |= word if isinstance(word, dict) else {}
        heard = bus.newest("/joint_command")
        if heard and heard.at_s != last:
            last = heard.at_s
            message = definitions.decode(JOINT_STATE, heard.data)
            position = np.array(message.position)
            commands.append((heard.at_s, position.tolist(), list(message.name)))
        if measuring:
            bus.publish("/joint_states", definitions.encode(_state(definitions, joints[::-1], position[::-1])))
        bus.publish("/target_pose", definitions.encode(_pose(definitions)))
        bus.publish("/battery", definitions.encode(_battery(definitions, 0.75)))
        for topic, value in flags.items():
            bus.publish(topic, definitions.encode(definitions.build("std_msgs/msg/Bool", data=value)))
    stopped = bus.newest("/safe_stop") is not None
    ends.send((commands, stopped))
    bus.close()


def _header(definitions: Any) -> Any:
    now = time.time_ns()
    stamp = definitions.build("builtin_interfaces/msg/Time", sec=now // 10**9, nanosec=now % 10**9)
    return definitions.build("std_msgs/msg/Header", stamp=stamp, frame_id="base_link")


def _state(definitions: Any, joints: tuple[str, ...], position: Any) -> Any:
    none = np.array([], np.float64)
    return definitions.build(
        JOINT_STATE,
        header=_header(definitions),
        name=list(joints),
        position=np.ascontiguousarray(position, np.float64),
        velocity=none,
        effort=none,
    )


def _pose(definitions: Any) -> Any:
    return definitions.build(
        "geometry_msgs/msg/PoseStamped",
        header=_header(definitions),
        pose=definitions.build(
            "geometry_msgs/msg/Pose",
            position=definitions.build("geometry_msgs/msg/Point", x=0.5, y=0.1, z=0.3),
            orientation=definitions.build("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0),
        ),
    )


def _battery(definitions: Any, percentage: float) -> Any:
    kind = "sensor_msgs/msg/BatteryState"
    none = np.array([], np.float32)
    return definitions.build(
        kind,
        header=_header(definitions),
        percentage=percentage,
        power_supply_status=0,
        power_supply_health=0,
        power_supply_technology=0,
        present=True,
        cell_voltage=none,
        cell_temperature=none,
        location="",
        serial_number="",
        **BATTERY,
    )
