"""What never arrives over DDS is counted to the last message, and a publisher does not claim what it cannot know."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection

import pytest
from cyclonedds.domain import DomainParticipant

from physai.infrastructure.ros2.definitions import Definitions
from physai.infrastructure.ros2.publisher import Publisher
from physai.infrastructure.ros2.sequences import Losses, monitored
from physai.infrastructure.tests.ros2_reader import LOOPBACK, TOPIC, TYPE, listen

DOMAIN = 120 + os.getpid() % 100
LARGE = "x" * 400_000  # more than the kernel keeps of a few
SAID = 40


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYCLONEDDS_URI", LOOPBACK)


@contextmanager
def reader(domain: int, *, reliable: bool = True) -> Iterator[tuple[Connection, int]]:
    """Another process that listens, from when it is ready on: a pipe to it, and its id."""
    processes = get_context("spawn")
    ours, theirs = processes.Pipe()
    process = processes.Process(target=listen, args=(domain,), kwargs={"reliable": reliable, "pipe": theirs})
    process.start()
    assert process.pid is not None
    try:
        assert ours.poll(120)
        assert ours.recv() == "ready"
        yield ours, process.pid
    finally:
        process.kill()
        process.join()


@pytest.mark.parametrize(("reliable", "depth"), [(True, 3), (True, 200), (False, 200)])
def test_what_is_said_to_a_reader_that_stands_still_arrives_or_is_counted(*, reliable: bool, depth: int) -> None:
    domain, definitions = DOMAIN + (depth > 3) + 2 * reliable, Definitions()
    with reader(domain, reliable=reliable) as (pipe, pid):
        publisher = Publisher({TOPIC: TYPE}, definitions, domain, reliable=reliable, depth=depth)
        assert publisher.wait_for_subscribers(60)
        assert pipe.poll(60)
        assert pipe.recv() == "heard"
        message = definitions.encode(definitions.build(TYPE, data=LARGE))
        for number in range(SAID):
            if number == 5:
                os.kill(pid, signal.SIGSTOP)
            if number == SAID - 5:
                os.kill(pid, signal.SIGCONT)
            publisher.publish_raw(TOPIC, message)
            time.sleep(0.01)
        all_arrived = publisher.flush(60)
        time.sleep(0.2)
        pipe.send("stop")
        assert pipe.poll(60)
        came, lost = pipe.recv()
    assert came + lost[TOPIC] == SAID
    assert all_arrived == (depth == 200)  # the best-effort reader owes no answer
    assert (lost[TOPIC] == 0) == (reliable and depth == 200)


def test_a_flush_whose_time_runs_out_says_so() -> None:
    with reader(DOMAIN + 5) as (_, pid):
        publisher = Publisher({TOPIC: TYPE}, Definitions(), DOMAIN + 5)
        assert publisher.wait_for_subscribers(60)
        os.kill(pid, signal.SIGSTOP)
        publisher.publish(TOPIC, Definitions().build(TYPE, data=LARGE))
        assert publisher.flush(0.2) is False
        os.kill(pid, signal.SIGCONT)
        assert publisher.flush(60) is True


def test_the_monitor_answers_on_the_loopback_interface() -> None:
    port = monitored(DOMAIN + 6)
    assert port is not None
    assert monitored(DOMAIN + 6) == port
    with socket.create_connection(("127.0.0.1", port), timeout=10) as found:
        assert found.recv(8) == b"HTTP/1.1"


def test_a_domain_that_was_there_before_has_no_monitor_and_its_losses_are_unknown() -> None:
    participant = DomainParticipant(DOMAIN + 7)
    assert monitored(DOMAIN + 7) is None
    losses = Losses(None, {})
    losses.look()
    assert losses.lost() is None
    del participant


def test_where_a_monitor_cannot_be_kept_from_the_network_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    class Guarded(socket.socket):
        def setsockopt(self, *_: object) -> None:
            raise PermissionError

    monkeypatch.setattr("physai.infrastructure.ros2.sequences.socket.socket", Guarded)
    assert monitored(DOMAIN + 8) is None
