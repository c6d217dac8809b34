"""A message on its way."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """A message as it arrived."""

    topic: str
    data: bytes
    """CDR with its encapsulation header."""
    log_ns: int
    """When it arrived, by the recorder's clock."""
    source_ns: int
    """When it was sent, by the sender's clock."""
