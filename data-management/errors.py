"""What can be refused in managing datasets."""

import shlex
from pathlib import Path

from physai.infrastructure.contracts import DatasetProvenance
from physai.infrastructure.errors import PhysaiError


class ManagementError(PhysaiError):
    """A dataset cannot be managed as asked."""


class MergeError(ManagementError):
    """Two datasets cannot become one."""

    def __init__(self, path: Path, what: str, found: object, first: object) -> None:
        super().__init__(f"{path}: {what} is {found}, in the first dataset {first}. Datasets must agree to be merged.")


class NothingLeftError(ManagementError):
    """No episode passed the checks."""

    def __init__(self, path: Path, dropped: int, reason: str) -> None:
        super().__init__(
            f"{path}: none of {dropped} episodes is fit, the first because: {reason}. "
            "See `physai data-management dataset validate`, or record again."
        )


class SplitError(ManagementError):
    """Training or held-out episodes would be missing."""

    def __init__(self, episodes: int, heldout: float) -> None:
        super().__init__(
            f"--heldout {heldout:g}: {episodes} episodes cannot be split so that both sides have one. "
            "Record more, or give --heldout 0."
        )


class MissingAncestorError(ManagementError):
    """The lineage breaks off."""

    def __init__(self, digest: str) -> None:
        super().__init__(f"{digest}: its provenance is not in meta/ancestors. Write the dataset that uses it again.")


class AnnotationError(ManagementError):
    """Something cannot be said of an episode."""

    def __init__(self, where: str, detail: str) -> None:
        super().__init__(f"{where}: {detail}.")


class NoAnnotationError(ManagementError):
    """What was to be removed is not there."""

    def __init__(self, place: str, what: str) -> None:
        super().__init__(f"{place}: no {what}. See `physai data-management dataset labels`.")


class NothingSaidError(ManagementError):
    """Somebody has nothing to undo."""

    def __init__(self, place: str, author: str) -> None:
        super().__init__(
            f"{place}: {author} has said nothing here that is not undone. Name another --author, "
            "or see `physai data-management dataset labels --history`."
        )


class ElsewhereError(ManagementError):
    """A dataset in Blob Storage is needed on this machine."""

    def __init__(self, uri: str) -> None:
        super().__init__(
            f"{uri} is in Blob Storage, and this needs it here. "
            f"Bring it with `physai storage sync {shlex.quote(uri)} {shlex.quote(uri.rpartition('/')[2])}`."
        )


class NoKeysError(ManagementError):
    """Episodes cannot be told apart by metadata alone."""

    def __init__(self, root: Path) -> None:
        super().__init__(
            f"{root}: meta/episodes has no statistics, by which episodes are known where the rows are elsewhere. "
            "Bring the dataset here with `physai storage sync`, and judge it here."
        )


class EmptyResultError(ManagementError):
    """Nothing would be left."""

    def __init__(self, path: Path, operation: str) -> None:
        super().__init__(f"{path}: {operation} would leave no episode. Choose fewer to leave out.")


class NothingToUndoError(ManagementError):
    """The dataset was not edited, or its undo points were removed."""

    def __init__(self, dataset: Path | str) -> None:
        super().__init__(
            f"{dataset}: nothing to undo. "
            "Edits in place can be undone, and in a container the dataset that an edit made."
        )


class OriginalGoneError(ManagementError):
    """An edit cannot be undone, because what it was made of is not there any more."""

    def __init__(self, uri: str, original: str) -> None:
        super().__init__(
            f"{uri}: made of {original}, which is gone or is another dataset now. It stays, as the only copy. "
            f"To have the original again, put it back with `physai storage sync`."
        )


class TakenNameError(ManagementError):
    """A new dataset would take the place of something else."""

    def __init__(self, name: str) -> None:
        super().__init__(f"'{name}' exists already. Give another name.")


class UnfinishedError(ManagementError):
    """Under a name lies what an upload of another dataset has left."""

    def __init__(self, uri: str, provenance: DatasetProvenance) -> None:
        what = f"{provenance.edit.operation} by {provenance.edit.author}" if provenance.edit else "an upload"
        super().__init__(
            f"{uri}: {what} of {provenance.created_at:%Y-%m-%d %H:%M} UTC was not uploaded to its end. "
            "Do that edit again to finish it, "
            f"remove it with `physai data-management dataset undo {shlex.quote(uri)}`, or give another name."
        )


class ExchangeError(ManagementError):
    """An edited dataset cannot take the place of the old one."""

    def __init__(self, root: Path, detail: str) -> None:
        super().__init__(f"{root}: cannot be replaced in one step here: {detail}. Write elsewhere with --output.")


class SelectionError(ManagementError):
    """Episodes or rows were named that are not there, or in a way that is not understood."""

    def __init__(self, text: str, detail: str) -> None:
        super().__init__(f"'{text}': {detail}.")


class ExpressionError(ManagementError):
    """A condition on episodes is not understood."""

    def __init__(self, text: str, detail: str) -> None:
        super().__init__(f'--where "{text}": {detail}.')


class NotConvertibleError(ManagementError):
    """A dataset is in a version that is not converted."""

    def __init__(self, path: Path, found: object, known: str) -> None:
        mend = "It needs no conversion" if found == "v3.0" else "Convert it with LeRobot's own converter"
        super().__init__(f"{path}: codebase_version is {found!r}, this converts {known}. {mend}.")


class Hdf5Error(ManagementError):
    """An HDF5 file cannot be converted."""

    def __init__(self, path: Path, where: str, detail: str, mend: str) -> None:
        super().__init__(f"{path}, /{where.strip('/').replace('//', '/')}: {detail}. {mend}.")


class PipelineError(ManagementError):
    """The pipeline, which converts recordings, is not there or has refused them."""

    def __init__(self, source: Path, detail: str) -> None:
        super().__init__(f"{source}: {detail}.")
