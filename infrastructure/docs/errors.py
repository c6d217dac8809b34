"""What can be wrong with the site, the blocks and the evidence."""

from pathlib import Path

from ..errors import PhysaiError


class SiteError(PhysaiError):
    """The site could not be built."""

    def __init__(self, why: str) -> None:
        super().__init__(f"site: {why}")


class JunitError(PhysaiError):
    """A file is no result of a test run."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: no JUnit results ({why}). Write them by `uv run pytest --junitxml {path}`.")
