"""A service call in the form of rmw_cyclonedds begins and ends an episode."""

import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cyclonedds._clayer import ddspy_write
from cyclonedds.core import DDSException
from cyclonedds.domain import DomainParticipant
from cyclonedds.pub import DataWriter
from cyclonedds.topic import Topic

from physai.data_pipeline.capture.dds.service import QOS, REQUEST, RESPONSE, response
from physai.data_pipeline.capture.dds.source import DdsSource
from physai.data_pipeline.capture.errors import ListenError
from physai.data_pipeline.capture.folder import episodes
from physai.data_pipeline.capture.listeners import listening
from physai.data_pipeline.capture.live import LiveRecorder
from physai.data_pipeline.capture.status import LiveStatus
from physai.data_pipeline.tests.capture_robot import DOMAIN, LOOPBACK, config
from physai.infrastructure.contracts import ServiceTrigger
from physai.infrastructure.ros2.definitions import Definitions
from physai.infrastructure.ros2.reader import Reader, Taken

CLIENT, NUMBER = 0x1122334455667788, 7
REQUEST_CDR = b"\0\1\0\0" + struct.pack("<QqB3x", CLIENT, NUMBER, 0)


def call(domain: int, service: str) -> bytes:
    """Call a service as a ROS 2 client does; the CDR of its reply."""
    participant = DomainParticipant(domain)
    replies = Reader(participant, Topic(participant, f"rr{service}Reply", RESPONSE, qos=QOS), qos=QOS)
    writer: DataWriter[Any] = DataWriter(
        participant, Topic(participant, f"rq{service}Request", REQUEST, qos=QOS), qos=QOS
    )
    wait_for(lambda: bool(writer.get_matched_subscriptions() and replies.get_matched_publications()))
    assert ddspy_write(writer._ref, REQUEST_CDR) == 0
    found: list[Taken] = []
    wait_for(lambda: bool(found.extend(replies.take_raw()) or found))
    return found[0].data


def wait_for(there: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not there():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_reply_bears_the_caller_and_its_number() -> None:
    # 4 bytes encapsulation, 8 client, 8 number, 1 success, 3 padding, 4 length of an empty string, 1 its end, 3 padding
    assert response(REQUEST_CDR) == b"\0\1\0\0" + struct.pack("<QqB3xI4x", CLIENT, NUMBER, 1, 1)


def test_calls_begin_and_end_an_episode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYCLONEDDS_URI", LOOPBACK)
    planned = config(
        start=(ServiceTrigger(kind="service", service="/recorder/start"),),
        stop=(ServiceTrigger(kind="service", service="/recorder/stop", outcome="failure"),),
    )
    definitions, seen = Definitions(), list[LiveStatus]()
    source = DdsSource(planned.topics, definitions, DOMAIN + 3)
    recorder = LiveRecorder(planned, source, tmp_path, definitions, max_episodes=1, show=seen.append)
    with listening(recorder.switch, source):
        thread = threading.Thread(target=recorder.run)
        thread.start()
        reply = call(DOMAIN + 3, "/recorder/start")
        wait_for(lambda: bool(list(tmp_path.glob(".episode-*.part"))))
        call(DOMAIN + 3, "/recorder/stop")
        thread.join()
    assert struct.unpack_from("<QqB", reply, 4) == (CLIENT, NUMBER, 1)
    (sidecar,) = episodes(tmp_path)
    assert (sidecar.started_by, sidecar.outcome) == ("service /recorder/start", "failure")


def test_a_listener_that_fails_is_an_error_and_not_the_end_of_the_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> bool:
        raise DDSException(DDSException.DDS_RETCODE_OUT_OF_RESOURCES, "taking samples")

    monkeypatch.setenv("CYCLONEDDS_URI", LOOPBACK)
    source = DdsSource(config().topics, Definitions(), DOMAIN + 3)
    monkeypatch.setattr(source, "_take", fails)
    with pytest.raises(ListenError, match="source dds: listening ended: DDSException: "):
        LiveRecorder(config(), source, tmp_path, Definitions(), duration_s=5.0).run()
    assert not episodes(tmp_path)
