"""What happens to files, told over MQTT; nobody waits for the broker, and a broker that is away costs only the news."""

import threading
from datetime import UTC, datetime
from typing import Any, Literal, Self
from uuid import uuid4

from pydantic import AwareDatetime

from physai.infrastructure.contracts import Contract, Digest

from .errors import BrokerError

Kind = Literal["sent", "verified", "failed", "removed"]
WAITING = 1000  # messages kept while the broker is away; beyond that, new ones are dropped and counted
GRACE_S = 2.0  # for the last messages, at the end


class TransferEvent(Contract):
    """Something that happened to a file. A CloudEvent (cloudevents.io, 1.0) in JSON."""

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str
    """Folder that it comes from."""
    type: str
    """`physai.transfer.sent.v1`, `.verified.v1`, `.failed.v1`, `.removed.v1`."""
    time: AwareDatetime
    subject: str
    """Key of the file in the store."""
    data: dict[str, str | int]


class Silent:
    """Tells nobody."""

    dropped = 0

    def tell(self, kind: Kind, subject: str, digest: Digest | None, size_bytes: int, error: str = "") -> None:
        """Say nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return


class News(Silent):
    """Publishes to a broker, from paho's own thread."""

    def __init__(self, broker: str, topic: str, source: str) -> None:
        """Begin to connect.

        Raises:
            BrokerError: If the address is none.
        """
        import paho.mqtt.client as mqtt
        from paho.mqtt.enums import CallbackAPIVersion

        host, _, port = broker.partition(":")
        if not host or not (port or "1883").isdecimal():
            raise BrokerError(broker)
        self._topic, self._source = topic, source
        self._lock = threading.Lock()
        self._last: Any = None
        self.dropped = 0
        """Events that found the waiting line full."""
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.max_queued_messages_set(WAITING)
        self._client.connect_async(host, int(port or "1883"))
        self._client.loop_start()

    def tell(self, kind: Kind, subject: str, digest: Digest | None, size_bytes: int, error: str = "") -> None:
        """Hand an event to the client's thread; returns at once."""
        event = TransferEvent(
            id=str(uuid4()),
            source=self._source,
            type=f"physai.transfer.{kind}.v1",
            time=datetime.now(UTC),
            subject=subject,
            data={"digest": digest or "", "size_bytes": size_bytes, "error": error},
        )
        sent = self._client.publish(f"{self._topic}/{kind}", event.model_dump_json(), qos=1)
        if sent.rc == 15:  # MQTT_ERR_QUEUE_SIZE
            self.dropped += 1
        else:
            self._last = sent

    def __exit__(self, *_: object) -> None:
        if self._last is not None and self._client.is_connected():
            self._last.wait_for_publish(GRACE_S)
        self._client.disconnect()
        self._client.loop_stop()
