"""A cohort that is frozen: nothing is approved for it until someone lifts the halt."""

from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from physai.infrastructure.contracts import Approval

from ..errors import NotReleasedError
from ..names import check_name
from .repository import FleetRepository


def halt_file(tree: Path, cohort: str) -> Path:
    """Where a halt is written down; beside the manifests that Flux applies, not among them."""
    return tree / "policies" / check_name("cohort", cohort) / "halt.json"


def read_halt(tree: Path, cohort: str) -> Approval | None:
    """Who halted a cohort, and why; None if nobody did.

    Raises:
        NotReleasedError: If that cannot be read: then nothing goes on either.
    """
    path = halt_file(tree, cohort)
    try:
        return Approval.model_validate_json(path.read_bytes()) if path.exists() else None
    except ValidationError as error:
        why = f"its {path.name} cannot be read ({error.errors()[0]['msg']})"
        raise NotReleasedError(f"cohort '{cohort}'", why, "Restore the commit that halted it") from error


def check_not_halted(tree: Path, cohort: str) -> None:
    """Refuse to go on in a cohort that is halted.

    Raises:
        NotReleasedError: If it is.
    """
    if halted := read_halt(tree, cohort):
        why = f"was halted by {halted.by} ({halted.reason})"
        raise NotReleasedError(f"cohort '{cohort}'", why, "Lift it with `release halt --release`")


def halt(repository: FleetRepository, cohort: str, by: str, reason: str, *, lift: bool = False) -> bool:
    """Halt a cohort, or lift its halt; one commit that says who and why.

    Returns:
        Whether that changed anything.
    """

    def edit(tree: Path) -> str | None:
        path = halt_file(tree, cohort)
        if lift != path.exists():
            return None
        if lift:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(Approval(by=by, at=datetime.now(UTC), reason=reason).model_dump_json(indent=2) + "\n")
        verb = "Lift the halt of" if lift else "Halt"
        return f"{verb} cohort {cohort}\n\nDecided-by: {by}\nReason: {' '.join(reason.split())}\n"

    return repository.change(edit)
