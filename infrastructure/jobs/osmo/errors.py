"""What can go wrong between here and an OSMO service."""

from ..errors import JobError


class OsmoError(JobError):
    """Something between here and OSMO."""


class NotLoggedInError(OsmoError):
    """There is no login that OSMO would take."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(
            f"{where}: {why}. Run `osmo login URL`, or set OSMO_LOGIN_TOKEN and PHYSAI_OSMO_URL for an access token."
        )


class OsmoUnreachableError(OsmoError):
    """OSMO does not answer."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(f"{url}: no answer from OSMO ({why}). Check the address and the network, then try again.")


class OsmoRefusedError(OsmoError):
    """OSMO answered, and said no."""

    def __init__(self, url: str, status: int, message: str) -> None:
        self.status = status
        mend = {
            401: "Log in again with `osmo login`.",
            403: "Ask for a role that may use this pool.",
            404: "Check the name; `physai jobs submit` printed it.",
        }.get(status, "Mend what it names, then try again.")
        said = " ".join(message.split()) or "no reason given"
        super().__init__(f"{url}: OSMO refused ({status}): {said.rstrip('.')}. {mend}")


class EnvironmentValueError(OsmoError):
    """A value that OSMO would cut short."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"--set-env {name}: its value holds '=', where OSMO cuts it off. Write it under the task's `environment:`."
        )
