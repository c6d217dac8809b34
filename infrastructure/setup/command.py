"""Commands as data: printed in a plan, run when it is applied, with secrets that only the latter sees."""

import json
import shlex
import shutil
import subprocess
from collections.abc import Mapping

from ..contracts import Contract
from .errors import CommandError, MissingToolError

TOOLS = {
    "az": "Install the Azure CLI: https://learn.microsoft.com/cli/azure/install-azure-cli",
    "kubectl": "Install it with `az aks install-cli`.",
    "kubelogin": "Install it with `az aks install-cli`.",
    "helm": "Install Helm 3.14 or later: https://helm.sh/docs/intro/install",
    "terraform": "Install Terraform 1.11 or later: https://developer.hashicorp.com/terraform/install",
    "osmo": "Install OSMO's command line: https://nvidia.github.io/OSMO/release/6.3/user_guide",
}


class Secret(Contract):
    """Where a secret value comes from: what a command prints."""

    argv: tuple[str, ...]
    field: str | None = None
    """Field of the JSON object it prints; None: the whole output, without the last line break."""


class Command(Contract):
    """One program call."""

    argv: tuple[str, ...]
    input: str | None = None
    """Standard input; `${name}` in it stands for a secret, as a whole value of YAML."""
    secrets: dict[str, Secret] = {}
    unless: tuple[str, ...] | None = None
    """A probe: the command is left out when this one ends with 0."""

    def shown(self) -> str:
        """As a shell would take it, secrets by name."""
        text = shlex.join(self.argv)
        if self.input is not None:
            text += f" <<'EOF'\n{self.input.rstrip()}\nEOF"
        for name, secret in self.secrets.items():
            text = f"{name}=$({shlex.join(secret.argv)}{f' | jq -r .{secret.field}' if secret.field else ''})\n{text}"
        return f"{shlex.join(self.unless)} || \\\n{text}" if self.unless else text


class Runner:
    """Runs commands with the programs on PATH."""

    def __init__(self, step: str, environment: Mapping[str, str] | None = None) -> None:
        self._step = step
        self._environment = dict(environment) if environment is not None else None

    def run(self, command: Command) -> bool:
        """Run one command; False when its probe says that nothing is to be done.

        Raises:
            CommandError: If it fails.
            MissingToolError: If its program is not installed.
        """
        if command.unless and self._call(command.unless, None).returncode == 0:
            return False
        text = command.input
        for name, secret in command.secrets.items():
            assert text is not None, "a secret goes to standard input, never to a command line"
            text = text.replace(f"${{{name}}}", json.dumps(self._secret(secret)))  # quoted, whatever is in it
        self._checked(command.argv, text)
        return True

    def _secret(self, secret: Secret) -> str:
        printed = self._checked(secret.argv, None)
        if secret.field is None:
            return printed.rstrip("\n")
        try:
            return str(json.loads(printed[printed.index("{") :])[secret.field])  # the CLI may print a banner first
        except (ValueError, KeyError) as error:
            raise CommandError(self._step, shlex.join(secret.argv), 0, f"no '{secret.field}' in its output") from error

    def _checked(self, argv: tuple[str, ...], text: str | None) -> str:
        done = self._call(argv, text)
        if done.returncode:
            raise CommandError(self._step, shlex.join(argv), done.returncode, done.stderr or done.stdout)
        return done.stdout

    def _call(self, argv: tuple[str, ...], text: str | None) -> subprocess.CompletedProcess[str]:
        path = (self._environment or {}).get("PATH")
        if shutil.which(argv[0], path=path) is None:
            raise MissingToolError(argv[0], TOOLS.get(argv[0], "Install it, then run this again."))
        return subprocess.run(
            argv,
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            text=True,
            check=False,
            env=self._environment,
        )
