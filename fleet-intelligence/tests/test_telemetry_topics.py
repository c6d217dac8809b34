"""A robot that speaks ROS 2 over real DDS, and what the agent makes of it."""

import json
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from physai.fleet_intelligence.telemetry.agent.agent import TelemetryAgent
from physai.fleet_intelligence.telemetry.agent.topics import WAITING, AgentTopics, TopicListener
from physai.infrastructure.contracts import CloudEvent, ContractError, ControlEvent, EpisodeEvent, HealthEvent
from physai.infrastructure.ros2.definitions import Definitions
from physai.infrastructure.ros2.listener import Listener
from physai.infrastructure.ros2.publisher import Publisher

from .make_events import POLICY, episode

DOMAIN = 101 + os.getpid() % 100
FILE = f"""
kind: telemetry-topics
version: 1
site: plant-1
robot: robot-1
cohort: pilot
policy: {POLICY}
release: reach-1
period_ms: 33.3
domain: {DOMAIN}
episode: /robot/episode
inference_ms: /policy/inference_ms
battery: /battery_state
joint_temperature: /joint_temperature
"""


@pytest.fixture
def topics(tmp_path: Path) -> AgentTopics:
    path = tmp_path / "robot-1.yaml"
    path.write_text(FILE)
    return AgentTopics.read(path)


def told(agent: TelemetryAgent) -> list[CloudEvent]:
    kinds = {"episodes": EpisodeEvent, "control": ControlEvent, "health": HealthEvent}
    events: list[CloudEvent] = []
    for topic, kind in kinds.items():
        while letter := agent.outbox.next({name: 10**9 for name in kinds if name != topic}, 500):
            events += [kind.model_validate_json(body) for body in letter.bodies]
            agent.outbox.sent(letter)
    return events


def speak(publisher: Publisher, ros: Definitions) -> None:
    data = episode(7, success=False).data.model_dump(mode="json", exclude={"robot", "site", "policy", "release"})
    text = ros.build("std_msgs/msg/String", data=json.dumps(data))
    stamp = ros.build("builtin_interfaces/msg/Time", sec=0, nanosec=0)
    publisher.publish("/robot/episode", text)
    publisher.publish("/robot/episode", text)  # told twice, as after a restart of the robot's program
    publisher.publish("/robot/episode", ros.build("std_msgs/msg/String", data='{"episode": 8}'))
    publisher.publish("/robot/episode", ros.build("std_msgs/msg/String", data="done"))
    for latency_ms in (1.0, 2.0, 40.0, float("nan")):
        publisher.publish("/policy/inference_ms", ros.build("std_msgs/msg/Float64", data=latency_ms))
    for joint, celsius in (("elbow", 41.5), ("wrist", 38.0), ("elbow", 42.5)):
        header = ros.build("std_msgs/msg/Header", stamp=stamp, frame_id=joint)
        message = ros.build("sensor_msgs/msg/Temperature", header=header, temperature=celsius, variance=0.0)
        publisher.publish("/joint_temperature", message)
    battery = {
        name: np.array([], dtype=np.float32) if "cell" in name else float("nan")
        for name in (
            "voltage", "temperature", "current", "charge", "capacity", "design_capacity", "cell_voltage",
            "cell_temperature",
        )
    } | {"power_supply_status": 0, "power_supply_health": 0, "power_supply_technology": 0, "present": True}  # fmt: skip
    header = ros.build("std_msgs/msg/Header", stamp=stamp, frame_id="")
    for share in (0.75, float("nan")):
        state = ros.build(
            "sensor_msgs/msg/BatteryState", header=header, percentage=share, location="", serial_number="", **battery
        )
        publisher.publish("/battery_state", state)


def test_topics_become_events_and_what_is_none_is_refused(tmp_path: Path, topics: AgentTopics) -> None:
    ros = Definitions()
    with TelemetryAgent(tmp_path / "agent", "plant-1", "robot-1", "pilot") as agent:
        hearing = TopicListener(topics, agent, ros)
        over = threading.Event()
        listener = Listener(topics.types, ros, DOMAIN, depth=WAITING)
        thread = threading.Thread(target=hearing.run, args=(listener, over.is_set))
        thread.start()
        publisher = Publisher(topics.types, ros, DOMAIN)
        assert publisher.wait_for_subscribers(10)
        speak(publisher, ros)
        deadline = time.monotonic() + 10
        while (hearing.episodes < 2 or len(hearing.refused) < 3) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        over.set()
        thread.join()
        first, again, control, health = told(agent)
    assert isinstance(first, EpisodeEvent)
    assert (first.id, first.source) == ("reach-1/robot-1/000007", "/plant-1/robot-1")
    assert first.data == episode(7, success=False).data
    assert again.id == first.id, "a store counts it once"
    assert isinstance(control, ControlEvent)
    assert (control.data.steps, control.data.errors, control.data.deadline_misses) == (4, 1, 1)
    assert control.data.inference_p50_ms == 2.0
    assert isinstance(health, HealthEvent)
    assert health.data.joint_temperature_c == (42.5, 38.0)
    assert health.data.battery_share == 0.75
    assert sorted(line.split(":")[0] for line in hearing.refused) == [
        "/battery_state",
        "/robot/episode",
        "/robot/episode",
    ]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("/battery_state", "/robot/episode", "one topic stands for two things"),
        ("period_ms: 33.3", "period_ms: 0", "period_ms"),
        ("robot: robot-1", "robbot: robot-1", "robot: Field required"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_the_place(tmp_path: Path, old: str, new: str, why: str) -> None:
    path = tmp_path / "robot-1.yaml"
    path.write_text(FILE.replace(old, new))
    with pytest.raises(ContractError, match=why):
        AgentTopics.read(path)
