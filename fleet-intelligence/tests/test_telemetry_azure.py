"""What goes to Kusto, captured from Microsoft's own SDK; and the files that create the tables there."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.kusto.data import KustoClient, KustoConnectionStringBuilder
from azure.kusto.data.exceptions import KustoServiceError

from physai.fleet_intelligence.errors import StaleTablesError
from physai.fleet_intelligence.telemetry import publish
from physai.fleet_intelligence.telemetry.door import pack
from physai.fleet_intelligence.telemetry.eventhouse import Eventhouse
from physai.fleet_intelligence.telemetry.tables import TABLES
from physai.infrastructure.kusto import MAX_BODY_BYTES, commands

from .kusto_service import Kusto, kusto_service
from .make_events import control, episode, health, signal

COMMITTED = Path(__file__).parents[1] / "telemetry" / "specifications"


@pytest.fixture
def kusto() -> Iterator[Kusto]:
    with kusto_service() as server:
        yield server


@pytest.fixture
def eventhouse(kusto: Kusto) -> Iterator[Eventhouse]:
    with KustoClient(KustoConnectionStringBuilder.with_no_authentication(kusto.uri)) as client:
        yield Eventhouse(client, "Fleet")


def test_each_table_streams_through_its_own_mapping(kusto: Kusto, eventhouse: Eventhouse) -> None:
    told = [episode(0), control(0), health(0), signal(0)]
    assert [eventhouse.take(batch) for batch in pack(told)] == [1, 1, 1, 1]
    for (path, headers, body), table, event in zip(kusto.got, TABLES.values(), told, strict=True):
        assert path.startswith(f"/v1/rest/ingest/Fleet/{table.name}Raw?streamFormat=")
        assert path.endswith(f"&mappingName={table.name}Events")
        assert headers["Content-Encoding"] == "gzip"
        assert json.loads(gzip.decompress(body)) == json.loads(event.model_dump_json())


def test_a_large_batch_is_sent_in_bodies_that_kusto_takes(kusto: Kusto, eventhouse: Eventhouse) -> None:
    events = [episode(number) for number in range(6000)]
    (batch,) = pack(events)
    assert eventhouse.take(batch) == 6000
    bodies = [gzip.decompress(body) for *_, body in kusto.got]
    assert len(bodies) == 2, "6,000 events of some 880 bytes, 4 MiB at a time"
    assert max(map(len, bodies)) <= MAX_BODY_BYTES
    assert b"\n".join(bodies).splitlines() == [event.model_dump_json().encode() for event in events]


def test_a_refusal_of_kusto_is_not_taken_for_success(kusto: Kusto, eventhouse: Eventhouse) -> None:
    kusto.status = 400
    (batch,) = pack([episode(0)])
    with pytest.raises(KustoServiceError):
        eventhouse.take(batch)


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_every_mapping_leads_from_an_event_to_a_column(table) -> None:
    event = json.loads(
        {"Episodes": episode(0), "Control": control(0), "Health": health(0), "Signals": signal(0)}[
            table.name
        ].model_dump_json()
    )
    (command,) = (each for each in commands(TABLES.values()) if f"{table.name}Raw ingestion json mapping" in each)
    paths = json.loads(re.search(r"'(\[.*\])'", command)[1])
    assert [each["column"] for each in paths] == [column.name for column in table.columns]
    for each in paths:
        value = event
        for part in each["Properties"]["Path"].removeprefix("$.").split("."):
            value = value[part]


def test_the_committed_tables_are_those_of_the_contracts(tmp_path: Path) -> None:
    publish.check(COMMITTED)
    with pytest.raises(StaleTablesError, match=r"tables\.json, tables\.kql: not as the contracts make them"):
        publish.check(tmp_path)
    assert publish.export(tmp_path) == ("tables.json", "tables.kql")
    publish.check(tmp_path)
