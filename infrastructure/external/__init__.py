"""Source of other projects, cloned at a fixed commit to read and for editors; nothing here is imported."""

from .pins import Pin, read_pins
from .sync import Synced, sync

__all__ = ["Pin", "Synced", "read_pins", "sync"]
