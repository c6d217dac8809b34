"""What goes over MQTT 5: topics, payloads, and how a client meets a broker."""

import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import zstandard

from physai.infrastructure.contracts import Contract
from physai.infrastructure.kusto import Table

from ..errors import CredentialFileError
from .tables import BY_TOPIC

if TYPE_CHECKING:
    import paho.mqtt.client as mqtt

PREFIX = "physai/v1"
CONTENT_TYPE = "application/cloudevents-batch+json"  # CloudEvents 1.0, JSON batch format
ENCODING = "content-encoding"
MAX_PAYLOAD_BYTES = 16 * 2**20
SESSION_S = 7 * 24 * 3600
"""How long a broker keeps what a subscriber that is away has not heard."""


class OversizedError(Exception):
    """A payload is more than any batch of ours."""


class Broker(Contract):
    """Where a broker is and who we are to it."""

    host: str = "127.0.0.1"
    port: int = 1883
    ca: Path | None = None
    """Certificate of the authority behind the broker's; with it the connection is TLS."""
    certificate: Path | None = None
    """Our own, where the broker asks for one."""
    key: Path | None = None
    username: str | None = None
    password_file: Path | None = None
    compress: bool = True
    """Batches as zstd. Kusto and Fabric, behind Azure IoT Operations, want them plain."""

    def client(self, client_id: str, *, manual_ack: bool = False) -> "mqtt.Client":
        """A client that is not connected yet; it comes back by itself whenever the connection breaks.

        Raises:
            CredentialFileError: If the password, the authority, the certificate or its key cannot be read.
        """
        import paho.mqtt.client as mqtt
        from paho.mqtt.enums import CallbackAPIVersion

        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5, manual_ack=manual_ack
        )
        if self.username is not None:
            client.username_pw_set(self.username, self._password())
        if self.ca is not None:
            client.tls_set_context(self._tls(self.ca))
        client.reconnect_delay_set(min_delay=1, max_delay=30)
        return client

    def _password(self) -> str | None:
        if self.password_file is None:
            return None
        try:
            return self.password_file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CredentialFileError("--password-file", (self.password_file,), error) from error

    def _tls(self, ca: Path) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=str(ca))
        except OSError as error:  # ssl.SSLError is one
            raise CredentialFileError("--ca", (ca,), error) from error
        try:
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key)
        except OSError as error:
            files = tuple(path for path in (self.certificate, self.key) if path)
            raise CredentialFileError("--certificate, --key", files, error) from error
        return context

    def connect(self, client: "mqtt.Client", *, receive_maximum: int = 64) -> None:
        """Connect in the background, and keep at it; the session outlives the connection."""
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho's is not annotated
        properties.SessionExpiryInterval = SESSION_S
        properties.ReceiveMaximum = receive_maximum
        client.connect_async(self.host, self.port, keepalive=30, clean_start=False, properties=properties)
        client.loop_start()


def topic(source: str, table: str) -> str:
    """Where a robot's events of one table go: `physai/v1/<site>/<robot>/<table>`."""
    return f"{PREFIX}{source}/{table}"


def parse_topic(name: str) -> tuple[str, Table] | None:
    """The source that a topic belongs to, and its table; None if it is none of ours."""
    parts = name.removeprefix(f"{PREFIX}/").split("/")
    if not name.startswith(f"{PREFIX}/") or len(parts) != 3 or parts[2] not in BY_TOPIC:
        return None
    return f"/{parts[0]}/{parts[1]}", BY_TOPIC[parts[2]]


def pack_payload(bodies: Sequence[bytes], *, compress: bool = True) -> bytes:
    """A batch of events."""
    content = b"[" + b",".join(bodies) + b"]"
    return zstandard.ZstdCompressor(level=3).compress(content) if compress else content


def unpack_payload(payload: bytes, encoding: str | None) -> bytes:
    """A batch as JSON, never more than `MAX_PAYLOAD_BYTES` of it, whatever a hostile frame promises.

    Raises:
        OversizedError: If it is too large.
        ValueError: If it is damaged, or compressed in a way we do not know.
    """
    if encoding in (None, "identity"):
        content = payload
    elif encoding == "zstd":
        try:
            with zstandard.ZstdDecompressor(max_window_size=2**23).stream_reader(payload) as reader:
                content = reader.read(MAX_PAYLOAD_BYTES + 1)
        except zstandard.ZstdError as error:
            raise ValueError(f"not zstd: {error}") from error
    else:
        raise ValueError(f"content-encoding {encoding!r:.40} is unknown; known: zstd, identity")
    if len(content) > MAX_PAYLOAD_BYTES:
        raise OversizedError(f"more than {MAX_PAYLOAD_BYTES} bytes")
    return content
