"""What can go wrong with a store, each in one line."""

from pathlib import Path

from ..errors import PhysaiError

KNOWN = (
    "file:///folder, a plain path, azure://account/container/path, https://account.blob.core.windows.net/container/path"
)
LOG_IN = "Run `az login`, set AZURE_STORAGE_CONNECTION_STRING, or append a SAS token to the https:// URI"


class StorageError(PhysaiError):
    """Something about a store, or a file in it."""


class BadUriError(StorageError):
    """A URI names no store that is known."""

    def __init__(self, uri: str, why: str) -> None:
        super().__init__(f"{uri}: {why}. Known: {KNOWN}.")


class BadKeyError(StorageError):
    """A key would leave the store, or cannot be a file in it."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"key '{key}': {why}. Use a relative path with forward slashes, e.g. reach/meta/info.json.")


class MissingKeyError(StorageError):
    """There is no such file in the store."""

    def __init__(self, store: str, key: str) -> None:
        super().__init__(f"{store}: no file '{key}'. See `physai storage ls {store}`.")


class TakenKeyError(StorageError):
    """A file that must be new is there already, with other bytes."""

    def __init__(self, store: str, key: str) -> None:
        super().__init__(f"{store}: '{key}' is there already, and is not replaced. Use another name.")


class NoNewNameError(StorageError):
    """A file system cannot name a new file without replacing one that has the name."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path}: cannot be written so that nothing is replaced here ({why}): "
            "the file system has neither hard links nor renames that keep what is there. Put the folder on another one."
        )


class MissingContainerError(StorageError):
    """The account has no such container."""

    def __init__(self, store: str, container: str) -> None:
        super().__init__(
            f"{store}: no container '{container}'. Create it with `az storage container create --name {container}`, "
            "or check the spelling."
        )


class AccessError(StorageError):
    """The store does not let us in."""

    def __init__(self, store: str, why: str) -> None:
        super().__init__(
            f"{store}: {why}. {LOG_IN}; the role 'Storage Blob Data Contributor' is needed on the container."
        )


class UnreachableError(StorageError):
    """The store did not answer, or answered with an error of its own."""

    def __init__(self, store: str, why: str) -> None:
        super().__init__(f"{store}: {why}. Check the account's name and the network, then run the command again.")


class DamagedError(StorageError):
    """The bytes are not those that the digest promises."""

    def __init__(self, where: Path | str, expected: str, got: str) -> None:
        self.got = got
        super().__init__(
            f"{where}: damaged or replaced: expected {expected}, got {got}. Put the right file there again."
        )


class ChangedError(StorageError):
    """A file was written to while it was read."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: changed while it was read. Let its writer finish, then run the command again.")


class NotAFolderError(StorageError):
    """A folder was expected."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: no folder here. Check the path, or use `physai storage cp` for one file.")
