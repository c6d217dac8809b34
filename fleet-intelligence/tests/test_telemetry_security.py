"""Who may say what: TLS, passwords, topic ACLs, and payloads made to harm."""

import datetime
import ipaddress
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from physai.fleet_intelligence.errors import CredentialFileError
from physai.fleet_intelligence.telemetry.agent.agent import TelemetryAgent
from physai.fleet_intelligence.telemetry.receive import Receiver
from physai.fleet_intelligence.telemetry.store import TelemetryStore
from physai.fleet_intelligence.telemetry.wire import MAX_PAYLOAD_BYTES, Broker, pack_payload, topic, unpack_payload

from .make_events import episode
from .mqtt_broker import Mosquitto, needs_mosquitto

ACL = """
user ingest
topic read physai/v1/#
pattern write physai/v1/+/%u/#
"""


def authority(folder: Path, name: str) -> Path:
    """A CA and a server certificate for 127.0.0.1 signed by it; `<name>-ca.pem`, `<name>.pem`, `<name>.key`."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} CA")])
    now = datetime.datetime.now(datetime.UTC)

    def build(subject: x509.Name, public: ec.EllipticCurvePublicKey, *, ca: bool) -> x509.Certificate:
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        )
        if ca:
            usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
            made = made.add_extension(usage, critical=True)
        else:
            address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            made = made.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        return made.sign(ca_key, hashes.SHA256())

    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    pem = serialization.Encoding.PEM
    (folder / f"{name}-ca.pem").write_bytes(build(issuer, ca_key.public_key(), ca=True).public_bytes(pem))
    (folder / f"{name}.pem").write_bytes(build(subject, key.public_key(), ca=False).public_bytes(pem))
    plain = serialization.NoEncryption()
    (folder / f"{name}.key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return folder / f"{name}-ca.pem"


@pytest.fixture
def fortress(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker with TLS, passwords and one ACL for all robots."""
    folder = tmp_path / "fortress"
    folder.mkdir()
    authority(folder, "broker")
    (folder / "acl").write_text(ACL)
    (folder / "acl").chmod(0o600)
    (folder / "passwords").touch()
    for user in ("ingest", "robot-1"):
        (folder / user).write_text(f"secret of {user}\n")
        command = ["mosquitto_passwd", "-b", str(folder / "passwords"), user, f"secret of {user}"]
        subprocess.run(command, check=True, capture_output=True)
    for path in folder.iterdir():
        path.chmod(0o644)
    folder.chmod(0o777)
    running = Mosquitto(
        folder,
        [
            "allow_anonymous false",
            f"password_file {folder / 'passwords'}",
            f"acl_file {folder / 'acl'}",
            f"certfile {folder / 'broker.pem'}",
            f"keyfile {folder / 'broker.key'}",
        ],
    ).start()
    yield running
    running.stop()


def as_user(broker: Mosquitto, folder: Path, user: str) -> Broker:
    home = folder / "fortress"
    return Broker(port=broker.port, ca=home / "broker-ca.pem", username=user, password_file=home / user)


def poll(receiver: Receiver, events: int) -> None:
    for _ in range(200):
        if receiver.step(0.1).added >= events:
            return
    raise AssertionError(f"{receiver.done}")


@pytest.mark.mosquitto
@needs_mosquitto[1]
def test_a_robot_speaks_over_tls_and_only_in_its_own_name(tmp_path: Path, fortress: Mosquitto) -> None:
    store = TelemetryStore(tmp_path / "telemetry.duckdb")
    receiver = Receiver(store, as_user(fortress, tmp_path, "ingest"))
    receiver.start()
    receiver.step(0.5)
    with TelemetryAgent(
        tmp_path / "two", "plant-1", "robot-2", broker=as_user(fortress, tmp_path, "robot-1")
    ) as impostor:
        impostor.tell([episode(7, robot="robot-2")])
        with TelemetryAgent(
            tmp_path / "one", "plant-1", "robot-1", broker=as_user(fortress, tmp_path, "robot-1")
        ) as agent:
            agent.tell([episode(1), episode(2, robot="robot-2")])
            poll(receiver, 1)
            assert agent.outbox.waiting == 0
        for _ in range(100):
            if impostor._sender is not None and impostor._sender.refused:
                break
            receiver.step(0.1)
        assert impostor._sender is not None
        assert impostor._sender.refused >= 1
        assert impostor.outbox.waiting == 1, "what the broker refuses is kept"
    receiver.stop()
    assert [event.data.episode for event in store.events()] == [1]
    assert store.refusals() == {"foreign": 1}, "robot-2's episode on robot-1's topic"


@pytest.mark.mosquitto
@needs_mosquitto[1]
# paho 2.2 leaves the socket of a failed TLS handshake to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("wrong", ["authority", "password", "no tls"])
def test_who_is_not_sure_of_the_other_sends_nothing(tmp_path: Path, fortress: Mosquitto, wrong: str) -> None:
    good = as_user(fortress, tmp_path, "robot-1")
    (tmp_path / "guess").write_text("guess")
    broker = {
        "authority": good.model_copy(update={"ca": authority(tmp_path, "other")}),
        "password": good.model_copy(update={"password_file": tmp_path / "guess"}),
        "no tls": good.model_copy(update={"ca": None}),
    }[wrong]
    connected = []
    client = broker.client("probe")
    client.on_connect = lambda _c, _d, _f, reason, _p: connected.append(reason.is_failure)
    client.on_connect_fail = lambda *_: connected.append(True)
    client.on_disconnect = lambda *_: connected.append(True)
    broker.connect(client)
    for _ in range(100):
        if connected:
            break
        client._thread.join(0.05)
    client.loop_stop()
    assert connected
    assert all(connected)


def hostile() -> dict[str, tuple[str, bytes, str]]:
    """Name → topic, payload, encoding."""
    home = topic("/plant-1/robot-1", "episodes")
    bomb = zstandard.ZstdCompressor(level=19).compress(b"[" + b" " * (2 * MAX_PAYLOAD_BYTES))
    good = episode(0).model_dump_json().encode()
    return {
        "no zstd": (home, b"plain", "zstd"),
        "a bomb": (home, bomb, "zstd"),
        "an unknown encoding": (home, b"[]", "br"),
        "no JSON": (home, b"\xff\xfe", "identity"),
        "not an array": (home, good, "identity"),
        "a damaged frame": (home, pack_payload([good])[:-9], "zstd"),
        "no such table": (topic("/plant-1/robot-1", "passwords"), b"[]", "identity"),
        "SQL": (
            home,
            f"[{good.decode().replace('reach-1', chr(39) + '; DROP TABLE Episodes; --')}]".encode(),
            "identity",
        ),
        "depth": (home, b"[" * 100_000, "identity"),
    }


@pytest.mark.mosquitto
@needs_mosquitto[1]
def test_hostile_payloads_are_refused_counted_and_never_fatal(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path / "broker").start()
    store = TelemetryStore(tmp_path / "telemetry.duckdb")
    receiver = Receiver(store, Broker(port=broker.port))
    receiver.start()
    receiver.step(0.5)
    client = Broker(port=broker.port).client("hostile")
    Broker(port=broker.port).connect(client)
    for name, payload, encoding in hostile().values():
        properties = Properties(PacketTypes.PUBLISH)
        properties.UserProperty = ("content-encoding", encoding)
        client.publish(name, payload, qos=1, properties=properties).wait_for_publish(10)
    with TelemetryAgent(tmp_path / "robot", "plant-1", "robot-1", broker=Broker(port=broker.port)) as agent:
        agent.tell([episode(1)])
        poll(receiver, 2)
    for _ in range(50):
        if receiver.done.messages == len(hostile()) + 1:
            break
        receiver.step(0.1)
    client.disconnect()
    client.loop_stop()
    receiver.stop()
    broker.stop()
    assert receiver.done.refused == 8, "all but the one whose text only looks like SQL"
    assert store.refusals() == {"malformed": 7, "oversized": 1}
    assert [event.data.release for event in store.events()] == ["'; DROP TABLE Episodes; --", "reach-1"]


def test_a_replayed_event_is_counted_as_known(tmp_path: Path) -> None:
    store = TelemetryStore(tmp_path / "telemetry.duckdb")
    store.add([episode(0)])
    again = store.add([episode(0), episode(0), episode(0, success=False)])
    assert (again.added, again.duplicates, again.conflicts) == (0, 2, (episode(0).id,))
    assert store.refusals() == {"conflict": 1}


def test_what_is_packed_is_unpacked() -> None:
    bodies = [episode(number).model_dump_json().encode() for number in range(3)]
    packed = pack_payload(bodies)
    assert len(packed) < len(bodies[0])
    assert [each["data"]["episode"] for each in json.loads(unpack_payload(packed, "zstd"))] == [0, 1, 2]


@pytest.mark.parametrize("what", ["ca", "certificate", "password_file"])
@pytest.mark.parametrize("there", [True, False])
def test_a_file_that_is_no_credential_is_named(tmp_path: Path, what: str, there: bool) -> None:
    authority(tmp_path, "plant")
    path = tmp_path / "surprise"
    if there:
        path.write_bytes(b"\xff nonsense")
    given = {"ca": tmp_path / "plant-ca.pem", "username": "robot-1", what: path}
    with pytest.raises(CredentialFileError, match=f"surprise: not what --{what.replace('_', '-')}"):
        Broker(**given).client("x")


@pytest.mark.mosquitto
@needs_mosquitto[1]
def test_a_robot_is_known_by_its_certificate(tmp_path: Path) -> None:
    folder = tmp_path / "broker"
    folder.mkdir()
    for name in ("broker", "robot-1", "ingest"):
        authority(folder, name)
    (folder / "known.pem").write_bytes(
        (folder / "robot-1-ca.pem").read_bytes() + (folder / "ingest-ca.pem").read_bytes()
    )
    (folder / "acl").write_text(ACL)
    (folder / "acl").chmod(0o600)
    running = Mosquitto(
        folder,
        [
            *(f"{word} {folder / file}" for word, file in (("certfile", "broker.pem"), ("keyfile", "broker.key"))),
            f"cafile {folder / 'known.pem'}",
            "require_certificate true",
            "use_identity_as_username true",
            f"acl_file {folder / 'acl'}",
        ],
    ).start()

    def known_as(name: str) -> Broker:
        files = {"certificate": folder / f"{name}.pem", "key": folder / f"{name}.key"}
        return Broker(port=running.port, ca=folder / "broker-ca.pem", compress=False, **files)

    receiver = Receiver(TelemetryStore(tmp_path / "t.duckdb"), known_as("ingest"))
    receiver.start()
    receiver.step(0.5)
    nobody = Broker(port=running.port, ca=folder / "broker-ca.pem")
    with TelemetryAgent(tmp_path / "one", "plant-1", "robot-1", broker=known_as("robot-1")) as agent:
        agent.tell([episode(1)])
        poll(receiver, 1)
    with (
        TelemetryAgent(tmp_path / "two", "plant-1", "robot-2", broker=known_as("robot-1")) as impostor,
        TelemetryAgent(tmp_path / "none", "plant-1", "robot-1", broker=nobody) as stranger,
    ):
        impostor.tell([episode(2, robot="robot-2")])
        stranger.tell([episode(3)])
        for _ in range(15):
            receiver.step(0.1)
        assert (impostor.outbox.waiting, stranger.outbox.waiting) == (1, 1)
    receiver.stop()
    running.stop()
    assert receiver.done.added == 1
