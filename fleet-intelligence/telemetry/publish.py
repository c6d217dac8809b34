"""The generated files beside this package: what creates the tables elsewhere, and what they look like."""

import json
from pathlib import Path

from physai.infrastructure.aside import write_whole
from physai.infrastructure.kusto import script

from ..errors import StaleTablesError
from .tables import IN_KUSTO


def files() -> dict[str, bytes]:
    """File name → content."""
    described = {
        table.name: {
            "type": table.type,
            "columns": [
                {"name": each.name, "kusto": each.kusto, "duckdb": each.duckdb, "description": each.description}
                for each in table.columns
            ],
        }
        for table in IN_KUSTO
    }
    return {"tables.json": (json.dumps(described, indent=2) + "\n").encode(), "tables.kql": script(IN_KUSTO).encode()}


def export(folder: Path) -> tuple[str, ...]:
    """Write every file, and return the names of those that changed."""
    changed = differences(folder)
    for name in changed:
        write_whole(folder / name, files()[name])
    return changed


def differences(folder: Path) -> tuple[str, ...]:
    """Names of files that are missing or not those of the contracts."""
    made = files()
    return tuple(name for name in made if not (folder / name).exists() or (folder / name).read_bytes() != made[name])


def check(folder: Path) -> None:
    """Fail if a file would change.

    Raises:
        StaleTablesError: If one would.
    """
    if stale := differences(folder):
        raise StaleTablesError(folder, stale)
