"""All files made from the definition, and whether those on disk are they."""

import json
from pathlib import Path

import yaml

from physai.infrastructure.aside import write_whole
from physai.infrastructure.contracts import Contract

from .azure import alert_rules, fabric_queries, workbook
from .grafana import dashboard
from .prometheus import rules, unit_tests


class Generated(Contract):
    """What was written, or would have been."""

    files: tuple[str, ...]
    changed: tuple[str, ...]
    """Those whose content on disk was another, or none."""


def contents() -> dict[str, str]:
    """Content by path within the folder."""
    documents = {
        "grafana/fleet-kusto.json": dashboard("kusto"),
        "grafana/fleet-prometheus.json": dashboard("prometheus"),
        "azure/workbook.json": workbook(),
        "azure/alert-rules.json": alert_rules(),
    }
    made = {name: json.dumps(document, indent=2) + "\n" for name, document in documents.items()}
    made |= {f"fabric/{name}": query for name, query in fabric_queries().items()}
    for name, document in (("rules", rules()), ("rules.test", unit_tests())):
        made[f"prometheus/{name}.yaml"] = yaml.safe_dump(document, sort_keys=False, width=120)
    return made


def generate(folder: Path, check: bool = False) -> Generated:
    """Write what differs; with `check` only tell."""
    made = contents()
    changed = [name for name, text in made.items() if _old(folder / name) != text]
    if not check:
        for name in changed:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            write_whole(folder / name, made[name].encode())
    return Generated(files=tuple(made), changed=tuple(changed))


def _old(path: Path) -> str | None:
    return path.read_text() if path.is_file() else None
