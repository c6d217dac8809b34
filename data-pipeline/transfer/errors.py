"""Why something cannot be transferred."""

from pathlib import Path

from physai.infrastructure.errors import PhysaiError


class TransferError(PhysaiError):
    """A file or folder cannot be transferred."""


class NoEdgeFolderError(TransferError):
    """There is nothing to transfer from."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder}: no folder here. Record into it with `physai data-pipeline capture record`.")


class WindowError(TransferError):
    """A time window cannot be understood."""

    def __init__(self, text: str) -> None:
        super().__init__(f"--window: '{text}' is no time window. Write it as 22:00-06:00, in local time.")


class PriorityError(TransferError):
    """A priority rule cannot be understood."""

    def __init__(self, text: str) -> None:
        super().__init__(f"--priority: '{text}' is no rule. Write it as PATTERN=NUMBER, e.g. '*interrupted*=10'.")


class OtherTargetError(TransferError):
    """The folder's queue belongs to another target."""

    def __init__(self, folder: Path, found: str, asked: str) -> None:
        super().__init__(
            f"{folder}: its queue is for {found}, not {asked}. Finish it, or remove {folder}/.transfer.db."
        )


class NoQueueError(TransferError):
    """Nothing was ever transferred from here."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder}: nothing was transferred from here. Run `physai data-pipeline transfer run` first.")


class IncompleteError(TransferError):
    """Something did not arrive."""

    def __init__(self, target: str, refused: int, example: str, why: str) -> None:
        super().__init__(
            f"{target}: {refused} files did not arrive, the first is {example}: {why} Run the same command again."
        )


class RemoteMismatchError(TransferError):
    """The store holds other bytes than the robot."""

    def __init__(self, key: str, expected: str, found: str) -> None:
        super().__init__(f"{key}: holds {found}, the robot's file was {expected}. It is sent again by `transfer run`.")


class BrokerError(TransferError):
    """A broker's address cannot be understood."""

    def __init__(self, text: str) -> None:
        super().__init__(f"--mqtt: '{text}' is no broker. Write it as HOST or HOST:PORT.")


class NoBlobError(TransferError):
    """AzureML cannot reach what is not in Azure."""

    def __init__(self, uri: str) -> None:
        super().__init__(
            f"{uri}: AzureML reads from Azure only. Give --target azure://account/container, or no --azureml."
        )


class AssetError(TransferError):
    """AzureML does not take a data asset."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"data asset '{name}': AzureML says: {detail}. The files are in the store; run it again.")
