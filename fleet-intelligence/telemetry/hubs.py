"""From Event Hubs into the store, by the Kafka protocol that they speak; any other Kafka is read alike.

Behind Azure IoT Operations the payloads of MQTT messages lie there, one hub a table. A position is committed when its
events are in the store; what is read again after a kill is known there by its key.

Source: learn.microsoft.com/azure/event-hubs/azure-event-hubs-apache-kafka-overview (port, OAUTHBEARER by Entra ID).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from physai.infrastructure.contracts import Contract

from ..errors import HubError
from .door import Door, Passed
from .eventhouse import Eventhouse
from .receive import GATHER, GATHER_S, Received, keep, open_payload
from .store import TelemetryStore
from .tables import BY_TOPIC
from .wire import ENCODING

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message

PORT = 9093
GROUP = "physai-ingest"
SESSION_MS = 10_000  # after which the partitions of a reader that was killed go to another

type Token = Callable[[], tuple[str, float]]
"""Gives an access token, and when it ends, in seconds since 1970."""


class Hubs(Contract):
    """Where hubs are, and who reads them."""

    bootstrap: str
    """`namespace.servicebus.windows.net:9093`, or `host:port` of another Kafka."""
    group: str = GROUP
    """Readers of one group share the partitions, and their position outlives them."""
    entra: bool = True
    """Log in to Event Hubs, over TLS. Another Kafka is read plainly."""

    @classmethod
    def of_namespace(cls, name: str, group: str = GROUP) -> "Hubs":
        """The hubs of an Event Hubs namespace."""
        host = name if "." in name else f"{name}.servicebus.windows.net"
        return cls(bootstrap=f"{host}:{PORT}", group=group)

    def settings(self, token: Token | None = None) -> dict[str, Any]:
        """What the Kafka client is told.

        Args:
            token: Instead of one for whoever this machine is logged in as.
        """
        settings: dict[str, Any] = {
            "bootstrap.servers": self.bootstrap,
            "group.id": self.group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": SESSION_MS,
            "topic.metadata.refresh.interval.ms": 10_000,
        }
        if self.entra:
            give = token or entra_token(self.bootstrap.partition(":")[0])
            settings |= {
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": "OAUTHBEARER",
                "oauth_cb": lambda _: give(),
            }
        return settings


def entra_token(host: str) -> Token:
    """Tokens for a namespace, of whoever this machine is logged in as."""
    from azure.identity import DefaultAzureCredential

    credential = DefaultAzureCredential()

    def give() -> tuple[str, float]:
        found = credential.get_token(f"https://{host}/.default")
        return found.token, float(found.expires_on)

    return give


class HubReader:
    """Reads the hub of every table."""

    def __init__(self, store: TelemetryStore, hubs: Hubs, onward: Eventhouse | None = None) -> None:
        """Prepare to read.

        Args:
            store: Keeps every event once.
            hubs: Where to read.
            onward: Told of every event too, before its position is committed.
        """
        from confluent_kafka import Consumer

        self._store, self._hubs, self._onward = store, hubs, onward
        self._consumer = Consumer({**hubs.settings(), "error_cb": self._told})
        self._trouble: KafkaError | None = None
        self.done = Received()

    def start(self) -> None:
        """Join the group; its partitions come with the first messages."""
        self._consumer.subscribe(sorted(BY_TOPIC))

    def stop(self) -> None:
        """Leave the group, so that another reader need not wait for this one's silence to be noticed."""
        self._consumer.close()

    def step(self, timeout_s: float = GATHER_S) -> Received:
        """Wait for messages, keep what they hold, commit the position.

        Raises:
            HubError: If the namespace cannot be reached or read, or a hub is not there.
        """
        messages = self._consumer.consume(GATHER, timeout_s)
        for message in messages:
            if error := message.error():
                raise HubError(self._hubs.bootstrap, message.topic() or "", error.str())
        if messages:
            self._trouble = None
            door = Door()
            batches = [_unpack(door, message) for message in messages]
            self.done = keep(self._store, self._onward, batches, self.done)
            self._commit()
        elif self._trouble is not None:
            raise HubError(self._hubs.bootstrap, "", self._trouble.str())
        return self.done

    def _commit(self) -> None:
        """The group may have given the partitions to another reader meanwhile: it reads again what the store knows."""
        from confluent_kafka import KafkaError, KafkaException

        lost = {KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID, KafkaError.REBALANCE_IN_PROGRESS}
        try:
            self._consumer.commit(asynchronous=False)
        except KafkaException as error:
            if error.args[0].code() not in lost:
                raise HubError(self._hubs.bootstrap, "", error.args[0].str()) from error

    def _told(self, error: "KafkaError") -> None:
        """The client goes on by itself after most errors; with no way to any broker, or no right to it, it cannot."""
        from confluent_kafka import KafkaError

        hopeless = {KafkaError._ALL_BROKERS_DOWN, KafkaError._AUTHENTICATION}
        if error.fatal() or error.code() in hopeless:
            self._trouble = error


def _unpack(door: Door, message: "Message") -> Passed:
    """What came through the door of one message. Who put it into the hub is for the hub's own rights to say."""
    name = message.topic() or ""
    where = f"{name}[{message.partition()}]@{message.offset()}"
    headers = dict(message.headers() or [])
    encoding = headers.get(ENCODING)
    encoding = encoding.decode(errors="replace") if isinstance(encoding, bytes) else encoding
    return open_payload(door, BY_TOPIC[name], message.value() or b"", encoding, where)
