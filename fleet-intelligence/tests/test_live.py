import json
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from physai.fleet_intelligence.dashboards.definition import PANELS
from physai.fleet_intelligence.dashboards.prometheus import rules
from physai.fleet_intelligence.drift.cusum import Level
from physai.fleet_intelligence.live.metrics import exposition
from physai.fleet_intelligence.live.view import drift_states, look
from physai.fleet_intelligence.telemetry.store import TelemetryStore

from .make_events import POLICY, control, episode, signal
from .serve_live import evaluation, make_store, serving

LEVEL = Level(0.05, 100)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> TelemetryStore:
    return make_store(tmp_path_factory.mktemp("live"))


@pytest.fixture(scope="module")
def address(store: TelemetryStore) -> Iterator[str]:
    with serving(store) as found:
        yield found


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as response:
        return str(response.read().decode())


def test_the_view_counts_what_is_in_the_store(store: TelemetryStore) -> None:
    """Robot 2 fails episodes 31, 33, … 59: fifteen of its sixty."""
    view = look(store, [evaluation()], LEVEL, 7)
    assert view.total is not None
    assert (view.total.successes, view.total.episodes) == (105, 120)
    assert [(group.name, group.success.successes) for group in view.groups["robot"]] == [
        ("robot-2", 45),
        ("robot-1", 60),
    ]
    assert (view.latency["failed"], view.latency["steps"]) == (6, 5400)
    report = view.drift[0].report
    assert report is not None
    assert report.detected_at is not None
    assert report.attribution is not None
    assert (report.attribution.level, report.attribution.name) == ("robot", "robot-2")


def test_latency_is_that_of_all_inferences_where_robots_tell_histograms(tmp_path: Path) -> None:
    with TelemetryStore(tmp_path / "t.duckdb") as store:
        store.add([episode(0), control(0, inference_p50_ms=0.5)])
        assert look(store, [], LEVEL, 7).latency["p50"] == 0.5
        store.add([signal(0, "inference_ms", bucket=(32, 96), bucket_samples=(90, 4)),
                   signal(1, "inference_ms", robot="robot-2", bucket=(32, 128), bucket_samples=(4, 2)),
                   signal(1, "action", bucket=(500,), bucket_samples=(9000,))])  # fmt: skip
        latency = look(store, [], LEVEL, 7).latency
    middles = {32: 2 ** (31.5 / 32), 96: 2 ** (95.5 / 32), 128: 2 ** (127.5 / 32)}
    # 94 of 100 in bucket 32, 98 up to 96
    assert (latency["p50"], latency["p95"], latency["p99"]) == (middles[32], middles[96], middles[128])


def test_a_policy_without_a_report_is_told_as_such(store: TelemetryStore) -> None:
    assert drift_states(store, [], LEVEL)[0].why == "no evaluation report given"


def test_an_empty_store_has_a_page_too(tmp_path: Path) -> None:
    with serving(TelemetryStore(tmp_path / "empty.duckdb")) as address:
        assert "No episode yet" in fetch(address)


def test_metrics_are_the_stores_counts(store: TelemetryStore) -> None:
    text = exposition(store, drift_states(store, [evaluation()], LEVEL))
    labels = f'policy="{POLICY}",site="plant-1",cohort="pilot",robot="robot-2"'
    assert f'physai_episodes_total{{{labels},outcome="failure"}} 15.0' in text
    assert 'physai_inference_failures_total{site="plant-1",robot="robot-1"} 6.0' in text
    assert f'physai_drift_threshold_failures{{policy="{POLICY}"}}' in text


def test_a_window_without_an_action_has_no_latency_and_keeps_the_last(tmp_path: Path) -> None:
    none = dict.fromkeys(f"inference_{part}_ms" for part in ("p50", "p95", "p99", "max"))
    with TelemetryStore(tmp_path / "t.duckdb") as store:
        assert store.add([episode(0), control(0), control(1, **none, steps=600, errors=600)]).added == 3
        text = exposition(store, [])
        assert [line for line in text.splitlines() if line.startswith("physai_inference_p99_ms{")] == [
            'physai_inference_p99_ms{site="plant-1",robot="robot-1"} 1.25'
        ]
        assert look(store, [], LEVEL, 7).latency["p50"] == 0.5


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    store = TelemetryStore(tmp_path / "t.duckdb")
    store.add([episode(0, robot='<script>"x"')])
    assert r'robot="<script>\"x\""' in exposition(store, [])
    with serving(store) as address:
        assert "<script>&#34;x" not in fetch(address)
        assert "&lt;script&gt;" in fetch(address)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is missing")
def test_promtool_accepts_the_metrics(address: str) -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=fetch(f"{address}metrics"), capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 3), done.stdout + done.stderr  # 3: advice on names, e.g. for milliseconds
    assert "error while linting" not in done.stderr


def ask(prometheus: str, query: str) -> list[object]:
    found = json.loads(fetch(f"{prometheus}/api/v1/query?" + urllib.parse.urlencode({"query": query})))
    return list(found["data"]["result"])


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is missing")
def test_every_panels_promql_returns_rows_from_a_real_prometheus(address: str, tmp_path: Path) -> None:
    group = rules()["groups"][0]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{**group, "interval": "1s"}]}))
    config = {
        "global": {"scrape_interval": "1s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [
            {"job_name": "physai", "static_configs": [{"targets": [urllib.parse.urlsplit(address).netloc]}]}
        ],
    }
    (tmp_path / "prometheus.yaml").write_text(yaml.safe_dump(config))
    port = 19090
    process = subprocess.Popen(
        ["prometheus", "--config.file=prometheus.yaml", "--storage.tsdb.path=data",
         f"--web.listen-address=127.0.0.1:{port}"],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    waiting = {panel.name: panel.promql for panel in PANELS if panel.promql}
    try:
        deadline = time.monotonic() + 60
        while waiting and time.monotonic() < deadline:
            time.sleep(0.5)
            try:
                waiting = {name: query for name, query in waiting.items() if not ask(f"http://127.0.0.1:{port}", query)}
            except OSError:
                assert process.poll() is None
        assert waiting == {}
        assert ask(f"http://127.0.0.1:{port}", 'ALERTS{alertname="PolicyDrift"}')
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize("width", [1280, 820])
def test_an_event_appears_on_the_page_by_itself(tmp_path: Path, width: int) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    store = make_store(tmp_path)
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    with serving(store) as address, sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        page = browser.new_page(viewport={"width": width, "height": 900})
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(address)
        page.get_by_text("live", exact=True).wait_for()
        assert "robot robot-2" in page.inner_text("#view")
        assert "robot-new" not in page.inner_text("#view")
        store.add([episode(99, False, robot="robot-new")])
        page.get_by_text("robot-new").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") == width
        browser.close()
        assert [line for line in said if "favicon" not in line and "404" not in line] == []
