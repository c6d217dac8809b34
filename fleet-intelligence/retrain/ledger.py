"""Every request that was made, one file each."""

from datetime import datetime
from difflib import get_close_matches
from pathlib import Path

from physai.infrastructure.aside import locked
from physai.infrastructure.contracts import Approval, RetrainRequest

from ..errors import UnknownRequestError


class Ledger:
    """A folder of requests. A request stands under its name, so making it again changes nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def requests(self) -> list[RetrainRequest]:
        """All of them, the oldest first.

        Raises:
            ContractError: If a file is damaged.
        """
        found = [RetrainRequest.read(path) for path in self.folder.glob("retrain-*.json")]
        return sorted(found, key=lambda request: (request.requested_at, request.name))

    def get(self, name: str) -> RetrainRequest:
        """One of them.

        Raises:
            UnknownRequestError: If it was not made.
        """
        path = self.folder / f"{name}.json"
        if path.name not in {each.name for each in self.folder.glob("retrain-*.json")}:
            known = [request.name for request in self.requests()]
            raise UnknownRequestError(self.folder, name, get_close_matches(name, known, n=1) or known[-3:])
        return RetrainRequest.read(path)

    def keep(self, request: RetrainRequest) -> None:
        """Write a new one down."""
        request.write(self.folder / f"{request.name}.json")

    def approve(self, name: str, by: str, reason: str, at: datetime) -> RetrainRequest:
        """Let a request be submitted; the first word given stays.

        Raises:
            UnknownRequestError: If it was not made.
        """
        with locked(self.folder / ".lock"):
            request = self.get(name)
            if request.approval is None:
                request = request.model_copy(update={"approval": Approval(by=by, at=at, reason=reason)})
                self.keep(request)
            return request
