import signal
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pytest

from physai.fleet_intelligence.errors import NoEventsError, TelemetryStoreError
from physai.fleet_intelligence.telemetry.ingest import ingest
from physai.fleet_intelligence.telemetry.sql import event_of
from physai.fleet_intelligence.telemetry.store import TelemetryStore
from physai.fleet_intelligence.telemetry.summary import summarize
from physai.fleet_intelligence.telemetry.tables import TABLES
from physai.infrastructure.contracts import digest_bytes

from .make_events import control, episode, health, write_events
from .make_events import signal as signal_event

POLICY, OTHER = digest_bytes(b"policy"), digest_bytes(b"other")


@pytest.fixture
def store(tmp_path: Path):
    with TelemetryStore(tmp_path / "telemetry.duckdb") as opened:
        yield opened


def test_an_event_is_kept_once_however_often_it_is_told(store: TelemetryStore, tmp_path: Path) -> None:
    events = [episode(index, True, POLICY) for index in range(10)]
    first = ingest(store, [write_events(tmp_path / "a", events)])
    assert (first.added, first.duplicates) == (10, 0)
    again = ingest(store, [write_events(tmp_path / "b", [*events[5:], episode(10, False, POLICY)])])
    assert (again.added, again.duplicates, again.refused) == (1, 5, ())
    assert len(store.events()) == 11


def test_the_same_id_with_another_content_is_refused_and_the_first_stays(store: TelemetryStore, tmp_path: Path) -> None:
    ingest(store, [write_events(tmp_path / "a", [episode(0, False, POLICY)])])
    done = ingest(store, [write_events(tmp_path / "b", [episode(0, True, POLICY)])])
    assert (done.added, done.duplicates) == (0, 0)
    assert done.refused[0].why == "reach-1/robot-1/000000: known with another content"
    assert [each.data.success for each in store.events()] == [False]


def test_two_robots_may_use_the_same_id(store: TelemetryStore) -> None:
    one, two = episode(0, True, POLICY), episode(0, True, POLICY, "robot-2")
    assert store.add([one, two.model_copy(update={"id": one.id})]).added == 2


def test_events_come_in_order_of_time_and_can_be_chosen(store: TelemetryStore) -> None:
    events = [episode(index, True, POLICY if index < 3 else OTHER, f"robot-{1 + index % 2}") for index in range(6)]
    store.add(reversed(events))
    assert store.events() == tuple(sorted(events, key=lambda each: each.time))
    assert [each.data.episode for each in store.events(policy=POLICY)] == [0, 1, 2]
    assert [each.data.episode for each in store.events(robot="robot-2")] == [1, 3, 5]
    assert store.events(site="plant-9") == ()


def test_success_is_counted_by_policy_robot_and_site(store: TelemetryStore) -> None:
    store.add(episode(index, index < 6, POLICY, "robot-1") for index in range(8))
    store.add(episode(index, False, POLICY, "robot-2", site="plant-2") for index in range(2))
    store.add([episode(100, True, OTHER)])
    summary = summarize(store)
    assert summary.episodes == 11
    counted = {
        (each.policy, each.by, each.name): (each.success.successes, each.success.episodes) for each in summary.groups
    }
    assert counted == {
        (POLICY, "policy", POLICY): (6, 10),
        (POLICY, "cohort", "pilot"): (6, 10),
        (POLICY, "robot", "robot-1"): (6, 8),
        (POLICY, "robot", "robot-2"): (0, 2),
        (POLICY, "site", "plant-1"): (6, 8),
        (POLICY, "site", "plant-2"): (0, 2),
        (OTHER, "policy", OTHER): (1, 1),
        (OTHER, "cohort", "pilot"): (1, 1),
        (OTHER, "robot", "robot-1"): (1, 1),
        (OTHER, "site", "plant-1"): (1, 1),
    }
    assert [each.policy for each in summary.groups] == [POLICY] * 6 + [OTHER] * 4


def test_files_without_a_single_event_are_an_error(store: TelemetryStore, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text("")
    with pytest.raises(NoEventsError, match="no events in it"):
        ingest(store, [tmp_path])
    (tmp_path / "events.jsonl").write_text("{}\n")
    with pytest.raises(NoEventsError, match=r"events\.jsonl:1: id: Field required"):
        ingest(store, [tmp_path])


WRITE_THEN_DIE = """
import os, signal, sys
from pathlib import Path
from physai.fleet_intelligence.telemetry.reading import read_events
from physai.fleet_intelligence.telemetry.store import TelemetryStore
events = read_events(Path(sys.argv[2])).events
def then_die():
    yield from events[:50]
    os.kill(os.getpid(), signal.SIGKILL)
TelemetryStore(Path(sys.argv[1])).add(then_die())
"""


def test_a_killed_ingest_leaves_nothing_and_the_next_one_all(tmp_path: Path) -> None:
    path = write_events(tmp_path, [episode(index, True, POLICY) for index in range(100)])
    command = [sys.executable, "-c", WRITE_THEN_DIE, str(tmp_path / "t.db"), str(path)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    with TelemetryStore(tmp_path / "t.db") as store:
        assert store.events() == ()
        assert ingest(store, [path]).added == 100


def test_processes_that_ingest_at_once_keep_each_event_once(tmp_path: Path) -> None:
    path = write_events(tmp_path, [episode(index, True, POLICY) for index in range(200)])
    code = (
        "import sys; from pathlib import Path; from physai.fleet_intelligence.telemetry.ingest import ingest; "
        "from physai.fleet_intelligence.telemetry.store import TelemetryStore; "
        "done = ingest(TelemetryStore(Path(sys.argv[1])), [Path(sys.argv[2])]); print(done.added, done.duplicates)"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "t.db"), str(path)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    answers = [process.communicate()[0].split() for process in running]
    assert sum(int(added) for added, _ in answers) == 200
    assert sum(int(duplicates) for _, duplicates in answers) == 400


def test_a_file_that_is_no_telemetry_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"not a database, but long enough to be looked at as one" * 100)
    with pytest.raises(TelemetryStoreError, match="not a valid DuckDB database file"):
        TelemetryStore(tmp_path / "text")
    with pytest.raises(TelemetryStoreError, match="DuckDB cannot use it"):
        TelemetryStore(tmp_path)
    with duckdb.connect(str(tmp_path / "foreign.duckdb")) as foreign:
        foreign.execute("CREATE TABLE x (y INTEGER)")
    with pytest.raises(TelemetryStoreError, match="a database of another program"):
        TelemetryStore(tmp_path / "foreign.duckdb")


def test_a_store_of_another_version_is_refused(store: TelemetryStore) -> None:
    with store.writing() as connection:
        connection.execute("UPDATE store SET version = 99")
    with pytest.raises(TelemetryStoreError, match="written in version 99, this reads version 2"):
        TelemetryStore(store.path)


FILL = """
import resource, signal, sys
from pathlib import Path
from physai.fleet_intelligence.errors import TelemetryStoreError
from physai.fleet_intelligence.telemetry.store import TelemetryStore
from physai.fleet_intelligence.tests.make_events import episode
store = TelemetryStore(Path(sys.argv[1]))
size = store.path.stat().st_size
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 4096, size + 4096))
try:
    store.add(episode(number) for number in range(1, 20_000))
except TelemetryStoreError as error:
    print(error)
"""


def test_a_full_disk_is_one_line_and_keeps_what_was_there(store: TelemetryStore) -> None:
    store.add([episode(0)])
    done = subprocess.run([sys.executable, "-c", FILL, str(store.path)], capture_output=True, text=True, check=False)
    assert "DuckDB cannot use it" in done.stdout, done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert store.events() == (episode(0),)
    assert store.add([episode(0), episode(1)]).added == 1


def test_every_kind_of_event_comes_back_as_it_was_told(store: TelemetryStore) -> None:
    told = [episode(1), control(1, cohort=None), health(1, gpu_share=0.75, policy=None), signal_event(1, episode=7)]
    assert store.add(told).added == 4
    for table, event in zip(TABLES.values(), told, strict=True):
        (row,) = store.rows(f"FROM {table.name}")
        assert event_of(table, row, type(event)) == event


def test_readers_and_writers_wait_their_turn(store: TelemetryStore) -> None:
    with store.reading() as first, store.reading() as second:
        assert first.execute("SELECT count(*) FROM Episodes").fetchone() == (0,)
        writer = threading.Thread(target=store.add, args=([episode(0)],))
        writer.start()
        assert second.execute("SELECT count(*) FROM Episodes").fetchone() == (0,)
    writer.join()
    assert len(store.events()) == 1
