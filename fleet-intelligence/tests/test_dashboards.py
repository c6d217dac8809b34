import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import pytest
from typer.testing import CliRunner

from physai.fleet_intelligence.cli import app
from physai.fleet_intelligence.dashboards.azure import FABRIC, alert_rules, workbook
from physai.fleet_intelligence.dashboards.cli import GENERATED
from physai.fleet_intelligence.dashboards.definition import ALERTS, PANELS, WINDOW
from physai.fleet_intelligence.dashboards.generate import contents, generate
from physai.fleet_intelligence.dashboards.grafana import dashboard
from physai.fleet_intelligence.telemetry.store import TelemetryStore
from physai.fleet_intelligence.telemetry.tables import DRIFT, IN_KUSTO, TABLES
from physai.infrastructure.contracts import DriftData, DriftEvent

from .make_events import POLICY, control, episode, health, signal

TOOLS = Path(__file__).parents[2] / ".physai-tools"
NODE = TOOLS / "node_modules"
CHECK = GENERATED.parent / "kql_check.js"
RANGE = "let _startTime = datetime(2020-01-01);\nlet _endTime = datetime(2100-01-01);\n"
QUERIES = {panel.name: RANGE + panel.kql.replace(WINDOW, FABRIC) for panel in PANELS if panel.kql}
ALERT_QUERIES = {alert.name: alert.kql for alert in ALERTS if alert.kql}

needs_kusto = pytest.mark.skipif(
    not (NODE / "@kusto/language-service-next").is_dir(), reason="Kusto's language service is missing"
)
needs_grafana = pytest.mark.skipif(
    not ((NODE / "@grafana/schema").is_dir() and (NODE / "ts-json-schema-generator").is_dir()),
    reason="Grafana's schema is missing",
)
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is missing")
needs_duckdb_kql = pytest.mark.skipif(not (TOOLS / "kql").is_dir(), reason="duckdb-kql is missing")


def check_kql(folder: Path, queries: dict[str, str]) -> dict[str, dict[str, Any]]:
    schema = {table.name: {column.name: column.kusto for column in table.columns} for table in IN_KUSTO}
    (folder / "tables.json").write_text(json.dumps(schema))
    files = []
    for name, text in queries.items():
        files.append(folder / f"{name}.kql")
        files[-1].write_text(text)
    done = subprocess.run(
        ["node", str(CHECK), str(folder / "tables.json"), *map(str, files)],
        env={**os.environ, "NODE_PATH": str(NODE)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {Path(line["file"]).stem: line for line in lines}


@needs_kusto
def test_every_query_type_checks_with_microsofts_language_service(tmp_path: Path) -> None:
    found = check_kql(tmp_path, QUERIES | ALERT_QUERIES)
    assert {name: line["errors"] for name, line in found.items() if line["errors"]} == {}
    assert found["success-by-site"]["columns"] == ["site", "episodes", "success"]
    assert set(found) == set(QUERIES) | set(ALERT_QUERIES)


@needs_kusto
def test_every_column_has_a_name_that_kql_takes(tmp_path: Path) -> None:
    queries = {table.name: f"{table.name} | project {', '.join(c.name for c in table.columns)}" for table in IN_KUSTO}
    found = check_kql(tmp_path, queries)
    assert {name: line["errors"] for name, line in found.items()} == {name: [] for name in queries}


@needs_kusto
def test_the_language_service_says_no(tmp_path: Path) -> None:
    bad = {
        "column": "Episodes | where sucess",
        "table": "Episode | count",
        "function": "Episodes | summarize median(1)",
    }
    assert all(line["errors"] for line in check_kql(tmp_path, bad).values())


@needs_grafana
def test_dashboards_are_what_grafanas_own_schema_asks(tmp_path: Path) -> None:
    source = NODE / "@grafana/schema/dist/types/raw/dashboard/x/types.gen.d.ts"
    made = subprocess.run(
        ["node", str(NODE / "ts-json-schema-generator/bin/ts-json-schema-generator.js"), "--path",
         str(shutil.copy(source, tmp_path / "dashboard.d.ts")), "--type", "Dashboard", "--no-type-check"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    validator = jsonschema.Draft7Validator(json.loads(made.stdout))
    for source_name in ("kusto", "prometheus"):
        validator.validate(dashboard(source_name))
    assert not validator.is_valid({**dashboard("kusto"), "tags": "physai"})
    assert not validator.is_valid({**dashboard("kusto"), "panel": []})


@needs_promtool
def test_rules_pass_promtools_unit_tests() -> None:
    folder = GENERATED / "prometheus"
    for words in (("check", "rules", "rules.yaml"), ("test", "rules", "rules.test.yaml")):
        done = subprocess.run(["promtool", *words], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    tested = (folder / "rules.test.yaml").read_text()
    assert all(alert.name in tested for alert in ALERTS if alert.promql)


ROWS = """
import json, sys, duckdb, duckdb_kql
connection = duckdb.connect(sys.argv[1], read_only=True)
connection.execute("SET TimeZone = 'UTC'")
rows = {}
for name, query in json.load(sys.stdin).items():
    found = duckdb_kql.kql(connection, query)
    rows[name] = found.fetchall() if hasattr(found, "fetchall") else list(found)
print(json.dumps(rows, default=str))
"""


def drift(minute: int, excess: float, policy: str, place: str | None = None) -> DriftEvent:
    """A state, in drift from an excess of 6 on."""
    data = DriftData(
        drift=f"sha256:{minute:064x}", report=f"sha256:{0:064x}", policy=policy, episodes=40 + minute, baseline=0.9,
        production=0.8, excess=excess, threshold=6.0, drifting=excess >= 6, place=place, spells=0,
    )  # fmt: skip
    time = datetime(2026, 1, 1, 12, minute, tzinfo=UTC)
    return DriftEvent(id=f"{policy}/{minute}", source=f"/drift/{policy}", time=time, data=data)


def run_kql(
    folder: Path, store: TelemetryStore, queries: dict[str, str], drifts: Sequence[DriftEvent] = ()
) -> dict[str, list[Any]]:
    copy = folder / "plain.duckdb"
    with duckdb.connect(str(copy)) as plain:
        plain.execute(f"ATTACH '{store.path}' AS fleet (READ_ONLY)")
        for name in TABLES:
            plain.execute(f"CREATE TABLE {name} AS SELECT * FROM fleet.{name}")
        plain.execute(f"CREATE TABLE Drift ({', '.join(f'{each.name} {each.duckdb}' for each in DRIFT.columns)})")
        for event in drifts:
            row = (event.id, event.source, event.time, *event.data.model_dump().values())
            plain.execute(f"INSERT INTO Drift VALUES ({', '.join('?' * len(row))})", row)
    done = subprocess.run(
        [sys.executable, "-c", ROWS, str(copy)], input=json.dumps(queries), capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(TOOLS / "kql")}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    rows: dict[str, list[Any]] = json.loads(done.stdout)
    return rows


@needs_duckdb_kql
def test_percentiles_of_a_fleet_are_those_of_its_histograms_added(tmp_path: Path) -> None:
    store = TelemetryStore(tmp_path / "t.duckdb")
    # of 100 inferences 90 are in bucket 32, 8 in 64 and 2 in 96: p50 there, p95 in 64, p99 in 96
    store.add([signal(0, "inference_ms", bucket=(32, 64), bucket_samples=(50, 4)),
               signal(0, "inference_ms", robot="robot-2", bucket=(32, 64, 96), bucket_samples=(40, 4, 2))])  # fmt: skip
    (row,) = run_kql(tmp_path, store, {"latency": QUERIES["latency-of-all"]})["latency"]
    assert row[1:] == pytest.approx([2 ** (31.5 / 32), 2 ** (63.5 / 32), 2 ** (95.5 / 32)])


@needs_duckdb_kql
def test_every_panels_kql_returns_rows_over_a_fleets_data(tmp_path: Path) -> None:
    store = TelemetryStore(tmp_path / "t.duckdb")
    store.add(
        [event for index in range(8) for event in (episode(index, index % 4 != 0), control(index), health(index))]
        + [signal(index, "inference_ms") for index in range(8)]
        + [signal(0, "joint_temperature_c.elbow")]
    )
    rows = run_kql(tmp_path, store, QUERIES, [drift(0, 1.5, POLICY)])
    assert set(rows) == set(QUERIES)
    assert [name for name, found in rows.items() if not found] == []


@needs_duckdb_kql
def test_the_drift_of_each_policy_is_shown_and_only_the_one_that_drifts_calls(tmp_path: Path) -> None:
    store, other = TelemetryStore(tmp_path / "t.duckdb"), f"sha256:{'b' * 64}"
    store.add([episode(0)])
    drifts = [
        drift(0, 3.0, POLICY), drift(5, 6.0, POLICY, "site plant-1"), drift(10, 7.5, POLICY, "site plant-1"),
        drift(0, 9.0, other, "everywhere"), drift(10, 0.0, other),
    ]  # fmt: skip
    asked = {"over time": QUERIES["drift"], "state": QUERIES["drift-state"], "alert": ALERT_QUERIES["PolicyDrift"]}
    rows = run_kql(tmp_path, store, asked, drifts)
    shares = {(at[14:16], policy): share for at, policy, share in rows["over time"]}
    assert shares == {
        ("00", POLICY): 0.5,
        ("05", POLICY): 1.0,
        ("10", POLICY): 1.25,
        ("00", other): 1.5,
        ("10", other): 0.0,
    }
    assert [(row[0], row[2:6]) for row in rows["state"]] == [
        (POLICY, [True, "site plant-1", 50, 0.8]), (other, [False, None, 50, 0.8]),
    ]  # fmt: skip
    assert [row[0] for row in rows["alert"]] == [POLICY]


def test_generated_files_are_what_the_definition_makes() -> None:
    assert generate(GENERATED, check=True).changed == ()
    on_disk = {path.relative_to(GENERATED).as_posix() for path in GENERATED.rglob("*") if path.is_file()}
    assert on_disk == set(contents())


def test_a_changed_file_is_named_and_mended(tmp_path: Path) -> None:
    generate(tmp_path)
    (tmp_path / "fabric/latency.kql").write_text("Control | take 1")
    refused = CliRunner().invoke(app, ["dashboards", "generate", "--output", str(tmp_path), "--check"])
    assert refused.exit_code == 1
    assert "fabric/latency.kql" in str(refused.exception)
    assert CliRunner().invoke(app, ["dashboards", "generate", "--output", str(tmp_path)]).exit_code == 0
    assert generate(tmp_path, check=True).changed == ()


def test_every_panel_is_in_grafana_and_every_kql_panel_in_the_workbook() -> None:
    titles = {panel["title"] for source in ("kusto", "prometheus") for panel in dashboard(source)["panels"]}
    assert titles == {panel.title for panel in PANELS}
    assert {item["name"] for item in workbook()["items"]} == {"parameters", *QUERIES}


def test_panels_do_not_overlap() -> None:
    places = [tuple(panel["gridPos"].values())[:2] for panel in dashboard("kusto")["panels"]]
    assert len(set(places)) == len(places)


def test_alert_rules_ask_the_eventhouse_for_the_same_rows() -> None:
    rules = alert_rules()["resources"]
    assert {rule["name"] for rule in rules} == {f"physai-{name}" for name in ALERT_QUERIES}
    query = rules[0]["properties"]["criteria"]["allOf"][0]["query"]
    assert query.startswith("[concat('adx(\"', parameters('eventhouse'), '\").Health\n| summarize heard")
