"""What never arrived over DDS, told exactly: by the numbers that DDS writers give their samples.

Cyclone DDS counts no loss itself: a reliable writer whose history was too short for a reader that stood still declares
the samples irrelevant, and a best-effort one says nothing. But each writer numbers its samples, and Cyclone's monitor
tells the highest number it has heard of, from samples as well as from heartbeats. Source: Cyclone DDS 11.0.1,
`Internal/MonitorPort` in `docs/manual/options.md`, and `src/core/ddsi/src/ddsi_debmon.c`.
"""

import json
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from cyclonedds.core import DDSException
from cyclonedds.domain import Domain

from .reader import GONE, Reader, named

LOOPBACK, LOOPBACK_DEVICE = "127.0.0.1", b"lo\0"
ANSWER_S = 2.0  # it takes some ms, but for a machine that has more to do
SETTLE_S = 0.3  # within it, even a topic of 1 kHz is silent once for as long as a look takes
ASKED = "<CycloneDDS><Domain id='any'><Internal><MonitorPort>{port}</MonitorPort></Internal></Domain></CycloneDDS>"

_ports: dict[int, int | None] = {}
_domains: list[Domain] = []
"""Those of this process that were made with a monitor; they live as long as the process."""

Stream = tuple[str, str]
"""A topic, and a DDS writer that speaks on it."""


def monitored(domain: int, defaults: str = "") -> int | None:
    """Make a domain with a monitor, which answers on this machine only, before anything else in the process uses it.

    Args:
        domain: ROS 2's `ROS_DOMAIN_ID`.
        defaults: Configuration for Cyclone DDS, which that of the environment overrides.

    Returns:
        Port of the monitor; None if the domain was there before, or the monitor could not be kept from the network.
    """
    if domain not in _ports:
        port = _private_port()
        told = (defaults, os.environ.get("CYCLONEDDS_URI"), port and ASKED.format(port=port))
        try:
            _domains.append(Domain(domain, ",".join(part for part in told if part)))
        except DDSException:  # it is there
            port = None
        _ports[domain] = port if port and _keep_from_network(port) else None
    return _ports[domain]


class Losses:
    """Counts what was said to some readers and never arrived, from the first look at each writer on."""

    def __init__(self, port: int | None, readers: Mapping[str, Reader]) -> None:
        """Args: port: Of the monitor of their domain. readers: Topic → its reader."""
        self._port = port
        self._readers = dict(readers)
        self._topics = {named(reader.guid.bytes): topic for topic, reader in readers.items()}
        self._said: dict[Stream, int] = {}
        """Number of the last sample, as of the last look."""
        self._missing: dict[Stream, int] = {}
        """Samples up to that which had not arrived: lost, on their way, or said before the reader was there."""
        self._least: dict[Stream, int] = {}
        """The least that was ever missing, so none of them lost since."""
        self._lock = threading.Lock()
        self._answers = False

    def look(self) -> None:
        """Take note of the numbers."""
        with self._lock:
            self._look()

    def settle(self, between: Callable[[], object]) -> None:
        """Look until each writer was silent during a look, so that nothing of it was on its way, or time is up.

        Args:
            between: Called after each look; takes samples, or lets another thread do so.
        """
        least: dict[Stream, int] = {}
        settled: set[Stream] = set()
        until = time.monotonic() + SETTLE_S
        with self._lock:
            while time.monotonic() < until and self._answers_to_look():
                missing = self._missing.copy()
                between()
                now = {stream: self._said[stream] - self._arrived(stream) for stream in missing}
                settled |= {stream for stream in missing if now[stream] == missing[stream]}
                least = {stream: min(found, least.get(stream, found)) for stream, found in missing.items()}
                if settled >= missing.keys():
                    break
            self._missing |= least

    def lost(self) -> dict[str, int] | None:
        """Topic → messages that have not arrived as of the last look; None if nobody can tell."""
        with self._lock:
            if not self._answers:
                return None
            lost = Counter[str]()
            for stream, missing in self._missing.items():
                lost[stream[0]] += missing - self._least[stream]
            return {topic: max(0, lost[topic] - reader.arrived[GONE]) for topic, reader in self._readers.items()}

    def _answers_to_look(self) -> bool:
        self._look()
        return self._answers

    def _look(self) -> None:
        arrived = {topic: reader.arrived.copy() for topic, reader in self._readers.items()}
        try:
            self._said |= self._numbers()
        except (OSError, HTTPException, ValueError):
            self._answers = False
            return
        self._answers = True
        for stream, said in self._said.items():
            topic, writer = stream
            self._missing[stream] = said - arrived[topic][writer]
            self._least[stream] = min(self._missing[stream], self._least.get(stream, self._missing[stream]))

    def _arrived(self, stream: Stream) -> int:
        topic, writer = stream
        return self._readers[topic].arrived[writer]

    def _numbers(self) -> dict[Stream, int]:
        """Number of the last sample of each writer that a reader hears."""
        if self._port is None:
            raise ConnectionError
        with closing(HTTPConnection(LOOPBACK, self._port, timeout=ANSWER_S)) as monitor:
            monitor.request("GET", "/")
            told = json.loads(monitor.getresponse().read())
        return {
            (self._topics[reader["guid"]], writer["guid"]): writer["last_seq"]
            for participant in told["proxy_participants"]
            for writer in participant["proxy_writers"]
            for reader in writer["local_readers"]
            if reader["guid"] in self._topics
        }


def _private_port() -> int | None:
    """A free port; None where only root may bind a socket to an interface, as in Linux before 5.7."""
    with socket.socket() as tried:
        tried.bind((LOOPBACK, 0))
        try:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, LOOPBACK_DEVICE)
        except PermissionError:
            return None
        return int(tried.getsockname()[1])


def _keep_from_network(port: int) -> bool:
    """Bind the monitor of this process, which listens to all networks, to the loopback interface."""
    for listener in _listeners():
        with listener:
            if listener.getsockname()[1] == port:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, LOOPBACK_DEVICE)
                return True
    return False


def _listeners() -> Iterator[socket.socket]:
    """Sockets of this process that wait for connections."""
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # no socket, or closed meanwhile
            found = socket.socket(fileno=os.dup(int(descriptor.name)))
            if found.family in (socket.AF_INET, socket.AF_INET6) and found.getsockopt(
                socket.SOL_SOCKET, socket.SO_ACCEPTCONN
            ):
                yield found
            else:
                found.close()
