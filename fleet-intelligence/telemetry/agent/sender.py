"""From the outbox to the broker, each batch until it is acknowledged."""

import queue
import threading
from time import monotonic
from typing import TYPE_CHECKING, Any

from ..wire import CONTENT_TYPE, ENCODING, Broker, pack_payload, topic
from .outbox import Letter, Outbox

if TYPE_CHECKING:
    from paho.mqtt.properties import Properties

BATCH = 500  # events in a message: some 250 KB, 50 KB compressed
IN_FLIGHT = 16  # messages on their way; a broker's default limit is 20
IDLE_S = 0.1
RETRY_S = 5.0  # after the broker has refused one, e.g. for lack of rights that somebody is about to grant


class Sender:
    """A thread that empties an outbox. A message that a broker refuses stays in the outbox and is tried again."""

    def __init__(self, outbox: Outbox, broker: Broker, source: str) -> None:
        self._outbox, self._source, self._broker = outbox, source, broker
        self._answers: queue.SimpleQueue[tuple[int, bool] | None] = queue.SimpleQueue()
        self._letters: dict[int, Letter] = {}
        self._last: dict[str, int] = {}  # topic → number of its newest event that is on its way
        self._wait_until_s = 0.0
        self._stopping = threading.Event()
        self.refused = 0
        """Messages that the broker did not take."""
        self._client = broker.client(f"physai-agent-{outbox.id}")
        self._client.max_inflight_messages_set(IN_FLIGHT)
        self._client.on_publish = self._answered
        self._thread = threading.Thread(target=self._run, name="telemetry-sender", daemon=True)

    def start(self) -> None:
        """Begin to send, now or when the broker is there."""
        self._broker.connect(self._client)
        self._thread.start()

    def stop(self) -> None:
        """Stop; what is not acknowledged stays in the outbox."""
        self._stopping.set()
        self.wake()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    def wake(self) -> None:
        """There is something new to send."""
        self._answers.put(None)

    def _answered(self, _client: Any, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        """Called by the network's thread, which holds locks that `publish` wants: leave it to ours."""
        self._answers.put((mid, reason.is_failure))

    def _run(self) -> None:
        while not self._stopping.is_set():
            busy = self._send()
            try:
                answer = self._answers.get(timeout=0.001 if busy else IDLE_S)
            except queue.Empty:
                continue
            if answer is not None:
                self._settle(*answer)

    def _send(self) -> bool:
        """Send one letter if there is one and it may go."""
        if len(self._letters) >= IN_FLIGHT or monotonic() < self._wait_until_s or not self._client.is_connected():
            return False
        letter = self._outbox.next(self._last, BATCH)
        if letter is None:
            return False
        self._last[letter.topic] = letter.numbers[-1]
        compress = self._broker.compress
        payload, properties = pack_payload(letter.bodies, compress=compress), _properties(compress=compress)
        sent = self._client.publish(topic(self._source, letter.topic), payload, qos=1, properties=properties)
        self._letters[sent.mid] = letter
        return True

    def _settle(self, mid: int, failed: bool) -> None:
        letter = self._letters.pop(mid)
        if failed:
            self.refused += 1
            self._wait_until_s = monotonic() + RETRY_S
            self._last[letter.topic] = min(self._last[letter.topic], letter.numbers[0] - 1)
        else:
            self._outbox.sent(letter)


def _properties(*, compress: bool) -> "Properties":
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call] # paho's is not annotated
    properties.ContentType = CONTENT_TYPE
    properties.UserProperty = (ENCODING, "zstd" if compress else "identity")
    return properties
