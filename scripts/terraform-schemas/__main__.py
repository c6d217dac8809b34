"""Run `terraform` with the schemas of the real providers, where the registry cannot be reached.

python scripts/terraform-schemas terraform -chdir=infrastructure/terraform validate
python scripts/terraform-schemas serve SOCKETS     # for many commands: prints TF_REATTACH_PROVIDERS, until stdin ends
python scripts/terraform-schemas show azurerm_key_vault
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from cache import HERE, cached


def serve_command(sockets: Path) -> list[str]:
    """The server's command line; `-S` keeps the packages of this environment out of it."""
    folder = cached()
    return [sys.executable, "-S", str(HERE / "serve.py"), str(folder / "site"), str(folder / "schemas"), str(sockets)]


def run(command: list[str]) -> int:
    """Run one command while the schemas are served."""
    with (
        tempfile.TemporaryDirectory() as sockets,
        subprocess.Popen(serve_command(Path(sockets)), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server,
    ):
        assert server.stdin
        assert server.stdout
        reattach = server.stdout.readline().decode()
        environment = {**os.environ, "TF_CLI_CONFIG_FILE": os.devnull, "TF_REATTACH_PROVIDERS": reattach}
        code = subprocess.run(command, env=environment, check=False).returncode
        server.stdin.close()
    return code


def show(name: str) -> int:
    """Print the recovered schema of a resource or data source."""
    for path in sorted((cached() / "schemas").glob("*.json")):
        schema = json.loads(path.read_text())
        for section in ("resources", "data"):
            if name in schema.get(section, {}):
                sys.stdout.write(f"{section} of {path.stem}: {json.dumps(schema[section][name], indent=1)}\n")
                return 0
    sys.stderr.write(f"error: {name}: no provider of {HERE / 'pins.txt'} has it.\n")
    return 1


def main() -> int:
    """Take the command line apart."""
    match sys.argv[1:]:
        case ["serve", sockets]:
            command = serve_command(Path(sockets))
            os.execv(command[0], command)  # noqa: S606 - the server takes this process's place, and its standard input
        case ["show", name]:
            return show(name)
        case [_, *_]:
            return run(sys.argv[1:])
    sys.stderr.write(str(__doc__))
    return 2


if __name__ == "__main__":
    sys.exit(main())
