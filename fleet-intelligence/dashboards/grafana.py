"""Grafana dashboards: JSON as Grafana imports it."""

from typing import Any, Literal

from .definition import PANELS, WINDOW, Panel

type Source = Literal["kusto", "prometheus"]
TYPES = {"kusto": "grafana-azure-data-explorer-datasource", "prometheus": "prometheus"}
COLUMNS, HEIGHT = 2, 8
WIDTH = 24 // COLUMNS


def dashboard(source: Source) -> dict[str, Any]:
    """The dashboard for one data source, which Grafana asks for on import."""
    panels = [panel for panel in PANELS if query(panel, source) is not None]
    return {
        "editable": True,
        "graphTooltip": 1,
        "panels": [_panel(number, panel, source) for number, panel in enumerate(panels)],
        "refresh": "30s",
        "schemaVersion": 42,
        "tags": ["physai", "robots"],
        "templating": {"list": [_data_source(source)]},
        "time": {"from": "now-7d", "to": "now"},
        "timezone": "utc",
        "title": f"Fleet ({source})",
        "uid": f"physai-fleet-{source}",
    }


def query(panel: Panel, source: Source) -> str | None:
    """A panel's query as the data source plugin takes it."""
    if source == "prometheus":
        return panel.promql
    return panel.kql.replace(WINDOW, "$__timeFilter(timestamp)") if panel.kql else None


def _panel(number: int, panel: Panel, source: Source) -> dict[str, Any]:
    row, column = divmod(number, COLUMNS)
    return {
        "id": number + 1,
        "type": panel.kind,
        "title": panel.title,
        "datasource": _reference(source),
        "gridPos": {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "options": {},
        "targets": [_target(panel, source)],
    }


def _target(panel: Panel, source: Source) -> dict[str, Any]:
    common = {"refId": "A", "datasource": _reference(source)}
    if source == "prometheus":
        return {**common, "expr": panel.promql, "instant": panel.kind != "timeseries"}
    form = "time_series" if panel.kind == "timeseries" else "table"
    return {**common, "query": query(panel, source), "database": "Fleet", "resultFormat": form, "rawMode": True}


def _reference(source: Source) -> dict[str, str]:
    return {"type": TYPES[source], "uid": "${source}"}


def _data_source(source: Source) -> dict[str, Any]:
    return {"name": "source", "type": "datasource", "label": "Data source", "query": TYPES[source]}
