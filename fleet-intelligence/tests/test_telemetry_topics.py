"""A robot that speaks ROS 2 over real DDS, and what the agent makes of it."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from physai.fleet_intelligence import examples
from physai.fleet_intelligence.errors import SignalFieldError
from physai.fleet_intelligence.telemetry.agent.agent import TelemetryAgent
from physai.fleet_intelligence.telemetry.agent.fields import reader_of
from physai.fleet_intelligence.telemetry.agent.topics import WAITING, AgentTopics, TopicListener
from physai.fleet_intelligence.telemetry.receive import Receiver
from physai.fleet_intelligence.telemetry.store import TelemetryStore
from physai.fleet_intelligence.telemetry.wire import Broker
from physai.infrastructure.contracts import (
    CloudEvent,
    ContractError,
    ControlEvent,
    EpisodeEvent,
    HealthEvent,
    SignalEvent,
)
from physai.infrastructure.ros2.definitions import Definitions
from physai.infrastructure.ros2.listener import Listener
from physai.infrastructure.ros2.publisher import Publisher

from .make_events import POLICY, episode
from .mqtt_broker import PROGRAM, Mosquitto

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
signals:
  - name: action
    topic: /joint_states
    type: sensor_msgs/msg/JointState
    field: position
  - name: effort_nm
    topic: /joint_states
    type: sensor_msgs/msg/JointState
    field: effort
"""


@pytest.fixture
def topics(tmp_path: Path) -> AgentTopics:
    path = tmp_path / "robot-1.yaml"
    path.write_text(FILE)
    return AgentTopics.read(path)


def told(agent: TelemetryAgent) -> list[CloudEvent]:
    kinds = {"episodes": EpisodeEvent, "control": ControlEvent, "signals": SignalEvent, "health": HealthEvent}
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
        while (hearing.episodes < 2 or hearing.refusals < 3) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        over.set()
        thread.join()
        events = told(agent)
    first, again = (event for event in events if isinstance(event, EpisodeEvent))
    control = [event.data for event in events if isinstance(event, ControlEvent)]
    (health,) = (event for event in events if isinstance(event, HealthEvent))
    signals = {event.data.signal: event.data for event in events if isinstance(event, SignalEvent)}
    assert (first.id, first.source) == ("reach-1/robot-1/000007", "/plant-1/robot-1")
    assert first.data == episode(7, success=False).data
    assert again.id == first.id, "a store counts it once"
    assert sum(data.steps for data in control) == 4
    assert sum(data.errors for data in control) == 1
    assert sum(data.deadline_misses for data in control) == 1
    elbow = signals["joint_temperature_c.elbow"]
    assert (elbow.samples, elbow.minimum, elbow.maximum, elbow.newest) == (2, (41.5,), (42.5,), (42.5,))
    assert signals["battery_share"].newest == (0.75,)
    assert health.data.joint_temperature_c == (42.5, 38.0)
    assert health.data.battery_share == 0.75
    assert sorted(line.split(":")[0] for line in hearing.refused) == [
        "/battery_state",
        "/robot/episode",
        "/robot/episode",
    ]


RATE = """
import sys, time
import numpy as np
from physai.infrastructure.ros2.definitions import Definitions
from physai.infrastructure.ros2.publisher import Publisher

ros = Definitions()
state, number64 = "sensor_msgs/msg/JointState", "std_msgs/msg/Float64"
publisher = Publisher({"/joint_states": state, "/policy/inference_ms": number64}, ros, int(sys.argv[1]))
assert publisher.wait_for_subscribers(120)
stamp = ros.build("builtin_interfaces/msg/Time", sec=1, nanosec=0)
header = ros.build("std_msgs/msg/Header", stamp=stamp, frame_id="")
start = time.monotonic()
for number in range(int(sys.argv[2])):
    time.sleep(max(0.0, start + number / 500 - time.monotonic()))
    at = np.array([number % 100, -number % 7], dtype=float)
    message = ros.build(state, header=header, name=["a", "b"], position=at, velocity=at, effort=at / 10)
    publisher.publish("/joint_states", message)
    publisher.publish("/policy/inference_ms", ros.build(number64, data=1.0 + number % 50))
"""


@pytest.mark.mosquitto
@pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not installed")
def test_an_episode_that_is_nested_without_end_is_refused(tmp_path: Path, topics: AgentTopics) -> None:
    ros = Definitions()
    with TelemetryAgent(tmp_path / "agent", "plant-1", "robot-1", "pilot") as agent:
        hearing = TopicListener(topics, agent, ros)
        hostile = ros.build("std_msgs/msg/String", data='{"episode": ' + "[" * 100_000)
        hearing.hear("/robot/episode", ros.encode(hostile))
    assert (hearing.messages, hearing.refusals) == (1, 1)


def test_topics_of_500_hz_become_a_few_events_and_sigterm_tells_the_last(tmp_path: Path) -> None:
    count = 1000
    path = tmp_path / "robot-1.yaml"
    path.write_text(FILE)
    mosquitto = Mosquitto(tmp_path / "broker").start()
    store = TelemetryStore(tmp_path / "t.duckdb")
    receiver = Receiver(store, Broker(port=mosquitto.port))
    receiver.start()
    command = [
        "physai",
        "fleet-intelligence",
        "telemetry",
        "listen",
        str(path),
        "--port",
        str(mosquitto.port),
        "--json",
    ]
    environment = {**os.environ, "PHYSAI_HOME": str(tmp_path / "home")}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as listening:
        try:
            subprocess.run([sys.executable, "-c", RATE, str(DOMAIN), str(count)], check=True, timeout=150)
            time.sleep(0.5)
        finally:
            listening.send_signal(signal.SIGTERM)
        output, _ = listening.communicate(timeout=60)
    done = json.loads(output)
    deadline = time.monotonic() + 20
    while receiver.step().added < done["events"] and time.monotonic() < deadline:
        pass
    receiver.stop()
    mosquitto.stop()
    assert listening.returncode == 0
    assert (done["messages"], done["refusals"], done["waiting"]) == (2 * count, 0, 0)
    assert done["events"] <= 10, "one a signal, one of control, one of health"
    raw = np.array([[number % 100, -number % 7] for number in range(count)])
    (row,) = store.rows("FROM Signals WHERE signal = 'action'")
    assert (row["samples"], row["minimum"], row["maximum"]) == (count, [0.0, 0.0], [99.0, 6.0])
    assert row["mean"] == pytest.approx(raw.mean(axis=0).tolist())
    assert row["variance"] == pytest.approx(raw.var(axis=0).tolist())
    (control,) = store.rows("FROM Control")
    assert (control["steps"], control["deadline_misses"]) == (count, 17 * count // 50), "34 … 50 ms are over 33.3 ms"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("/battery_state", "/robot/episode", "one topic stands for two things"),
        ("period_ms: 33.3", "period_ms: 0", "period_ms"),
        ("robot: robot-1", "robbot: robot-1", "robot: Field required"),
        ("field: effort", "field: effort\n    unit: Nm", "signals.1.unit: Extra inputs"),
        ("name: effort_nm", "name: cpu_share", "'cpu_share' is the name of a signal of the agent's own"),
        ("name: effort_nm", "name: action", "'action' is there twice"),
        ("type: sensor_msgs/msg/JointState", "type: std_msgs/msg/Float64", "/joint_states is of type"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_the_place(tmp_path: Path, old: str, new: str, why: str) -> None:
    path = tmp_path / "robot-1.yaml"
    path.write_text(FILE.replace(old, new, 1))
    with pytest.raises(ContractError, match=why):
        AgentTopics.read(path)


def test_the_example_is_read_and_its_signals_are_numbers(tmp_path: Path) -> None:
    topics = AgentTopics.read(Path(examples.__file__).with_name("robot-1.yaml"))
    with TelemetryAgent(tmp_path / "agent", topics.site, topics.robot) as agent:
        TopicListener(topics, agent, Definitions())
    assert len(topics.types) == 6


@pytest.mark.parametrize(
    ("kind", "field", "why"),
    [
        ("sensor_msgs/msg/JointState", "efort", "there is no 'efort'. Did you mean 'effort'?"),
        ("sensor_msgs/msg/JointState", "name", "it is text"),
        ("sensor_msgs/msg/JointState", "header", "it is a message, std_msgs/msg/Header; go on to one of its fields"),
        ("trajectory_msgs/msg/JointTrajectory", "points", "go on with an index, '0', and a field"),
        ("trajectory_msgs/msg/JointTrajectory", "points.positions", "an array is followed by an index"),
    ],
)
def test_a_field_without_numbers_is_refused_before_anything_is_heard(kind: str, field: str, why: str) -> None:
    with pytest.raises(SignalFieldError, match=re.escape(why)):
        reader_of(Definitions(), "x", kind, field)


def test_numbers_are_read_from_deep_inside_a_message() -> None:
    ros = Definitions()
    x = ros.build("geometry_msgs/msg/Vector3", x=1.5, y=0.0, z=0.0)
    wrench = ros.build("geometry_msgs/msg/Wrench", force=x, torque=x)
    assert reader_of(ros, "x", "geometry_msgs/msg/Wrench", "force.x")(wrench) == (1.5,)
    after = ros.build("builtin_interfaces/msg/Duration", sec=0, nanosec=0)
    none = np.zeros(0)
    point = ros.build(
        "trajectory_msgs/msg/JointTrajectoryPoint",
        positions=np.array([1.0, 2.0]), velocities=none, accelerations=none, effort=none, time_from_start=after,
    )  # fmt: skip
    stamp = ros.build("builtin_interfaces/msg/Time", sec=0, nanosec=0)
    header = ros.build("std_msgs/msg/Header", stamp=stamp, frame_id="")
    path = ros.build("trajectory_msgs/msg/JointTrajectory", header=header, joint_names=["a", "b"], points=[point])
    assert list(reader_of(ros, "x", "trajectory_msgs/msg/JointTrajectory", "points.0.positions")(path)) == [1.0, 2.0]
