"""Helm charts that are installed: pinned, and with the keys that their published values have."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from ..contracts import Contract
from .errors import UnknownValueError

PINS = Path(__file__).parent / "charts.json"

# Maps of the charts whose keys are names that the user gives.
FREE = {
    "services.configs.podTemplates",
    "services.configs.resourceValidations",
    "services.configs.roles",
    "services.configs.backends",
    "services.configs.pools",
    "services.configs.workflow",
}


class Chart(Contract):
    """One chart in one version."""

    repository: str | None
    """Helm repository, or None when `chart` is the address of an archive."""
    chart: str
    version: str
    namespace: str
    values_from: str
    """Where the keys were read."""
    keys: dict[str, Any]
    """The chart's own values, without the values: nested keys, null under the last."""


@cache
def load_charts() -> dict[str, Chart]:
    """The pinned charts by name."""
    return {name: Chart.model_validate_json(json.dumps(chart)) for name, chart in json.loads(PINS.read_text()).items()}


def check_values(name: str, values: dict[str, Any]) -> None:
    """Refuse a value that the chart does not have: Helm would take it and do nothing.

    Raises:
        UnknownValueError: Naming the key.
    """
    chart = load_charts()[name]
    for path in _unknown(values, chart.keys, ""):
        raise UnknownValueError(name, path, chart.values_from)


def _unknown(values: dict[str, Any], keys: dict[str, Any], prefix: str) -> list[str]:
    found = []
    for key, value in values.items():
        path = f"{prefix}{key}"
        if key not in keys:
            found.append(path)
        elif isinstance(value, dict) and isinstance(keys[key], dict) and path not in FREE:
            found += _unknown(value, keys[key], f"{path}.")
    return found
