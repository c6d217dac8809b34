"""Why a dataset cannot be varied."""

from pathlib import Path

from physai.infrastructure.errors import PhysaiError


class SyntheticDataError(PhysaiError):
    """More data cannot be made as asked."""


class NoCameraError(SyntheticDataError):
    """There is no picture to vary."""

    def __init__(self, root: Path, features: list[str]) -> None:
        super().__init__(
            f"{root}: has no camera, so there is no picture to vary (features: {', '.join(features)}). "
            "Record with a camera."
        )
