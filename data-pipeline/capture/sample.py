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
    publisher: int = 0
    """Who sent it: the same for all messages of one publisher, as far as the source can tell them apart."""
