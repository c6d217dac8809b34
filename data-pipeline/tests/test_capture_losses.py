"""What a publisher loses right after it appeared is counted too, though nobody has asked for the losses yet."""

import os
import signal
import time

import pytest

from physai.data_pipeline.tests.capture_robot import LOOPBACK, PROCESSES, hear
from physai.infrastructure.ros2.definitions import Definitions
from physai.infrastructure.ros2.publisher import Publisher
from physai.infrastructure.tests.ros2_reader import TOPIC, TYPE

DOMAIN = 140 + os.getpid() % 80
LARGE = "x" * 400_000  # more than the kernel keeps of a few
SAID = 40


def test_what_is_lost_in_the_first_second_of_a_publisher_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYCLONEDDS_URI", LOOPBACK)
    definitions = Definitions()
    ours, theirs = PROCESSES.Pipe()
    process = PROCESSES.Process(target=hear, args=(TOPIC, TYPE, DOMAIN, theirs))
    process.start()
    assert process.pid is not None
    try:
        assert ours.poll(120)
        assert ours.recv() == "ready"
        publisher = Publisher({TOPIC: TYPE}, definitions, DOMAIN, depth=3)
        assert publisher.wait_for_subscribers(60)
        time.sleep(0.2)  # the other side meets it at another moment
        os.kill(process.pid, signal.SIGSTOP)
        message = definitions.encode(definitions.build(TYPE, data=LARGE))
        for _ in range(SAID):
            publisher.publish_raw(TOPIC, message)
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGCONT)
        publisher.flush(60)
        time.sleep(0.2)
        ours.send("stop")
        assert ours.poll(60)
        came, lost = ours.recv()
    finally:
        process.kill()
        process.join()
    assert lost[TOPIC] > 0
    assert came + lost[TOPIC] == SAID
