"""What can go wrong with a registry, each in one line."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..errors import PhysaiError, one_line


class RegistryError(PhysaiError):
    """Something about a registry, or an artifact in it."""


class NotAPackageError(RegistryError):
    """A folder or an artifact is no policy package."""

    def __init__(self, where: Path | str, why: str) -> None:
        super().__init__(f"{where}: not a policy package: {why}. Build one with `physai training package build`.")


class NotAnImageError(RegistryError):
    """A folder holds no image in OCI layout."""

    def __init__(self, layout: Path, error: Exception) -> None:
        super().__init__(
            f"{layout}: no image in OCI layout ({one_line(error, 120)}). "
            "Write one with `physai training package image`."
        )


class UnknownReferenceError(RegistryError):
    """No artifact has this digest or tag."""

    def __init__(self, registry: str, reference: str, known: Sequence[str]) -> None:
        some = f"Known: {', '.join(known[:5])}{', …' if len(known) > 5 else ''}" if known else "It is empty"
        super().__init__(f"{registry}: no artifact '{reference}'. {some}. See `physai registry list`.")


class TamperedError(RegistryError):
    """Bytes do not have the digest by which they were asked for."""

    def __init__(self, where: Path | str, expected: str, got: str) -> None:
        super().__init__(f"{where}: damaged or tampered with: expected {expected}, got {got}. Push the package again.")


class ForeignLayoutError(RegistryError):
    """A folder is there, and is no OCI layout that we can read."""

    def __init__(self, root: Path, why: str) -> None:
        super().__init__(
            f"{root}: not an OCI image layout: {why}. Choose an empty folder, or change the setting 'registry'."
        )


class TargetExistsError(RegistryError):
    """A folder is in the way of a pull."""

    def __init__(self, target: Path, digest: str) -> None:
        super().__init__(f"{target}: is there already and is not {digest}. Remove it, or choose another folder.")


class UnreachableError(RegistryError):
    """A registry did not answer, or refused."""

    def __init__(self, registry: str, why: str, mend: str = "Check the address and the network") -> None:
        super().__init__(f"{registry}: {why}. {mend}, then run the command again.")


class WriteError(RegistryError):
    """The disk refused."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"{path}: cannot be written: {error.strerror or error}. Free space or mend rights, then run it again."
        )


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the disk says while `path` is written into one line that names it."""
    try:
        yield
    except OSError as error:
        raise WriteError(path, error) from error
