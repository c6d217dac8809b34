import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physai.fleet_intelligence.telemetry.door import MAX_EVENT_BYTES
from physai.fleet_intelligence.telemetry.reading import find_event_files, read_events
from physai.infrastructure.contracts import digest_bytes
from physai.infrastructure.errors import MissingFileError

from .make_events import episode, write_events

POLICY = digest_bytes(b"policy")
GOOD = episode(0, True, POLICY).model_dump_json().encode()


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_events_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    events = [episode(index, index % 2 == 0, POLICY) for index in range(5)]
    batch = read_events(write_events(tmp_path, events))
    assert batch.events == tuple(events)
    assert (batch.refused, batch.torn) == ((), False)


def test_a_bad_line_is_named_by_file_and_number_and_the_rest_is_read(tmp_path: Path) -> None:
    wrong_type = json.dumps({**json.loads(GOOD), "specversion": "0.3"}).encode()
    unknown = json.dumps({**json.loads(GOOD), "surprise": 1}).encode()
    lines = [GOOD, b"{not json", b"", b"[]", wrong_type, unknown, b"\xff\xfe", GOOD]
    path = write(tmp_path / "events.jsonl", b"\n".join(lines) + b"\n")
    batch = read_events(path)
    assert len(batch.events) == 2
    assert [refusal.where for refusal in batch.refused] == [f"{path}:{number}" for number in (2, 4, 5, 6, 7)]
    assert batch.refused[2].why == "specversion: Input should be '1.0'"
    assert batch.refused[3].why == "surprise: Extra inputs are not permitted"


def test_an_oversized_line_is_refused_without_being_read_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "events.jsonl", b"x" * (3 * MAX_EVENT_BYTES) + b"\n" + GOOD + b"\n")
    batch = read_events(path)
    assert len(batch.events) == 1
    assert batch.refused[0].where == f"{path}:1"
    assert batch.refused[0].why == f"longer than {MAX_EVENT_BYTES} bytes"


def test_the_largest_allowed_line_is_read(tmp_path: Path) -> None:
    padding = b" " * (MAX_EVENT_BYTES - len(GOOD))
    batch = read_events(write(tmp_path / "events.jsonl", GOOD + padding + b"\n" + GOOD + padding + b" \n"))
    assert (len(batch.events), len(batch.refused)) == (1, 1)


@given(cut=st.integers(min_value=1, max_value=len(GOOD) - 1))
def test_a_torn_last_line_is_told_and_not_refused(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = write(tmp_path_factory.mktemp("torn") / "events.jsonl", GOOD + b"\n" + GOOD[:cut])
    batch = read_events(path)
    assert (len(batch.events), batch.refused, batch.torn) == (1, (), True)


def test_a_last_line_that_lacks_only_its_line_feed_counts(tmp_path: Path) -> None:
    batch = read_events(write(tmp_path / "events.jsonl", GOOD))
    assert (len(batch.events), batch.torn) == (1, False)


@given(content=st.lists(st.one_of(st.just(GOOD), st.binary(max_size=30)), max_size=6))
def test_whatever_is_in_a_file_each_line_is_an_event_or_refused_or_torn(
    tmp_path_factory: pytest.TempPathFactory, content: list[bytes]
) -> None:
    path = write(tmp_path_factory.mktemp("any") / "events.jsonl", b"\n".join(content))
    batch = read_events(path)
    lines = [line for line in path.read_bytes().split(b"\n") if line.strip()]
    assert len(batch.events) + len(batch.refused) + batch.torn == len(lines)
    assert len(batch.events) == sum(line.strip() == GOOD for line in lines)


def test_event_files_are_found_in_folders_once_each(tmp_path: Path) -> None:
    one = write_events(tmp_path / "a" / "telemetry", [episode(0, True, POLICY)])
    two = write_events(tmp_path / "b", [episode(0, True, POLICY)])
    assert find_event_files([tmp_path, one, two]) == [one, two]


def test_a_path_without_events_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"nowhere: no events\.jsonl here"):
        find_event_files([tmp_path / "nowhere"])
    with pytest.raises(MissingFileError):
        find_event_files([tmp_path])
