"""The backends by name."""

from .backend import Backend
from .local import LocalBackend


def open_backend(name: str) -> Backend:
    """The backend of a variation file."""
    if name == "cosmos":
        from .cosmos.transfer import open_transfer

        return open_transfer()
    if name == "simulation":
        from .simulation import SimulationBackend

        return SimulationBackend()
    return LocalBackend()
