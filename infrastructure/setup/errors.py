"""What can go wrong while the platform is set up, each in one line."""

from pathlib import Path

from ..errors import PhysaiError


class SetupError(PhysaiError):
    """Something about the platform or what is installed on it."""


class NoPlatformError(SetupError):
    """Terraform's outputs are missing, or are not those of the root module."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path}: {why}. After `terraform apply`, write them with "
            f"`terraform -chdir=infrastructure/terraform output -json > {path}`."
        )


class UnknownStepError(SetupError):
    """There is no such step."""

    def __init__(self, step: str, known: tuple[str, ...]) -> None:
        super().__init__(f"setup: no step '{step}'. Known, in order: {', '.join(known)}; or all.")


class MissingOptionError(SetupError):
    """A step needs something that neither Terraform nor a default knows."""

    def __init__(self, step: str, option: str, what: str) -> None:
        super().__init__(f"setup {step}: needs {option}: {what}.")


class UnknownValueError(SetupError):
    """A chart takes no such value."""

    def __init__(self, chart: str, key: str, source: str) -> None:
        super().__init__(f"chart {chart}: has no value '{key}'. Compare setup/values.py with {source}.")


class CommandError(SetupError):
    """A command failed; what was done before it stays done."""

    def __init__(self, step: str, command: str, code: int, said: str) -> None:
        last = said.strip().splitlines()[-1:] or ["it said nothing"]
        super().__init__(
            f"setup {step}: `{command:.160}` ended with {code}: {last[0]:.300}. "
            f"Mend it, then run `physai infrastructure setup apply {step}` again; it goes on from there."
        )


class MissingToolError(SetupError):
    """A program is not installed."""

    def __init__(self, program: str, mend: str) -> None:
        super().__init__(f"{program}: not on PATH. {mend}")


class RefusedError(SetupError):
    """Something would be lost, and was not confirmed."""

    def __init__(self, typed: str, wanted: str) -> None:
        super().__init__(
            f"destroy: '{typed}' is not '{wanted}'. Nothing was destroyed; type the platform's name to do it."
        )
