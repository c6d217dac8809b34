"""Prometheus: recording and alert rules, with promtool's unit tests of them."""

from typing import Any

from .definition import ALERTS, RECORDING


def rules() -> dict[str, Any]:
    """A rule file."""
    alerts = [
        {
            "alert": alert.name,
            "expr": alert.promql,
            "for": f"{alert.for_minutes}m",
            "labels": {"severity": alert.severity},
            "annotations": {"summary": alert.summary},
        }
        for alert in ALERTS
        if alert.promql
    ]
    recording = [{"record": name, "expr": expression} for name, expression in RECORDING]
    return {"groups": [{"name": "physai", "interval": "30s", "rules": recording + alerts}]}


def unit_tests() -> dict[str, Any]:
    """What the rules make of a day in the life of a fleet, worked by hand; run by `promtool test rules`."""
    return {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "1m",
        "tests": [_success(), _errors(), _drift(), _silence(), _dropped()],
    }


def _success() -> dict[str, Any]:
    """30 of 40 on one site, 10 of 10 on the other: .75 and 1, together 40 of 50."""
    counts = (("plant-1", "success", 30), ("plant-1", "failure", 10), ("plant-2", "success", 10))
    return {
        "interval": "1m",
        "input_series": [
            _series(f'physai_episodes_total{{policy="p",site="{site}",outcome="{outcome}"}}', f"{count}x5")
            for site, outcome, count in counts
        ],
        "promql_expr_test": [
            _expect("physai:success:ratio", {'physai:success:ratio{policy="p"}': 0.8}),
            _expect(
                "physai:success:site_ratio",
                {
                    'physai:success:site_ratio{policy="p",site="plant-1"}': 0.75,
                    'physai:success:site_ratio{policy="p",site="plant-2"}': 1.0,
                },
            ),
        ],
    }


def _errors() -> dict[str, Any]:
    """Of 100 inferences a minute 2 fail: 2 %, and after ten minutes someone is called."""
    return {
        "interval": "1m",
        "input_series": [
            _series('physai_inferences_total{site="plant-1",robot="r"}', "0+100x40"),
            _series('physai_inference_failures_total{site="plant-1",robot="r"}', "0+2x40"),
        ],
        "alert_rule_test": [
            _alarm("DeadlinesMissed", "5m"),
            _alarm("DeadlinesMissed", "30m", {"site": "plant-1"}),
        ],
    }


def _drift() -> dict[str, Any]:
    """One failure in excess a minute reaches a threshold of 6 in the sixth."""
    return {
        "interval": "1m",
        "input_series": [
            _series('physai_drift_excess_failures{policy="p"}', "0+1x10"),
            _series('physai_drift_threshold_failures{policy="p"}', "6x10"),
        ],
        "alert_rule_test": [_alarm("PolicyDrift", "5m"), _alarm("PolicyDrift", "6m", {"policy": "p"})],
    }


def _silence() -> dict[str, Any]:
    """Last heard of at second 0."""
    return {
        "interval": "1m",
        "input_series": [_series('physai_last_event_timestamp_seconds{robot="r",site="s"}', "0x90")],
        "alert_rule_test": [
            _alarm("RobotSilent", "60m"),
            _alarm("RobotSilent", "70m", {"robot": "r", "site": "s"}),
        ],
    }


def _dropped() -> dict[str, Any]:
    return {
        "interval": "1m",
        "input_series": [
            _series('physai_dropped_events{robot="full",site="s"}', "7x10 9x10"),
            _series('physai_dropped_events{robot="once",site="s"}', "7x20"),
        ],
        "alert_rule_test": [
            _alarm("EventsDropped", "9m"),
            _alarm("EventsDropped", "15m", {"robot": "full", "site": "s"}),
        ],
    }


def _series(name: str, values: str) -> dict[str, str]:
    return {"series": name, "values": values}


def _expect(expression: str, samples: dict[str, float]) -> dict[str, Any]:
    found = [{"labels": labels, "value": value} for labels, value in samples.items()]
    return {"expr": expression, "eval_time": "3m", "exp_samples": found}


def _alarm(name: str, at: str, labels: dict[str, str] | None = None) -> dict[str, Any]:
    """One alert with those labels is firing then; none without labels."""
    alert = next(alert for alert in ALERTS if alert.name == name)
    fired = {
        "exp_labels": {"severity": alert.severity, **(labels or {})},
        "exp_annotations": {"summary": alert.summary},
    }
    return {"eval_time": at, "alertname": name, "exp_alerts": [fired] if labels else []}
