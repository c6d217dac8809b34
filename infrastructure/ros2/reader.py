"""Reads samples off DDS as the bytes they are."""

import ctypes
from collections import Counter
from typing import Any, NamedTuple

from cyclonedds._clayer import ddspy_take  # `DataReader.take` would decode every sample in Python
from cyclonedds.core import DDSException, DDSStatus, InstanceState, SampleState, ViewState
from cyclonedds.domain import DomainParticipant
from cyclonedds.internal import c_call, dds_c_t
from cyclonedds.qos import Qos
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic

ANY = SampleState.Any | ViewState.Any | InstanceState.Any
GONE = ""  # name of a writer that left before anything of it was taken
AT_ONCE = 64  # samples of a topic before the next topic has its turn


class Taken(NamedTuple):
    """A sample that arrived."""

    data: bytes
    """CDR with its encapsulation header."""
    source_ns: int
    """When it was sent, by the sender's clock."""
    publisher: int
    """Who sent it: a handle, the same for all samples of a DDS writer."""


class Reader(DataReader[Any]):
    """A reader of undecoded samples, which never makes a publisher wait: it takes as many as come."""

    def __init__(self, participant: DomainParticipant, topic: Topic[Any], *, qos: Qos) -> None:
        super().__init__(participant, topic, qos=qos)
        self.set_status_mask(DDSStatus.SubscriptionMatched)  # wakes a wait set that it is attached to
        self.arrived: Counter[str] = Counter()
        """DDS writer, as `named` names it, or `GONE` → how many of its samples were taken."""
        self._writers: dict[int, str] = {}

    def take_raw(self) -> list[Taken]:
        """Samples that arrived, at most `AT_ONCE`."""
        taken = ddspy_take(self._ref, ANY, AT_ONCE)
        if isinstance(taken, int):
            raise DDSException(taken, f"taking samples of {self.topic.name}")
        for _, info in taken:  # one that says only that its writer is gone has a number of its own, too
            self.arrived[self._writers.get(info.publication_handle) or self._met(info.publication_handle)] += 1
        return [Taken(data, info.source_timestamp, info.publication_handle) for data, info in taken if info.valid_data]

    def _met(self, handle: int) -> str:
        told = self.get_matched_publication_data(handle)
        if told is None:
            return GONE
        return self._writers.setdefault(handle, named(told.key.bytes))

    def met(self) -> bool:
        """Whether a publisher has come or gone since the last call."""
        return bool(self.take_status(DDSStatus.SubscriptionMatched))

    @property
    def refused(self) -> int:
        """Publishers that offer less than is asked for."""
        status = dds_c_t.requested_incompatible_qos_status()
        self._qos_status(self._ref, ctypes.byref(status))
        return int(status.total_count)

    # Cyclone's own way to name a function of its C library; it is not typed.
    @c_call("dds_get_requested_incompatible_qos_status")  # type: ignore[no-untyped-call, untyped-decorator]
    def _qos_status(self, reader: dds_c_t.entity, status: ctypes.c_void_p) -> dds_c_t.returnv: ...  # type: ignore[valid-type]


def named(guid: bytes) -> str:
    """A DDS GUID of 16 bytes as Cyclone prints it."""
    return ":".join(f"{int.from_bytes(guid[at : at + 4]):x}" for at in range(0, 16, 4))
