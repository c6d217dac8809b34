"""The two ends of the wire: a robot that sends, and a place that receives."""

import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from physai.infrastructure.console import Json, show, stderr
from physai.infrastructure.contracts import Contract
from physai.infrastructure.settings import settings

from ..errors import BrokerError, ForeignEventsError, SilentBrokerError
from .store_option import StorePath, open_telemetry
from .wire import Broker

if TYPE_CHECKING:
    from .agent.agent import TelemetryAgent

app = typer.Typer()

DRAIN_S = 5.0  # at the end of listening
PATIENCE_S = 5.0  # with a broker that does not answer

Host = Annotated[str, typer.Option("--host", help="Of the MQTT 5 broker.")]
Port = Annotated[int, typer.Option("--port", min=1, max=65535, help="Of the broker; 8883 is usual with TLS.")]
Ca = Annotated[Path | None, typer.Option("--ca", help="Certificate of the broker's authority; with it, TLS.")]
Username = Annotated[str | None, typer.Option("--username", help="A robot's is its name.")]
PasswordFile = Annotated[Path | None, typer.Option("--password-file", help="Of that user.")]
Certificate = Annotated[
    Path | None, typer.Option("--certificate", help="The robot's own, where the broker asks for one.")
]
Key = Annotated[Path | None, typer.Option("--key", help="Of that certificate.")]
Uncompressed = Annotated[bool, typer.Option("--uncompressed", help="For Azure IoT Operations.")]


class Sent(Contract):
    """What a robot has sent."""

    events: int
    waiting: int


@app.command()
def send(
    paths: Annotated[list[Path], typer.Argument(help="Event files of the robot, or folders that hold some.")],
    site: Annotated[str, typer.Option(help="Where the robot works.")],
    robot: Annotated[str, typer.Option(help="Its name.")],
    host: Host = "127.0.0.1",
    port: Port = 1883,
    ca: Ca = None,
    username: Username = None,
    password_file: PasswordFile = None,
    certificate: Certificate = None,
    key: Key = None,
    uncompressed: Uncompressed = False,
    health: Annotated[bool, typer.Option(help="Tell of the hardware too.")] = True,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long to wait for the broker.")] = 30.0,
    as_json: Json = False,
) -> None:
    """Send a robot's events to the broker; what does not arrive waits in the robot's outbox for the next time.

    Example: physai fleet-intelligence telemetry send out/robot-1 --site plant-1 --robot robot-1
    """
    from .agent.agent import TelemetryAgent
    from .reading import find_event_files, read_events

    batches = [read_events(path) for path in find_event_files(paths)]
    for refusal in (refusal for batch in batches for refusal in batch.refused):
        stderr.print(f"left out {refusal.where}: {refusal.why}", markup=False, highlight=False, soft_wrap=True)
    events = [event for batch in batches for event in batch.events]
    for event in events:
        if event.source != f"/{site}/{robot}":  # whoever receives it would refuse it, and it would be gone
            raise ForeignEventsError(event.source, site, robot)
    broker = _broker(host, port, ca, username, password_file, certificate, key, uncompressed)
    home = settings().home / "robots" / robot
    with TelemetryAgent(home, site, robot, broker=broker) as agent:
        agent.tell(events)
        if health:
            agent.health()
        waiting = _drain(agent, seconds)
    if waiting:
        raise BrokerError(host, port, waiting, seconds)
    show(Sent(events=len(events) + health, waiting=waiting), as_json, f"{len(events) + health} events sent")


class Listened(Contract):
    """What a robot's topics have told."""

    messages: int
    """Heard on all topics."""
    episodes: int
    events: int
    """That these messages became, episodes and health included."""
    refusals: int
    """Messages that were not what they should be."""
    refused: tuple[str, ...]
    """Why, of the first twenty."""
    waiting: int
    """Events that the broker does not have yet; they stay in the outbox."""


@app.command()
def listen(
    topics: Annotated[Path, typer.Argument(help="YAML file: the robot, its policy, and its topics.")],
    host: Host = "127.0.0.1",
    port: Port = 1883,
    ca: Ca = None,
    username: Username = None,
    password_file: PasswordFile = None,
    certificate: Certificate = None,
    key: Key = None,
    uncompressed: Uncompressed = False,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="Stop after; by default, at SIGTERM or Ctrl-C.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Hear a robot's ROS 2 topics over DDS, without ROS, sum them up, and send what they tell to the broker.

    Example: physai fleet-intelligence telemetry listen robot-1.yaml --host broker.plant-1 --ca ca.pem
    """
    from physai.infrastructure.ros2.definitions import Definitions
    from physai.infrastructure.ros2.listener import Listener

    from .agent.agent import TelemetryAgent
    from .agent.topics import WAITING, AgentTopics, TopicListener

    asked = AgentTopics.read(topics)
    definitions = Definitions(asked.definitions)
    broker = _broker(host, port, ca, username, password_file, certificate, key, uncompressed)
    until_s = None if seconds is None else time.monotonic() + seconds
    home = settings().home / "robots" / asked.robot
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):  # what the open windows hold is told first
        signal.signal(number, lambda *_: over.set())
    with TelemetryAgent(home, asked.site, asked.robot, asked.cohort, broker=broker) as agent:
        hearing = TopicListener(asked, agent, definitions)
        listener = Listener(asked.types, definitions, asked.domain, depth=WAITING)
        stderr.print(f"listening to {', '.join(asked.types)} in domain {asked.domain}", highlight=False)
        hearing.run(listener, lambda: over.is_set() or (until_s is not None and time.monotonic() >= until_s))
        waiting = _drain(agent, DRAIN_S)
    done = Listened(
        messages=hearing.messages,
        episodes=hearing.episodes,
        events=agent.told,
        refusals=hearing.refusals,
        refused=tuple(hearing.refused),
        waiting=waiting,
    )
    if waiting:
        stderr.print(f"{host}:{port}: has not taken {waiting} events; they are sent when you listen or send again")
    heard = f"{done.messages} messages became {done.events} events, {done.episodes} of them episodes"
    show(done, as_json, f"{heard}; {done.refusals} messages refused, {waiting} events wait")


@app.command()
def receive(
    host: Host = "127.0.0.1",
    port: Port = 1883,
    ca: Ca = None,
    username: Username = None,
    password_file: PasswordFile = None,
    event_hubs: Annotated[str | None, typer.Option(help="Namespace to read instead of a broker.")] = None,
    kafka: Annotated[str | None, typer.Option(help="Another Kafka to read instead, host:port.")] = None,
    eventhouse: Annotated[str | None, typer.Option(help="URI of a Kusto cluster to send on to.")] = None,
    database: Annotated[str, typer.Option(help="Its database.")] = "Fleet",
    seconds: Annotated[float | None, typer.Option(min=0.1, help="Stop after; by default, never.")] = None,
    store: StorePath = None,
    as_json: Json = False,
) -> None:
    """Keep what robots send to a broker, or what Event Hubs hold, each event once, until it is stopped.

    Example: physai fleet-intelligence telemetry receive --host broker.plant-1 --ca ca.pem --username ingest
    """
    from .eventhouse import Eventhouse
    from .hubs import HubReader, Hubs
    from .receive import Received, Receiver

    kept = open_telemetry(store)
    onward = Eventhouse.at(eventhouse, database) if eventhouse else None
    receiver: Receiver | HubReader
    if event_hubs or kafka:
        hubs = Hubs.of_namespace(event_hubs) if event_hubs else Hubs(bootstrap=str(kafka), entra=False)
        receiver, place = HubReader(kept, hubs, onward), hubs.bootstrap
    else:
        broker = Broker(host=host, port=port, ca=ca, username=username, password_file=password_file)
        receiver, place = Receiver(kept, broker, onward), f"{host}:{port}"
    receiver.start()
    stderr.print(f"listening to {place}", highlight=False)
    start_s, said = time.monotonic(), False
    try:
        while seconds is None or time.monotonic() < start_s + seconds:
            before = receiver.done
            if receiver.step() != before:
                stderr.print(_words(receiver.done.added, receiver.done.duplicates, receiver.done.refused))
            trouble = receiver.trouble if isinstance(receiver, Receiver) else None
            if trouble and not said and time.monotonic() > start_s + PATIENCE_S:
                stderr.print(f"{place}: {trouble}; trying again", highlight=False)
            said = trouble is not None and time.monotonic() > start_s + PATIENCE_S
    finally:
        trouble = receiver.trouble if isinstance(receiver, Receiver) else None
        receiver.stop()
    done = receiver.done
    if trouble and done == Received():
        raise SilentBrokerError(place, trouble)
    show(done, as_json, _words(done.added, done.duplicates, done.refused))


def _broker(
    host: str,
    port: int,
    ca: Path | None,
    username: str | None,
    password_file: Path | None,
    certificate: Path | None,
    key: Path | None,
    uncompressed: bool,
) -> Broker:
    """The broker that a robot's options name."""
    place = Broker(host=host, port=port, ca=ca, username=username, password_file=password_file)
    return place.model_copy(update={"certificate": certificate, "key": key, "compress": not uncompressed})


def _drain(agent: "TelemetryAgent", seconds: float) -> int:
    """Wait until the broker has all; how many events it does not have after so long."""
    deadline = time.monotonic() + seconds
    while (waiting := agent.outbox.waiting) and time.monotonic() < deadline:
        time.sleep(0.05)
    return waiting


def _words(added: int, duplicates: int, refused: int) -> str:
    return f"{added} added, {duplicates} known already, {refused} refused"


@app.command()
def tables(
    folder: Annotated[Path, typer.Argument(help="For `tables.kql` and `tables.json`.")],
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if a file would change.")] = False,
) -> None:
    """Write what creates the telemetry tables in Kusto, and what they look like everywhere.

    Example: physai fleet-intelligence telemetry tables fleet-intelligence/telemetry/specifications
    """
    from . import publish

    if check:
        publish.check(folder)
    changed = () if check else publish.export(folder)
    typer.echo(f"{folder}: {len(publish.files())} files, {len(changed)} changed")
