"""What the viewer refuses."""

from ..errors import ManagementError


class ViewerError(ManagementError):
    """A request cannot be answered as asked."""

    status = 409
    """Of the HTTP answer."""


class UnknownError(ViewerError):
    """Something is asked for that is not there."""

    status = 404

    def __init__(self, what: str, name: object) -> None:
        super().__init__(f"there is no {what} '{name}'. It may have been moved or removed; look at the list again.")


class OutsideError(ViewerError):
    """A dataset names a file that lies outside its place."""

    status = 404

    def __init__(self, path: object) -> None:
        super().__init__(f"{path} lies outside the folder that is shown, and is not served.")


class NoNameError(ViewerError):
    """A dataset in Blob Storage would be replaced."""

    def __init__(self, uri: str) -> None:
        super().__init__(f"{uri} is in Blob Storage, where no dataset is replaced. Give the new one a name.")


class OpenAddressError(ViewerError):
    """Nobody would be asked who they are."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"--host {host}: anyone who reaches it would be an admin. "
            "Give --sign-in entra or container-apps, or stay on 127.0.0.1."
        )


class SignInError(ViewerError):
    """Signing in cannot work as configured, or did not."""

    status = 401


class BusyWorkError(ViewerError):
    """Something is at work on a dataset."""

    def __init__(self, title: str) -> None:
        super().__init__(f"'{title}' is going on. Wait until it is done.")


class ChangedError(ViewerError):
    """A dataset is no longer what was looked at."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} has changed since the preview. Look at the new one.")


class NotJudgedError(ViewerError):
    """An expression asks for scores that were never computed."""

    def __init__(self) -> None:
        super().__init__("the quality of these episodes is not known yet. Judge them first.")


class RequestError(ViewerError):
    """A request lacks something."""

    status = 422
