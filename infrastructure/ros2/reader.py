"""Reads samples off DDS as the bytes they are."""

import ctypes
from typing import Any

from cyclonedds._clayer import ddspy_take  # `DataReader.take` would decode every sample in Python
from cyclonedds.core import DDSException, InstanceState, SampleState, ViewState
from cyclonedds.internal import c_call, dds_c_t
from cyclonedds.sub import DataReader

ANY = SampleState.Any | ViewState.Any | InstanceState.Any
AT_ONCE = 64  # samples of a topic before the next topic has its turn


class Reader(DataReader[Any]):
    """A reader of undecoded samples, which never makes a publisher wait: it takes as many as come."""

    def take_raw(self) -> list[tuple[bytes, int]]:
        """CDR and source time in ns of the samples that arrived."""
        taken = ddspy_take(self._ref, ANY, AT_ONCE)
        if isinstance(taken, int):
            raise DDSException(taken, f"taking samples of {self.topic.name}")
        return [(data, info.source_timestamp) for data, info in taken if info.valid_data]

    @property
    def lost(self) -> int:
        """Samples that the middleware says never arrived."""
        status = dds_c_t.sample_lost_status()
        self._lost_status(self._ref, ctypes.byref(status))
        return int(status.total_count)

    @property
    def refused(self) -> int:
        """Publishers that offer less than is asked for."""
        status = dds_c_t.requested_incompatible_qos_status()
        self._qos_status(self._ref, ctypes.byref(status))
        return int(status.total_count)

    # Cyclone's own way to name a function of its C library; it is not typed.
    @c_call("dds_get_sample_lost_status")  # type: ignore[no-untyped-call, untyped-decorator]
    def _lost_status(self, reader: dds_c_t.entity, status: ctypes.c_void_p) -> dds_c_t.returnv: ...  # type: ignore[valid-type]

    @c_call("dds_get_requested_incompatible_qos_status")  # type: ignore[no-untyped-call, untyped-decorator]
    def _qos_status(self, reader: dds_c_t.entity, status: ctypes.c_void_p) -> dds_c_t.returnv: ...  # type: ignore[valid-type]
