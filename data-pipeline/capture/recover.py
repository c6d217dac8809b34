"""Saves what a killed recorder left: every whole chunk of a torn file becomes an episode, `interrupted`."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mcap.exceptions import McapError
from mcap.records import Channel as McapChannel
from mcap.records import Message, Metadata, Schema
from mcap.stream_reader import StreamReader
from zstandard import ZstdError

from physai.infrastructure.contracts import Contract, Finding, RawEpisode, RecordingConfig, digest_file
from physai.infrastructure.ros2.definitions import defines_header

from .errors import RecoverError
from .folder import locked
from .monitor import Monitor
from .open_episode import BEGUN, DONE, file_sidecar, sidecar_facts
from .recorder import Recorder, sync_folder
from .sample import Sample
from .source import Channel

LARGEST = 2**30  # a record longer than this is no record, but damage
KILLED = "the end of the recorder"
TORN_ERRORS = (McapError, struct.error, EOFError, ValueError, KeyError, OverflowError, RuntimeError, ZstdError)
"""What the MCAP reader and its decompressors raise where a file is cut."""


class RecoverReport(Contract):
    """What was found and saved."""

    folder: str
    saved: tuple[str, ...]
    """Recordings of which every whole chunk was saved."""
    vouched: tuple[str, ...]
    """Recordings that were whole and lacked only the sidecar."""
    empty: tuple[str, ...]
    """Torn recordings without a single whole chunk; they were removed."""


def recover(folder: Path) -> RecoverReport:
    """Save what can be saved in a folder in which nobody records.

    Raises:
        BusyError: If somebody does.
        RecoverError: If the disk has no room.
    """
    with locked(folder):
        return recover_locked(folder)


def recover_locked(folder: Path) -> RecoverReport:
    """As `recover`, for who has the folder already.

    Raises:
        RecoverError: If the disk has no room; nothing is lost by it.
    """
    try:
        return _recover(folder)
    except OSError as error:
        raise RecoverError(folder, error.strerror or str(error)) from error


def _recover(folder: Path) -> RecoverReport:
    saved: list[str] = []
    empty: list[str] = []
    for part in sorted(folder.glob(".episode-*.mcap.part")):
        torn = part.with_suffix(".torn")
        if torn.exists():  # a recovery was killed itself
            part.unlink()
        else:
            part.rename(torn)
    for torn in sorted(folder.glob(".episode-*.mcap.torn")):
        path = folder / torn.stem.removeprefix(".")
        if path.exists() or _save(torn, path):
            saved.append(path.name)
        else:
            empty.append(path.name)
    for part in folder.glob(".episode-*.json.*.part"):  # half a sidecar: its recording is vouched for below
        part.unlink()
    bare = [path for path in sorted(folder.glob("episode-*.mcap")) if not path.with_suffix(".json").exists()]
    vouched = [path.name for path in bare if _vouch(path) and path.name not in saved]
    for torn in folder.glob(".episode-*.mcap.torn"):
        torn.unlink()
    sync_folder(folder)
    return RecoverReport(folder=str(folder), saved=tuple(saved), vouched=tuple(vouched), empty=tuple(empty))


class _Tape:
    """The readable records of a recording, in order: begin with the metadata, then channels and messages."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.begun: dict[str, str] | None = None
        self.done: dict[str, Any] | None = None
        self.channels: dict[str, Channel] = {}
        self._schemas: dict[int, Schema] = {}
        self._topics: dict[int, str] = {}

    def samples(self) -> Iterator[Sample]:
        """Messages up to the first damage."""
        with self.path.open("rb") as file:
            reader = StreamReader(file, validate_crcs=True, record_size_limit=LARGEST)
            try:
                for record in reader.records:
                    if isinstance(record, Message):
                        topic = self._topics[record.channel_id]
                        yield Sample(topic, record.data, record.log_time, record.publish_time)
                    else:
                        self._note(record)
            except TORN_ERRORS:
                return

    def _note(self, record: object) -> None:
        match record:
            case Metadata(name=name, metadata=facts) if name == BEGUN:
                self.begun = dict(facts)
            case Metadata(name=name, metadata=facts) if name == DONE and "sidecar" in facts:
                self.done = json.loads(facts["sidecar"])
            case Schema():
                self._schemas[record.id] = record
            case McapChannel():
                schema = self._schemas[record.schema_id]
                self._topics[record.id] = record.topic
                self.channels[record.topic] = Channel(schema.name, schema.data, defines_header(schema.data))


def _save(torn: Path, path: Path) -> bool:
    """Copy the whole chunks of a torn file into a whole one; False if there is none."""
    tape = _Tape(torn)
    samples = tape.samples()
    first = next(samples, None)
    if first is None or tape.begun is None:
        return False
    config = RecordingConfig.model_validate_json(tape.begun["config"])
    monitor = Monitor(config, tape.channels)
    end_ns = first.log_ns
    with Recorder(path, compression=config.compression) as recorder:
        recorder.describe(tape.begun, BEGUN)
        for topic, channel in tape.channels.items():
            recorder.add_channel(topic, channel.type, channel.definition)
        while first is not None:
            recorder.write_raw(first.topic, first.data, first.log_ns, first.source_ns)
            monitor.see(first)
            end_ns = max(end_ns, first.log_ns)
            first = next(samples, None)
        tear = Finding(level="error", what="torn", detail=f"saved up to {end_ns / 1e9:.3f} s, what followed is lost")
        facts = sidecar_facts(
            tape.begun, monitor, outcome="interrupted", stopped_by=KILLED, end_ns=end_ns, more=(tear,)
        )
        recorder.describe({"sidecar": json.dumps(facts)}, DONE)
    return True


def _vouch(path: Path) -> RawEpisode | None:
    """Write the sidecar that a whole recording carries in itself; None if it is not one of ours."""
    tape = _Tape(path)
    for _ in tape.samples():
        pass
    return None if tape.done is None else file_sidecar(path, tape.done, digest_file(path))
