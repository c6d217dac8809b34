"""The robot's event log: nothing lost, nothing twice, nothing half."""

import resource
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physai.fleet_deployment.errors import EventLogError
from physai.fleet_deployment.robot.event_log import EventLog
from physai.fleet_deployment.robot.work import make_event
from physai.infrastructure.contracts import EpisodeData, EpisodeEvent


def event(episode: int, *, robot: str = "robot-1", release: str = "spring") -> EpisodeEvent:
    data = EpisodeData(
        policy="sha256:" + "a" * 64,
        release=release,
        robot=robot,
        site="plant-1",
        task="Isaac-Reach-UR10",
        episode=episode,
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        success=episode % 2 == 0,
        steps=30,
        duration_s=1.0,
        command=(0.5, 0.1, 0.3),
    )
    return make_event(data, datetime(2026, 1, 1, tzinfo=UTC))


def test_the_same_episode_has_the_same_id_whenever_it_is_told() -> None:
    assert event(7).id == "spring/robot-1/000007"
    assert event(7).source == "/plant-1/robot-1"


def test_what_is_appended_is_read_again(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "out/events.jsonl")
    for episode in (2, 0):
        log.append(event(episode))
    again = EventLog(log.path)
    assert again.events == [event(2), event(0)]
    assert again.episodes("robot-1", "spring") == {0, 2}
    assert again.episodes("robot-2", "spring") == again.episodes("robot-1", "autumn") == set()


@given(whole=st.integers(0, 3), cut=st.integers(1, 10_000))
def test_a_line_cut_off_by_a_kill_is_dropped_and_the_log_goes_on(
    tmp_path_factory: pytest.TempPathFactory, whole: int, cut: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "events.jsonl"
    lines = [event(episode).model_dump_json().encode() + b"\n" for episode in range(whole + 1)]
    path.write_bytes(b"".join(lines[:-1]) + lines[-1][: 1 + cut % (len(lines[-1]) - 1)])
    log = EventLog(path)
    assert log.episodes("robot-1", "spring") == set(range(whole))
    log.append(event(whole))
    assert EventLog(path).events == [event(episode) for episode in range(whole + 1)]


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(event(0).model_dump_json() + '\n{"not": "an event"}\n')
    with pytest.raises(EventLogError, match="line 2 is no telemetry event"):
        EventLog(path)


def test_a_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    log.append(event(0))
    size = log.path.stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, before[1]))
    try:
        with pytest.raises(OSError, match=r"No space left on device: '.*events\.jsonl'"):
            log.append(event(1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert log.path.stat().st_size == size
    log.append(event(1))
    assert EventLog(log.path).episodes("robot-1", "spring") == {0, 1}
