"""Listens to ROS 2 topics over DDS; the bytes of a message are handed on as they came."""

import threading
import time
from collections.abc import Callable, Iterable

from cyclonedds.core import InstanceState, ReadCondition, SampleState, ViewState, WaitSet
from cyclonedds.domain import DomainParticipant
from cyclonedds.qos import Policy, Qos
from cyclonedds.topic import Topic
from cyclonedds.util import duration

from physai.infrastructure.contracts import TopicRule
from physai.infrastructure.ros2.definitions import Definitions
from physai.infrastructure.ros2.idl import Types, dds_name
from physai.infrastructure.ros2.reader import Reader
from physai.infrastructure.ros2.sequences import Losses, monitored

from ..buffer import Buffer
from ..errors import ListenError
from ..sample import Sample
from ..source import Channel, Health
from .service import TriggerService

NEW = ViewState.Any | InstanceState.Any | SampleState.NotRead
WAIT = duration(milliseconds=100)  # how soon `finish` is noticed
REST_S = 2.0  # for what waits in the middleware at the end
ROOMY = (
    "<CycloneDDS><Domain id='any'><Internal><SocketReceiveBufferSize max='64 MiB'/></Internal></Domain></CycloneDDS>"
)
"""What arrives while the process is not scheduled waits in the kernel, which grants up to `net.core.rmem_max`; Cyclone
by itself asks for 1 MiB, which is one raw image of 640x480."""
PAUSE_S = 0.002  # for the listening thread, while losses are counted


class DdsSource:
    """The topics of a config, heard over DDS."""

    def __init__(self, rules: Iterable[TopicRule], definitions: Definitions, domain: int) -> None:
        """Subscribe; samples wait in the middleware until `start`.

        Args:
            rules: Topics with their types.
            definitions: Where the types are defined.
            domain: DDS domain, ROS 2's `ROS_DOMAIN_ID`.

        Raises:
            Ros2Error: If a type, or one in it, is not defined.
        """
        port = monitored(domain, ROOMY)  # before the first participant, which would make the domain without
        self._participant = DomainParticipant(domain)
        self._readers: dict[str, Reader] = {}
        self.channels: dict[str, Channel] = {}
        types = Types(definitions)
        for rule in rules:
            definitions.require(rule.topic, rule.type)
            topic = Topic(self._participant, dds_name(rule.topic), types.of(rule.type), qos=_qos(rule))
            self._readers[rule.topic] = Reader(self._participant, topic, qos=_qos(rule))
            self.channels[rule.topic] = Channel(
                rule.type, definitions.text(rule.type), definitions.has_header(rule.type)
            )
        self._losses = Losses(port, self._readers)
        self._services: list[TriggerService] = []
        self._stop, self._ended = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._error: ListenError | None = None

    def serve(self, service: str, fire: Callable[[], None]) -> None:
        """Answer calls of a service by `fire`; before `start`."""
        self._services.append(TriggerService(self._participant, service, fire))

    def start(self, buffer: Buffer) -> None:
        """Begin to hand over what arrives."""
        self._thread = threading.Thread(target=self._listen, args=(buffer,), name="dds", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether all was handed over after `finish`.

        Raises:
            ListenError: If the listening thread failed.
        """
        if self._ended.is_set() and self._error:
            raise self._error
        return self._ended.is_set()

    def now_ns(self) -> int:
        """The clock."""
        return time.time_ns()

    def health(self, *, settled: bool = False) -> Health:
        """How the way to the publishers is."""
        if settled and not self.ended:
            self._losses.settle(lambda: time.sleep(PAUSE_S))
        elif not self.ended:  # nobody takes any more; the last count stands
            self._losses.look()
        return Health(
            lost=self._losses.lost(),
            publishers={topic: len(reader.get_matched_publications()) for topic, reader in self._readers.items()},
            unheard={
                topic: "its publisher offers less than is asked for; set reliability: best-effort, or latched: false"
                for topic, reader in self._readers.items()
                if reader.refused
            },
        )

    def finish(self) -> None:
        """Hand over what has arrived, and then no more."""
        self._stop.set()

    def close(self) -> None:
        """Unsubscribe."""
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _listen(self, buffer: Buffer) -> None:
        waitset = WaitSet(self._participant)
        for reader in (*self._readers.values(), *(service.reader for service in self._services)):
            waitset.attach(ReadCondition(reader, NEW))
            waitset.attach(reader)
        try:
            while not self._stop.is_set():
                waitset.wait(WAIT)
                if sum(reader.met() for reader in self._readers.values()):
                    self._losses.look()  # so that what is lost is counted from a publisher's first message on
                self._take(buffer)
                for service in self._services:
                    service.answer()
            until = time.monotonic() + REST_S
            while self._take(buffer) and time.monotonic() < until:
                pass
            self._losses.settle(lambda: self._take(buffer))
        except Exception as error:  # noqa: BLE001  raised again by the thread that records
            self._error = ListenError("dds", " ".join(f"{type(error).__name__}: {error}".split()))
        finally:
            self._ended.set()

    def _take(self, buffer: Buffer) -> bool:
        """Hand over what has arrived; whether there was something."""
        some = False
        for topic, reader in self._readers.items():
            taken = reader.take_raw()
            some = some or bool(taken)
            for data, source_ns, publisher in taken:  # each at a time of its own, which is all that some have
                buffer.put(Sample(topic, data, time.time_ns(), source_ns, publisher))
        return some


def _qos(rule: TopicRule) -> Qos:
    reliability = (
        Policy.Reliability.Reliable(duration(seconds=1))
        if rule.reliability == "reliable"
        else Policy.Reliability.BestEffort
    )
    return Qos(
        reliability,
        Policy.Durability.TransientLocal if rule.latched else Policy.Durability.Volatile,
        Policy.History.KeepAll,  # our own buffer decides what is dropped, and counts it
        Policy.DataRepresentation(use_cdrv0_representation=True),  # what ROS 2 speaks, and what MCAP calls cdr
    )
