"""An append-only log whose records hold each other by hash and are signed: the memory of a gate and its audit trail.

A record counts once its line is on the disk. Beside the log, `head.json` names the newest record, so that a log which
was cut shorter is told from one whose last record was never finished. A power cut leaves at most one unfinished line,
which is cut off the next time; anything else that does not fit is damage, and is refused.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import ValidationError

from physai.infrastructure.aside import locked, whole_file, write_whole
from physai.infrastructure.contracts import AuditRecord, Contract

from ..errors import GateFaultError, JournalFullError


class Head(Contract):
    """The newest record."""

    seq: int
    hash: str


NO_RECORD = Head(seq=-1, hash="0" * 64)


class Journal:
    """The log of one subject, in a folder. Processes and threads that write it take turns."""

    def __init__(self, folder: Path, subject: str) -> None:
        """Open a log, which is created with its key at the first record.

        Args:
            folder: For the log, its head, its key and its lock.
            subject: Whose log it is.
        """
        self.path = folder / "audit.jsonl"
        self.subject = subject
        self._folder = folder
        self._head_path = folder / "head.json"
        self._size = 0
        self._last = NO_RECORD
        self._key: Ed25519PrivateKey | None = None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Be the only one who reads and writes."""
        with locked(self._folder / ".lock"):
            yield

    @property
    def head(self) -> Head:
        """The newest record that was read or written."""
        return self._last

    def news(self) -> list[AuditRecord]:
        """Records since the last call, checked; an unfinished one at the end is cut off. Call it within a turn.

        Raises:
            GateFaultError: If the log is damaged, was tampered with or is shorter than it was.
        """
        head = self._read_head()
        content = self._tail()
        whole, torn = content[: content.rfind(b"\n") + 1], content[content.rfind(b"\n") + 1 :]
        records = self._checked(whole)
        last = Head(seq=records[-1].seq, hash=records[-1].hash) if records else self._last
        if head.seq > last.seq or (head.seq == last.seq and head.hash != last.hash):
            raise GateFaultError(self.path, f"ends with record {last.seq}, but record {head.seq} was written")
        if torn:
            self._cut(self._size + len(whole))
        self._last, self._size = last, self._size + len(whole)
        if last.seq != head.seq:
            self._write_head()
        return records

    def append(self, at: datetime, event: dict[str, Any], result: str) -> AuditRecord:
        """Add one record. Call it within a turn, after `news`.

        Raises:
            JournalFullError: If the disk does not take it; then it is not in the log.
        """
        key = self._signer()
        draft = AuditRecord(
            seq=self._last.seq + 1, at=at, subject=self.subject, event=event, result=result, prev=self._last.hash
        )
        digest = record_hash(draft)
        record = draft.model_copy(update={"hash": digest, "signature": key.sign(bytes.fromhex(digest)).hex()})
        line = record.model_dump_json().encode() + b"\n"
        self._write(line)
        self._size += len(line)
        self._last = Head(seq=record.seq, hash=record.hash)
        with suppress(OSError):  # the record is on the disk and counts; `news` writes the head once there is space
            self._write_head()
        return record

    def records(self) -> list[AuditRecord]:
        """Every record, checked from the first one on."""
        with self.turn():
            return Journal(self._folder, self.subject).news()

    def public_key(self) -> bytes:
        """The raw public key, 32 bytes."""
        return self._signer().public_key().public_bytes_raw()

    def _tail(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                if file.seek(0, os.SEEK_END) < self._size:
                    raise GateFaultError(self.path, "is shorter than it was")
                file.seek(self._size)
                return file.read()
        except FileNotFoundError:
            return b""

    def _checked(self, content: bytes) -> list[AuditRecord]:
        if not content:
            return []
        return check_records(self.path, content, self._last, self.subject, self._signer().public_key())

    def _write(self, line: bytes) -> None:
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise JournalFullError(self.path, str(error)) from error
        try:
            written = os.write(descriptor, line)
            if written < len(line):
                raise OSError(f"{written} of {len(line)} bytes")
            os.fsync(descriptor)
        except OSError as error:
            os.ftruncate(descriptor, self._size)
            raise JournalFullError(self.path, str(error)) from error
        finally:
            os.close(descriptor)

    def _cut(self, size: int) -> None:
        with self.path.open("r+b") as file:
            file.truncate(size)
            os.fsync(file.fileno())

    def _read_head(self) -> Head:
        try:
            return Head.model_validate_json(self._head_path.read_bytes())
        except FileNotFoundError:
            return NO_RECORD
        except ValidationError as error:
            raise GateFaultError(self._head_path, "is damaged") from error

    def _write_head(self) -> None:
        write_whole(self._head_path, self._last.model_dump_json().encode() + b"\n")

    def _signer(self) -> Ed25519PrivateKey:
        """The log's own key, made beside it at first use."""
        if self._key is None:
            path = self._folder / "audit.key"
            if not path.exists():
                if self.path.exists():
                    raise GateFaultError(path, "the key of the log is gone")
                _make_key(path)
            raw = path.read_bytes()
            if len(raw) != 32:
                raise GateFaultError(path, "is no Ed25519 key of 32 bytes")
            self._key = Ed25519PrivateKey.from_private_bytes(raw)
        return self._key


def _make_key(path: Path) -> None:
    """The key comes last: where it is, its public half is too. Nobody else may read it, from its first byte on."""
    key = Ed25519PrivateKey.generate()
    write_whole(path.with_suffix(".pub"), key.public_key().public_bytes_raw().hex().encode() + b"\n")
    with whole_file(path) as part:
        part.touch(0o600)
        part.write_bytes(key.private_bytes_raw())


def record_hash(record: AuditRecord) -> str:
    """SHA-256 of what a record says."""
    return hashlib.sha256(record.model_dump_json(exclude={"hash", "signature"}).encode()).hexdigest()


def check_records(path: Path, content: bytes, last: Head, subject: str, public: Ed25519PublicKey) -> list[AuditRecord]:
    """Lines as the records that follow another.

    Raises:
        GateFaultError: At the first that is anything else.
    """
    records = []
    for line in content.splitlines():
        records.append(_check_record(path, line, last, subject, public))
        last = Head(seq=records[-1].seq, hash=records[-1].hash)
    return records


def _check_record(path: Path, line: bytes, last: Head, subject: str, public: Ed25519PublicKey) -> AuditRecord:
    number = last.seq + 1
    try:
        record = AuditRecord.model_validate_json(line)
    except ValidationError as error:
        raise GateFaultError(path, f"record {number} cannot be read") from error
    if record.seq != number or record.prev != last.hash or record.subject != subject:
        raise GateFaultError(path, f"record {number} does not follow the one before it")
    if record_hash(record) != record.hash:
        raise GateFaultError(path, f"record {number} was changed after it was written")
    try:
        public.verify(bytes.fromhex(record.signature), bytes.fromhex(record.hash))
    except (InvalidSignature, ValueError) as error:
        raise GateFaultError(path, f"record {number} is not signed by this log's key") from error
    return record


def verify_log(path: Path, subject: str, public: bytes, expect: str | None = None) -> tuple[AuditRecord, ...]:
    """Check a log, or a copy of one, with nothing but a public key.

    Args:
        path: The `audit.jsonl`.
        subject: Whose log it must be.
        public: Raw Ed25519 public key, 32 bytes.
        expect: Hash of a record that must be in it, e.g. one that was written down elsewhere.

    Raises:
        GateFaultError: At the first record that does not hold.
    """
    key = Ed25519PublicKey.from_public_bytes(public)
    records = check_records(path, path.read_bytes(), NO_RECORD, subject, key)
    if expect and expect not in {record.hash for record in records}:
        raise GateFaultError(path, f"holds no record {expect[:16]}...: it was cut or rewritten")
    return tuple(records)
