"""From the broker into the store: acknowledged when kept, so that nothing is lost; by key, so that nothing is twice."""

import queue
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from physai.infrastructure.contracts import Contract
from physai.infrastructure.kusto import Table

from .door import Door, Passed, Refusal, refuse
from .eventhouse import Eventhouse
from .store import EPISODES, TelemetryStore
from .wire import ENCODING, PREFIX, Broker, OversizedError, parse_topic, unpack_payload

if TYPE_CHECKING:
    import paho.mqtt.client as mqtt

GATHER_S = 0.2  # an event is on the page within 2 s
GATHER = 256  # messages
CLIENT_ID = "physai-ingest"


class Received(Contract):
    """What a receiver has done so far."""

    messages: int = 0
    added: int = 0
    duplicates: int = 0
    refused: int = 0


class Receiver:
    """A subscriber with a session of its own: while it is away, the broker keeps what it has not acknowledged."""

    def __init__(self, store: TelemetryStore, broker: Broker, onward: Eventhouse | None = None) -> None:
        """Prepare to listen.

        Args:
            store: Keeps every event once.
            broker: Where to listen; the session is of one name, so one receiver at a time.
            onward: Told of every event too, before it is acknowledged.
        """
        self._onward = onward
        self._store = store
        self._broker = broker
        self._connection = 0
        self._inbox: queue.Queue[tuple[int, mqtt.MQTTMessage]] = queue.Queue()
        self._client = broker.client(CLIENT_ID, manual_ack=True)
        self._client.on_connect = self._connected
        self._client.on_disconnect = lambda *_: self._away("it has gone away")
        self._client.on_message = lambda _client, _data, message: self._inbox.put((self._connection, message))
        self.done = Received()
        self.trouble: str | None = "nobody answers"
        """Why there is no connection; None while there is one. It is tried again all the time."""

    def start(self) -> None:
        """Listen, now or when the broker is there."""
        self._broker.connect(self._client, receive_maximum=GATHER)

    def stop(self) -> None:
        """Stop; the broker keeps what comes."""
        self._client.disconnect()
        self._client.loop_stop()

    def step(self, timeout_s: float = GATHER_S) -> Received:
        """Wait for messages, keep what they hold, acknowledge them."""
        messages = self._gather(timeout_s)
        if messages:
            door = Door()
            done = keep(self._store, self._onward, [unpack(door, message) for _, message in messages], self.done)
            for connection, message in messages:
                if connection == self._connection:  # a message id of an earlier one may mean another message by now
                    self._client.ack(message.mid, message.qos)
            self.done = done
        return self.done

    def _gather(self, timeout_s: float) -> list[tuple[int, "mqtt.MQTTMessage"]]:
        deadline = time.monotonic() + timeout_s
        messages: list[tuple[int, mqtt.MQTTMessage]] = []
        while len(messages) < GATHER:
            try:
                messages.append(self._inbox.get(timeout=max(deadline - time.monotonic(), 0.001)))
            except queue.Empty:
                break
        return messages

    def _connected(self, client: "mqtt.Client", _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._connection += 1
        if reason.is_failure:
            self._away(f"it refuses us ({reason})")
        else:
            self.trouble = None
            client.subscribe(f"{PREFIX}/+/+/+", qos=1)

    def _away(self, why: str) -> None:
        self.trouble = why if self.trouble is None or why.startswith("it refuses") else self.trouble


def unpack(door: Door, message: "mqtt.MQTTMessage") -> Passed:
    """What came through the door of one message."""
    known = parse_topic(message.topic)
    if known is None:
        refusal = Refusal(where=message.topic, reason="malformed", why=f"not a topic {PREFIX}/<site>/<robot>/<table>")
        return refuse(EPISODES, refusal)
    source, table = known
    pairs = dict(getattr(message.properties, "UserProperty", []))
    return open_payload(door, table, bytes(message.payload), pairs.get(ENCODING), message.topic, source)


def open_payload(
    door: Door, table: Table, payload: bytes, encoding: str | None, where: str, source: str | None = None
) -> Passed:
    """What came through the door of one payload, compressed or not; arguments as those of `Door.take`."""
    try:
        content = unpack_payload(payload, encoding)
    except OversizedError as error:
        return refuse(table, Refusal(where=where, reason="oversized", why=str(error)))
    except ValueError as error:
        return refuse(table, Refusal(where=where, reason="malformed", why=str(error)))
    return door.take(table, content, where, source)


def keep(store: TelemetryStore, onward: Eventhouse | None, batches: Sequence[Passed], before: Received) -> Received:
    """Put what came through the door of some messages into the store, then send it on; what has been done by now."""
    taken = store.take(batches)
    if onward is not None:
        for batch in batches:
            onward.take(batch)
    return Received(
        messages=before.messages + len(batches),
        added=before.added + taken.added,
        duplicates=before.duplicates + taken.duplicates,
        refused=before.refused + len(taken.conflicts) + sum(len(batch.refused) for batch in batches),
    )
