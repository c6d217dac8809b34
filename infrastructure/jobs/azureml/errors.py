"""What can go wrong between here and an AzureML workspace."""

from ..errors import JobError


class AzureMLError(JobError):
    """Something between here and AzureML."""


class NoWorkspaceError(AzureMLError):
    """The settings do not say which workspace."""

    def __init__(self, missing: tuple[str, ...]) -> None:
        names = ", ".join(f"PHYSAI_{name.upper()}" for name in missing)
        super().__init__(f"settings: the AzureML workspace is not known. Set {names}, or run `terraform output -json`.")


class RefusedError(AzureMLError):
    """AzureML, or the SDK on its behalf, said no."""

    def __init__(self, what: str, error: Exception) -> None:
        said = " ".join(str(getattr(error, "message", None) or error).split())[:400]
        super().__init__(f"{what}: AzureML refused: {said.rstrip('.')}. Mend what it names, then try again.")


class NoVaultError(AzureMLError):
    """A workflow names credentials, and nobody has said where they are."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(
            f"credentials {', '.join(names)}: no Key Vault to take them from. Set PHYSAI_KEY_VAULT_URL, and put the "
            f"secrets in: `az keyvault secret set --name {names[0]} …`."
        )


class NoTaskError(AzureMLError):
    """A pipeline has no step of this name."""

    def __init__(self, run: str, task: str, known: tuple[str, ...]) -> None:
        super().__init__(f"azureml:{run}: no step '{task}' has begun. Begun: {', '.join(known) or 'none'}.")


class SecretError(AzureMLError):
    """A secret cannot be read."""

    def __init__(self, name: str, vault: str, why: str) -> None:
        super().__init__(
            f"{vault}: secret '{name}' cannot be read: {why}. Put it there, and let the job's identity read secrets."
        )
