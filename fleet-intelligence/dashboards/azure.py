"""Azure: a Monitor workbook, log search alert rules as an ARM template, and the queries of a Fabric dashboard."""

import json
from typing import Any

from .definition import ALERTS, PANELS, WINDOW

VISUAL = {"timeseries": "timechart", "table": "table", "barchart": "barchart"}
SEVERITY = {"critical": 0, "warning": 2}
FABRIC = "timestamp between (_startTime .. _endTime)"
"""A Real-Time Dashboard's time range. Source: learn.microsoft.com/fabric/real-time-intelligence/dashboard-parameters"""
CLUSTER = "{Cluster:value}"


def workbook() -> dict[str, Any]:
    """A workbook over the Eventhouse; the cluster's address is a parameter of the workbook."""
    parameters = {
        "type": 9,
        "name": "parameters",
        "content": {
            "version": "KqlParameterItem/1.0",
            "parameters": [
                {"name": "Cluster", "type": 1, "isRequired": True, "label": "Query URI of the Eventhouse"},
                {"name": "TimeRange", "type": 4, "isRequired": True, "value": {"durationMs": 604800000}},
            ],
        },
    }
    items = [parameters] + [
        {
            "type": 3,
            "name": panel.name,
            "content": {
                "version": "KqlItem/1.0",
                "title": panel.title,
                "queryType": 9,  # Azure Data Explorer
                "query": _explorer(panel.kql),
                "size": 0,
                "visualization": VISUAL[panel.kind],
            },
        }
        for panel in PANELS
        if panel.kql
    ]
    return {"version": "Notebook/1.0", "items": items, "$schema": WORKBOOK_SCHEMA}


WORKBOOK_SCHEMA = "https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json"


def _explorer(kql: str) -> str:
    text = kql.replace(WINDOW, "timestamp {TimeRange}")
    asked = {
        "version": "AzureDataExplorerQuery/1.0",
        "queryText": text,
        "clusterName": CLUSTER,
        "databaseName": "Fleet",
    }
    return json.dumps(asked)


def alert_rules() -> dict[str, Any]:
    """Log search alerts of Azure Monitor, over the Eventhouse through a Log Analytics workspace's `adx()`."""
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {
            "workspace": {"type": "string", "metadata": {"description": "Resource id of the Log Analytics workspace"}},
            "eventhouse": {"type": "string", "metadata": {"description": "Query URI and database of the Eventhouse"}},
            "actionGroup": {"type": "string", "metadata": {"description": "Resource id of who is called"}},
            "identity": {"type": "string", "metadata": {"description": "Resource id of the identity that may query"}},
        },
        "resources": [
            {
                "type": "Microsoft.Insights/scheduledQueryRules",
                "apiVersion": "2023-12-01",
                "name": f"physai-{alert.name}",
                "location": "[resourceGroup().location]",
                "identity": {
                    "type": "UserAssigned",
                    "userAssignedIdentities": {"[parameters('identity')]": {}},
                },
                "properties": {
                    "displayName": alert.summary,
                    "severity": SEVERITY[alert.severity],
                    "enabled": True,
                    "scopes": ["[parameters('workspace')]"],
                    "evaluationFrequency": "PT5M",
                    "windowSize": "PT1H",
                    "autoMitigate": True,
                    "criteria": {"allOf": [_criterion(alert.kql)]},
                    "actions": {"actionGroups": ["[parameters('actionGroup')]"]},
                },
            }
            for alert in ALERTS
            if alert.kql
        ],
    }


def _criterion(kql: str) -> dict[str, Any]:
    table, rest = kql.split("\n", 1)
    return {
        "query": f"[concat('adx(\"', parameters('eventhouse'), '\").{table}\n{rest}')]",
        "timeAggregation": "Count",
        "operator": "GreaterThan",
        "threshold": 0,
        "failingPeriods": {"numberOfEvaluationPeriods": 1, "minFailingPeriodsToAlert": 1},
    }


def fabric_queries() -> dict[str, str]:
    """One query a tile, by file name; `_startTime` and `_endTime` are the dashboard's time range."""
    return {f"{panel.name}.kql": panel.kql.replace(WINDOW, FABRIC) + "\n" for panel in PANELS if panel.kql}
