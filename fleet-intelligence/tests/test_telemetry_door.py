"""What may come in: the fast decoders never accept what the contracts refuse."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from physai.fleet_intelligence.telemetry.door import MAX_EVENT_BYTES, Door
from physai.fleet_intelligence.telemetry.rows import decode
from physai.fleet_intelligence.telemetry.tables import TABLES
from physai.infrastructure.kusto import Table

from .make_events import control, episode, health, signal

GOOD = {"Episodes": episode(0), "Control": control(0), "Health": health(0), "Signals": signal(0)}
SOURCE = "/plant-1/robot-1"
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just([]), st.just({}), st.just([1.5]),
    st.sampled_from(
        ["", "x" * 201, "sha256:" + "a" * 64 + "\n", "/a/b/c", "/a/b\n", "1.0", 2**53, 2**53 + 1, -1, 1e999, 0, 1.0,
         "2026-01-01T00:00:00", "2026-01-01T00:00:00Z", "2026-01-01 00:00:00+02:00", "2026-01-01", "1767225600",
         [1.0] * 257, [1], [None], ["1"], {"k": 1}, {"k": "1"}, {"": 1.0}, {str(i): 1.0 for i in range(65)}]
    ),
)  # fmt: skip


def body(table: Table) -> dict[str, Any]:
    return json.loads(GOOD[table.name].model_dump_json())


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_the_fastdecoder_accepts_nothing_that_the_contract_refuses(table: Table, data: st.DataObject) -> None:
    event = body(table)
    target = data.draw(st.sampled_from([event, event["data"]]))
    name = data.draw(st.sampled_from([*target, "surprise"]))
    if data.draw(st.booleans()):
        target[name] = data.draw(ODD)
    else:
        target.pop(name, None)
    content = json.dumps(event).encode()
    try:
        (fast,) = decode(table.event, b"[" + content + b"]")
    except msgspec.DecodeError:
        return
    try:
        slow = table.event.model_validate_json(content)
    except ValidationError as error:
        pytest.fail(f"accepted {content!r}: {error}")
    assert table.event.model_validate_json(msgspec.json.encode(fast)) == slow


@given(payload=st.one_of(st.binary(max_size=200), st.text(alphabet='[]{},:"0e', max_size=60).map(str.encode)))
def test_no_payload_is_fatal(payload: bytes) -> None:
    passed = Door().take(TABLES["Health"], payload, "topic", SOURCE)
    assert not len(passed.columns)


def test_a_payload_of_brackets_is_refused() -> None:
    passed = Door().take(TABLES["Health"], b"[" * 1_000_000, "topic", SOURCE)
    assert [refusal.reason for refusal in passed.refused] == ["malformed"]


def test_a_bad_event_stops_no_other() -> None:
    now = datetime.now(UTC)
    good = [body(TABLES["Episodes"]) | {"id": f"e/{number}"} for number in range(3)]
    bad = {
        "malformed": good[0] | {"data": {}},
        "oversized": good[0] | {"id": "x" * MAX_EVENT_BYTES},
        "future": good[0] | {"time": (now + timedelta(minutes=6)).isoformat()},
        "foreign": good[0] | {"source": "/plant-1/robot-2"},
    }
    payload = json.dumps([good[0], *bad.values(), *good[1:]]).encode()
    passed = Door(now).take(TABLES["Episodes"], payload, "topic", SOURCE)
    assert passed.columns["event_id"].to_pylist() == ["e/0", "e/1", "e/2"]
    assert [(refusal.reason, refusal.where) for refusal in passed.refused] == [
        (reason, f"topic[{number}]") for number, reason in enumerate(bad, start=1)
    ]


def test_a_clock_that_is_a_little_ahead_is_forgiven() -> None:
    now = datetime.now(UTC)
    event = body(TABLES["Control"]) | {"time": (now + timedelta(minutes=4)).isoformat()}
    assert len(Door(now).take(TABLES["Control"], json.dumps([event]).encode(), "topic", SOURCE).columns) == 1


def test_of_a_key_that_is_told_twice_one_value_is_checked_and_kept() -> None:
    content = GOOD["Episodes"].model_dump_json().replace('"success":true', '"success":"no","success":true')
    passed = Door().take(TABLES["Episodes"], f"[{content}]".encode(), "topic", SOURCE)
    assert passed.columns["success"].to_pylist() in ([], [True])
    assert len(passed.columns) + len(passed.refused) == 1


def test_events_of_another_table_are_refused() -> None:
    payload = f"[{GOOD['Health'].model_dump_json()}]".encode()
    passed = Door().take(TABLES["Episodes"], payload, "topic", SOURCE)
    assert passed.refused[0].reason == "malformed"
    assert "type" in passed.refused[0].why or "policy" in passed.refused[0].why
