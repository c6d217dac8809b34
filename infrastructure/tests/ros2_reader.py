"""A process that hears a topic over real DDS on the loopback interface, and counts what it lost."""

import os
import time
from multiprocessing.connection import Connection

from physai.infrastructure.ros2.definitions import Definitions

TOPIC, TYPE = "/chatter", "std_msgs/msg/String"
LOOPBACK = (
    '<CycloneDDS><Domain id="any"><General><Interfaces><NetworkInterface name="lo" multicast="false"/></Interfaces>'
    "<AllowMulticast>false</AllowMulticast></General><Discovery><ParticipantIndex>auto</ParticipantIndex>"
    '<Peers><Peer Address="127.0.0.1"/></Peers></Discovery></Domain></CycloneDDS>'
)


def listen(domain: int, *, reliable: bool, pipe: Connection) -> None:
    """Take what comes until told to stop; then tell how much came, and how much was lost."""
    os.environ["CYCLONEDDS_URI"] = LOOPBACK
    from cyclonedds.domain import DomainParticipant
    from cyclonedds.qos import Policy, Qos
    from cyclonedds.topic import Topic

    from physai.infrastructure.ros2.idl import Types, dds_name
    from physai.infrastructure.ros2.reader import Reader
    from physai.infrastructure.ros2.sequences import Losses, monitored

    port = monitored(domain)
    participant = DomainParticipant(domain)
    qos = Qos(
        Policy.Reliability.Reliable(10**9) if reliable else Policy.Reliability.BestEffort,
        Policy.History.KeepAll,
        Policy.DataRepresentation(use_cdrv0_representation=True),
    )
    reader = Reader(participant, Topic(participant, dds_name(TOPIC), Types(Definitions()).of(TYPE), qos=qos), qos=qos)
    losses = Losses(port, {TOPIC: reader})
    pipe.send("ready")
    while not reader.get_matched_publications():
        time.sleep(0.01)
    losses.look()
    pipe.send("heard")
    while not pipe.poll(0.001):
        reader.take_raw()
    losses.settle(reader.take_raw)
    pipe.send((sum(reader.arrived.values()), losses.lost()))
