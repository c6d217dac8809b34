"""Answers `std_srvs/srv/Trigger` over DDS in the form of `rmw_cyclonedds`, ROS 2's Cyclone DDS middleware.

There a request and its reply begin with 16 bytes, the client's id and the number of its call, before their fields.
Source: ros2/rmw_cyclonedds, `rmw_cyclonedds_cpp/src/serdata.hpp`, `cdds_request_header_t`.
"""

import struct
from collections.abc import Callable
from typing import Any

from cyclonedds._clayer import ddspy_write
from cyclonedds.core import DDSException
from cyclonedds.domain import DomainParticipant
from cyclonedds.idl import make_idl_struct
from cyclonedds.idl.types import int64, uint8, uint64
from cyclonedds.pub import DataWriter
from cyclonedds.qos import Policy, Qos
from cyclonedds.topic import Topic
from cyclonedds.util import duration

from physai.infrastructure.ros2.reader import Reader

CALL = {"client": uint64, "number": int64}
REQUEST = make_idl_struct(
    "Trigger_Request_",
    "std_srvs.srv.dds_.Trigger_Request_",
    {**CALL, "structure_needs_at_least_one_member": uint8},
    dataclassify=False,
)
RESPONSE = make_idl_struct(
    "Trigger_Response_",
    "std_srvs.srv.dds_.Trigger_Response_",
    {**CALL, "success": bool, "message": str},
    dataclassify=False,
)
QOS = Qos(
    Policy.Reliability.Reliable(duration(seconds=1)),
    Policy.Durability.Volatile,
    Policy.History.KeepAll,
    Policy.DataRepresentation(use_cdrv0_representation=True),
)
HEADER_BYTES = 20  # encapsulation, client, number


class TriggerService:
    """One service; each call fires."""

    def __init__(self, participant: DomainParticipant, service: str, fire: Callable[[], None]) -> None:
        """Announce it.

        Args:
            participant: Of the domain.
            service: As ROS names it, e.g. `/recorder/start`.
            fire: Called at each call, from the source's thread.
        """
        self._fire = fire
        self.reader = Reader(participant, Topic(participant, f"rq{service}Request", REQUEST, qos=QOS), qos=QOS)
        reply = Topic(participant, f"rr{service}Reply", RESPONSE, qos=QOS)
        self._writer: DataWriter[Any] = DataWriter(participant, reply, qos=QOS)

    def answer(self) -> None:
        """Fire for each call that waits, and answer it."""
        for data, _, _ in self.reader.take_raw():
            self._fire()
            if (result := ddspy_write(self._writer._ref, response(data))) < 0:
                raise DDSException(result, "answering a call")


def response(request: bytes) -> bytes:
    """CDR of `success: true, message: ''` to the caller of a request."""
    if len(request) < HEADER_BYTES:
        raise ValueError(f"a request of {len(request)} bytes")
    order = "<" if request[1] & 1 else ">"
    answer = request[:HEADER_BYTES] + struct.pack(f"{order}B3xI1s", 1, 1, b"\0")
    return answer + b"\0" * (-len(answer) % 4)
