"""A report reaches every sink once, or it is said which sink lacks it; Microsoft's own clients speak here."""

import json
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from azure.kusto.data import KustoClient, KustoConnectionStringBuilder
from typer.testing import CliRunner

from physai.evaluation.cli import app
from physai.evaluation.errors import ReportError, UnpublishedError
from physai.evaluation.sinks import Sink, publish
from physai.evaluation.sinks import monitor as monitoring
from physai.evaluation.sinks.eventhouse import EventhouseSink
from physai.evaluation.sinks.events import mean_kpis
from physai.evaluation.sinks.monitor import CONNECTION, MonitorSink
from physai.evaluation.sinks.publish import receipt_path
from physai.evaluation.sinks.tracking import TrackingSink
from physai.infrastructure.contracts import EpisodeOutcome, EvaluationReport
from physai.infrastructure.kusto import EVALUATIONS, commands
from physai.infrastructure.settings import Settings

from .receiver import Mode, Receiver, receiving

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # inside MLflow
Make = Callable[..., EvaluationReport]
MadeSink = Callable[[Receiver], Sink]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


@pytest.fixture
def report(make_evaluation: Make, tmp_path: Path) -> Path:
    return make_evaluation(candidate=[True] * 9 + [False], champion=[True] * 6 + [False] * 4).write(
        tmp_path / "report.json"
    )


def monitor(receiver: Receiver) -> Sink:
    return MonitorSink(receiver.connection_string, timeout_s=1.5, retries=0)


def eventhouse(receiver: Receiver) -> Sink:
    client = KustoClient(KustoConnectionStringBuilder.with_no_authentication(receiver.uri))
    return EventhouseSink(client, receiver.uri, "Fleet")


WORKBOOK = Path(monitoring.__file__).with_name("workbook.json")
BOTH = pytest.mark.parametrize("make", [monitor, eventhouse])


def ids(receiver: Receiver) -> list[str]:
    """Of each policy's event, as often as it was taken."""
    return [
        document["id"] if "id" in document else document["data"]["baseData"]["properties"]["event_id"]
        for _, documents in receiver.got
        for document in documents
    ]


def test_the_eventhouse_gets_one_event_per_policy_through_the_mapping(receiver: Receiver, report: Path) -> None:
    assert publish(report, [eventhouse(receiver)]).failures == []
    ((path, told),) = receiver.got
    assert path.startswith("/v1/rest/ingest/Fleet/EvaluationsRaw?")
    assert path.endswith("&mappingName=EvaluationsEvents")
    data = [each["data"] for each in told]
    assert [(each["role"], each["successes"], each["success"]) for each in data] == [
        ("candidate", 9, 0.9),
        ("champion", 6, 0.6),
    ]
    assert data[0]["difference"] is None
    assert data[1]["difference"] == pytest.approx(0.3)  # 0.9 - 0.6
    (command,) = (each for each in commands([EVALUATIONS]) if "json mapping" in each)
    for column in json.loads(cast("re.Match[str]", re.search(r"'(\[.*\])'", command))[1]):
        value = told[1]
        for part in column["Properties"]["Path"].removeprefix("$.").split("."):
            value = value[part]


def test_azure_monitor_gets_every_number_with_its_policy(receiver: Receiver, report: Path) -> None:
    assert publish(report, [monitor(receiver)]).failures == []
    ((path, told),) = receiver.got
    assert path.endswith("/track")
    points = [each["data"]["baseData"] for each in told]
    values = {(each["properties"]["role"], each["metrics"][0]["name"]): each["metrics"][0]["value"] for each in points}
    assert values["candidate", "physai.evaluation.success"] == 0.9
    assert values["champion", "physai.evaluation.difference"] == pytest.approx(0.3)
    # errors of 0, 1, … 9 cm: 4.5 cm on average
    assert values["candidate", "physai.evaluation.kpi.final_error_m"] == pytest.approx(0.045)
    assert len(values) == len(told)


def test_the_workbook_asks_for_what_is_sent_and_counts_each_policy_once(receiver: Receiver, report: Path) -> None:
    publish(report, [monitor(receiver)])
    points = [each["data"]["baseData"] for each in receiver.got[0][1]]
    names = {point["metrics"][0]["name"] for point in points}
    labels = {label for point in points for label in point["properties"]}
    items = json.loads(WORKBOOK.read_text())["items"]
    queries = [item["content"]["query"] for item in items if item["type"] == 3]
    assert len(queries) == 3
    for query in queries:
        assert set(re.findall(r"physai\.evaluation\.\w+\b(?!\.)", query)) <= names
        assert set(re.findall(r"customDimensions\.(\w+)", query)) <= labels
        assert "summarize take_any(value, timestamp, customDimensions) by event_id, name" in query


def test_mlflow_keeps_numbers_and_report_in_one_run_however_often_it_is_told(report: Path, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    where = Settings(home=tmp_path / "home").filled()
    for _ in range(2):
        assert publish(report, [TrackingSink(where=where)]).failures == []
        receipt_path(report).unlink()
    client = MlflowClient(str(where.tracking_uri))
    experiment = client.get_experiment_by_name("evaluation")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.status, run.data.metrics["candidate.success"]) == ("FINISHED", 0.9)
    assert len(client.get_metric_history(run.info.run_id, "candidate.success")) == 1
    assert [each.path for each in client.list_artifacts(run.info.run_id)] == ["report.json"]


@BOTH
def test_what_was_taken_is_not_sent_again(receiver: Receiver, report: Path, make: MadeSink) -> None:
    sinks = [make(receiver)]
    assert [publish(report, sinks).deliveries[0].status for _ in range(2)] == ["published", "already"]
    assert len(receiver.got) == 1


@BOTH
def test_another_report_under_the_same_name_is_sent(
    receiver: Receiver, report: Path, make_evaluation: Make, make: MadeSink
) -> None:
    publish(report, [make(receiver)])
    make_evaluation(candidate=[True] * 4).write(report)
    assert publish(report, [make(receiver)]).deliveries[0].status == "published"
    assert len(receiver.got) == 2


@pytest.mark.parametrize(
    ("make", "mode"),
    [(monitor, "refuse"), (monitor, "slow"), (monitor, "die"), (eventhouse, "refuse"), (eventhouse, "die")],
)
def test_a_sink_that_fails_is_named_and_gets_the_same_report_later(
    receiver: Receiver, report: Path, make: MadeSink, mode: Mode
) -> None:
    before, receiver.mode = report.read_bytes(), mode
    failed = publish(report, [make(receiver)])
    assert [each.status for each in failed.deliveries] == ["failed"]
    assert re.match(
        rf"(azure-monitor|eventhouse) at {receiver.uri}.*: report\.json was not taken: \w+", failed.failures[0]
    )
    assert (report.read_bytes(), receipt_path(report).exists()) == (before, False)
    receiver.mode = "take"
    assert publish(report, [make(receiver)]).failures == []
    taken = ids(receiver)
    assert set(taken) == {f"{EvaluationReport.read(report).digest}/{role}" for role in ("candidate", "champion")}


@BOTH
def test_a_sink_that_died_before_it_answered_counts_the_report_once(
    receiver: Receiver, report: Path, make: MadeSink
) -> None:
    receiver.mode = "die"
    publish(report, [make(receiver)])
    once = set(ids(receiver))
    receiver.mode = "take"
    publish(report, [make(receiver)])
    assert len(receiver.got) >= 2, "it was told twice"
    assert set(ids(receiver)) == once, "under the ids by which the view and the workbook keep one"


def test_one_sink_that_is_down_keeps_no_other_from_the_report(receiver: Receiver, report: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"InstrumentationKey={'0' * 8}-0000-0000-0000-{'0' * 12};IngestionEndpoint=http://127.0.0.1:{free.getsockname()[1]}"
    published = publish(report, [MonitorSink(nobody, timeout_s=0.3, retries=0), eventhouse(receiver)])
    assert [each.status for each in published.deliveries] == ["failed", "published"]
    assert "onnection refused" in published.failures[0]


def test_a_report_that_contradicts_itself_is_sent_nowhere(receiver: Receiver, report: Path) -> None:
    report.write_text(report.read_text().replace('"successes": 9', '"successes": 10'))
    with pytest.raises(ReportError, match="does not follow from the episodes"):
        publish(report, [eventhouse(receiver)])
    assert receiver.got == []


def test_a_mean_is_over_the_episodes_that_have_the_measure() -> None:
    kpis: list[dict[str, float]] = [{"a_m": 1.0}, {"a_m": 3.0, "b_s": 4.0}]
    episodes = [EpisodeOutcome(condition=i, success=True, steps=1, kpis=each) for i, each in enumerate(kpis)]
    assert mean_kpis(episodes) == {"a_m": 2.0, "b_s": 4.0}


def test_the_command_fails_by_name_and_shows_what_it_did(
    receiver: Receiver, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CONNECTION, receiver.connection_string)
    arguments = ["publish", str(report), "--to", "azure-monitor", "--json"]
    receiver.mode = "refuse"
    failed = CliRunner().invoke(app, arguments)
    assert isinstance(failed.exception, UnpublishedError)
    assert str(failed.exception).startswith(f"{report}: kept, but not published everywhere: azure-monitor at ")
    receiver.mode = "take"
    taken = CliRunner().invoke(app, arguments)
    assert taken.exit_code == 0
    assert json.loads(taken.stdout)["deliveries"][0]["status"] == "published"


@pytest.mark.parametrize("target", ["azure-monitor", "eventhouse"])
def test_a_sink_without_an_address_is_misuse(report: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CONNECTION, raising=False)
    assert CliRunner().invoke(app, ["publish", str(report), "--to", target]).exit_code == 2
