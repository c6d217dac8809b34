"""What can go wrong with a tracking server."""

from ..errors import PhysaiError


class TrackingError(PhysaiError):
    """MLflow refused, or did not answer."""

    def __init__(self, uri: str, what: str, error: Exception) -> None:
        first = str(error).strip().partition("\n")[0][:200]
        super().__init__(f"{uri}: {what}: {first}. Check the setting 'tracking_uri'.")


class RunNotFoundError(PhysaiError):
    """A run that is to go on is not there."""

    def __init__(self, uri: str, run_id: str) -> None:
        super().__init__(f"{uri}: no run '{run_id}'. Set 'tracking_uri' to where it was logged, or train anew.")
