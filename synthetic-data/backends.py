"""The backends by name."""

from physai.infrastructure.contracts import Variations

from .backend import Backend
from .local import LocalBackend


def open_backend(variations: Variations) -> Backend:
    """The backend of a variation file."""
    if variations.backend == "cosmos":
        from .cosmos.transfer import open_transfer

        return open_transfer(variations)
    if variations.backend == "simulation":
        from .simulation import SimulationBackend

        return SimulationBackend()
    return LocalBackend()
