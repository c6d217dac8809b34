"""What can be wrong with a dataset, one error for each."""

from pathlib import Path

from ..errors import PhysaiError


class DatasetError(PhysaiError):
    """A folder is not a LeRobot v3.0 dataset that can be used, or cannot become one."""


class InfoError(DatasetError):
    """`meta/info.json` cannot be understood."""

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(f"{path}: not the info of a LeRobot dataset: {detail}. Write the dataset again.")


class VersionError(DatasetError):
    """The dataset is in another version of the format."""

    def __init__(self, path: Path, found: object, known: str) -> None:
        super().__init__(
            f"{path}: codebase_version is {found!r}, this reads {known}. Convert it with LeRobot's own converter."
        )


class TornFileError(DatasetError):
    """A data, metadata or video file is cut short or overwritten."""

    def __init__(self, path: Path, detail: object) -> None:
        super().__init__(f"{path}: cannot be read ({detail}). The file is torn: write or fetch the dataset again.")


class CountError(DatasetError):
    """Two places of a dataset that must agree on a number do not."""

    def __init__(self, path: Path, what: str, found: int, expected: int) -> None:
        super().__init__(f"{path}: {found} {what}, expected {expected}. Write or fetch the dataset again.")


class FeatureError(DatasetError):
    """A feature cannot be stored, or values do not fit the feature they are given for."""

    def __init__(self, feature: str, detail: str) -> None:
        super().__init__(f"feature '{feature}': {detail}.")


class FrameError(DatasetError):
    """A video frame is not at the time of its row."""

    def __init__(self, path: Path, episode: int, detail: str) -> None:
        super().__init__(f"{path}: episode {episode}: {detail}. Write the dataset again.")


class EpisodeIndexError(DatasetError):
    """There is no such episode."""

    def __init__(self, root: Path, episode: int, total: int) -> None:
        super().__init__(f"{root}: no episode {episode}. It has episodes 0 to {total - 1}.")


class EmptyError(DatasetError):
    """A dataset without episodes was about to be written."""

    def __init__(self, root: Path) -> None:
        super().__init__(f"{root}: no episode to write. Give at least one.")


class ProvenanceError(DatasetError):
    """A dataset that needs a provenance has none."""

    def __init__(self, root: Path) -> None:
        super().__init__(f"{root}: no meta/provenance.json. Use a dataset that `physai` wrote.")


class ContentError(DatasetError):
    """A dataset's files are not those its provenance speaks of."""

    def __init__(self, root: Path, found: str, expected: str) -> None:
        super().__init__(f"{root}: content is {found}, expected {expected}. Fetch or write it again.")


class NotPublishedError(DatasetError):
    """The store holds no dataset of this digest."""

    def __init__(self, digest: str, store: str) -> None:
        super().__init__(f"{digest}: not in {store}. Publish it with `physai data-management dataset curate`.")
