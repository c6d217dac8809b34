"""The gate with its journal on a real disk: kills, cuts, damage, tampering, and several at once."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from physai.fleet_deployment.errors import FleetError, GateFaultError, JournalFullError, RefusedError
from physai.fleet_deployment.gating import events as ev
from physai.fleet_deployment.gating.gate import Gate
from physai.fleet_deployment.gating.journal import verify_log
from physai.fleet_deployment.gating.rules import AutoApproval, GateRules
from physai.fleet_deployment.tests.gate_events import NOW, approved, condition, staged, way_in


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A gate's folder, whose audit chain must hold after the test unless the test damaged it."""
    home = tmp_path / "gate"
    yield home
    if (home / "audit.jsonl").exists() and not (tmp_path / "damaged").exists():
        public = bytes.fromhex((home / "audit.pub").read_text())
        assert len(verify_log(home / "audit.jsonl", "robot-1", public)) > 0


def filled(folder: Path, *releases: str) -> Gate:
    gate = Gate(folder, "robot-1")
    for release in releases:
        for event in way_in(release):
            gate.send(event)
    return gate


def test_what_was_decided_is_there_after_a_restart(folder: Path) -> None:
    gate = filled(folder, "a", "b")
    again = Gate(folder, "robot-1", reboot=True)
    assert again.state == gate.state
    assert again.serving is not None
    assert (again.serving.release, again.status().records) == ("b", 10)


def test_rules_are_part_of_the_record_and_a_change_undoes_nothing(folder: Path) -> None:
    filled(folder, "a")
    strict = Gate(folder, "robot-1", GateRules(approvals=3), by="anna")
    assert strict.serving is not None
    assert strict.history()[-1].event["rules"]["approvals"] == 3
    assert Gate(folder, "robot-1").rules.approvals == 3


def test_a_line_that_was_cut_at_any_byte_never_happened(folder: Path, tmp_path: Path) -> None:
    gate = filled(folder, "a")
    gate.send(staged("b"))
    kept = tmp_path / "kept"
    shutil.copytree(folder, kept)
    before = gate.state
    gate.send(ev.Presented(at=NOW, release="b"))
    whole = (folder / "audit.jsonl").read_bytes()
    start = (kept / "audit.jsonl").stat().st_size
    for cut in range(start, len(whole), 7):
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
        (folder / "audit.jsonl").write_bytes(whole[:cut])
        after = Gate(folder, "robot-1", reboot=True)
        assert after.state == before
        assert after.send(ev.Presented(at=NOW, release="b")).candidate.stage == "awaiting"  # type: ignore[union-attr]


def test_a_record_on_the_disk_counts_although_its_head_was_not_written(folder: Path, tmp_path: Path) -> None:
    gate = filled(folder, "a")
    old = (folder / "head.json").read_bytes()
    gate.send(staged("b"))
    (folder / "head.json").write_bytes(old)
    assert Gate(folder, "robot-1").state == gate.state


def test_a_switch_that_a_power_cut_ended_begins_anew(folder: Path) -> None:
    gate = filled(folder, "a")
    for event in way_in("b")[:4]:
        gate.send(event)
    after = Gate(folder, "robot-1", reboot=True)
    assert after.state.candidate is not None
    assert after.state.candidate.stage == "approved"
    assert after.serving is not None
    assert after.serving.release == "a"


DAMAGES = {
    "a flipped bit": lambda text: text[:300] + bytes([text[300] ^ 1]) + text[301:],
    "a changed name": lambda text: text.replace(b"anna", b"eve!", 1),
    "a removed record": lambda text: b"".join(text.splitlines(keepends=True)[:2] + text.splitlines(keepends=True)[3:]),
    "a removed end": lambda text: b"".join(text.splitlines(keepends=True)[:-2]),
    "two records swapped": lambda text: b"".join(
        [
            *text.splitlines(keepends=True)[:1],
            *text.splitlines(keepends=True)[2:0:-1],
            *text.splitlines(keepends=True)[3:],
        ]
    ),
    "a record twice": lambda text: text + text.splitlines(keepends=True)[-1],
    "nothing left": lambda text: b"",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_tampering_is_seen_and_the_running_policy_stays(folder: Path, tmp_path: Path, damage: str) -> None:
    filled(folder, "a", "b")
    (tmp_path / "damaged").touch()
    log = folder / "audit.jsonl"
    log.write_bytes(DAMAGES[damage](log.read_bytes()))
    gate = Gate(folder, "robot-1", reboot=True)
    assert isinstance(gate.fault, GateFaultError)
    assert gate.serving is not None
    assert gate.serving.release == "b"
    left = log.read_bytes()
    with pytest.raises(GateFaultError, match="Every change is refused"):
        gate.send(staged("c"))
    assert log.read_bytes() == left
    with pytest.raises(GateFaultError):
        gate.history()


def test_a_log_signed_by_another_key_is_seen(folder: Path, tmp_path: Path) -> None:
    filled(folder, "a")
    other = Gate(tmp_path / "other", "robot-1")
    for event in way_in("z"):
        other.send(event)
    public = bytes.fromhex((folder / "audit.pub").read_text())
    with pytest.raises(GateFaultError, match="not signed by this log's key"):
        verify_log(tmp_path / "other" / "audit.jsonl", "robot-1", public)


def test_a_log_rewritten_with_its_own_key_is_seen_by_a_hash_kept_elsewhere(folder: Path, tmp_path: Path) -> None:
    head = filled(folder, "a").status().head
    public = bytes.fromhex((folder / "audit.pub").read_text())
    assert verify_log(folder / "audit.jsonl", "robot-1", public, expect=head)
    forged = tmp_path / "forged"
    forged.mkdir()
    for name in ("audit.key", "audit.pub"):
        shutil.copy(folder / name, forged)
    filled(forged, "z")
    with pytest.raises(GateFaultError, match="cut or rewritten"):
        verify_log(forged / "audit.jsonl", "robot-1", public, expect=head)


def test_a_key_is_nobody_elses_and_never_without_its_public_half(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.replace

    def killed(path: Path, target: Path) -> Path:
        if Path(target).suffix == ".pub":
            raise KeyboardInterrupt
        return rename(path, target)

    with monkeypatch.context() as death:
        death.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            filled(folder, "a")
    filled(folder, "a")
    verify_log(folder / "audit.jsonl", "robot-1", bytes.fromhex((folder / "audit.pub").read_text()))
    assert (folder / "audit.key").stat().st_mode & 0o777 == 0o600


def test_a_full_disk_changes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = filled(folder, "a")
    before, size = gate.state, (folder / "audit.jsonl").stat().st_size
    write = os.write
    with monkeypatch.context() as disk:
        disk.setattr(os, "write", lambda descriptor, line: write(descriptor, line[:100]))
        with pytest.raises(JournalFullError, match="Free space"):
            gate.send(staged("b"))
    assert (gate.state, (folder / "audit.jsonl").stat().st_size) == (before, size)
    assert gate.send(staged("b")).candidate is not None


def test_a_log_that_cannot_be_opened_changes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = filled(folder, "a")
    before, opened = gate.state, os.open

    def full(path: Path, flags: int, *more: int) -> int:
        if path == folder / "audit.jsonl":
            raise OSError(24, "Too many open files")
        return opened(path, flags, *more)

    with monkeypatch.context() as disk:
        disk.setattr(os, "open", full)
        with pytest.raises(JournalFullError, match="Too many open files"):
            gate.send(staged("b"))
    assert gate.state == before
    assert gate.send(staged("b")).candidate is not None


def test_each_record_tells_what_changed(folder: Path) -> None:
    gate = filled(folder, "a")
    gate.send(ev.Halted(at=NOW, by="anna", reason="visitors"))
    gate.send(ev.Resumed(at=NOW, by="anna", reason="they left"))
    gate.send(ev.RolledBack(at=NOW, release="a", by="anna", reason="overshoots"))
    assert [record.result for record in gate.history()] == [
        "a: new -> staged",
        "a: staged -> awaiting",
        "a: awaiting -> approved",
        "a: approved -> activating",
        "a: activating -> active",
        "halted",
        "no longer halted",
        "a: active -> rolled-back",
    ]


def test_of_operators_who_decide_at_once_one_is_heard(folder: Path) -> None:
    gate = filled(folder, "a")
    for event in way_in("b")[:2]:
        gate.send(event)
    reject = ev.Rejected(at=NOW, release="b", by="ben", reason="no")
    decisions: list[ev.Event] = [approved("b"), reject] * 6

    def decide(event: ev.Event) -> str:
        try:
            Gate(folder, "robot-1").send(event)
        except RefusedError:
            return "refused"
        return event.event

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(decide, decisions))
    assert answers.count("rejected") == 1
    assert gate.state.candidate is None
    assert "b" in gate.state.barred


def test_advance_does_what_needs_no_person_and_waits_for_the_rest(folder: Path) -> None:
    gate = Gate(folder, "robot-1", GateRules(automatic=(AutoApproval(name="strong", min_success=0.9),)))
    gate.send(staged("a", at=datetime.now(UTC)))
    busy = gate.advance(condition(datetime.now(UTC), mid_episode=True))
    assert busy.candidate is not None
    assert (busy.candidate.stage, busy.candidate.approved_by) == ("approved", ("rule:strong",))
    assert gate.status(condition(datetime.now(UTC), mid_episode=True)).waiting_for == "an episode is running"
    assert gate.advance(condition(datetime.now(UTC))).candidate.stage == "activating"  # type: ignore[union-attr]
    plain = Gate(folder.with_name("plain"), "robot-1")
    plain.send(staged("a"))
    assert plain.advance(condition()).candidate.stage == "awaiting"  # type: ignore[union-attr]
    assert plain.status().waiting_for == "1 approval"


KILLED = """
import sys
from pathlib import Path
from physai.fleet_deployment.gating.gate import Gate
from physai.fleet_deployment.tests.gate_events import way_in
gate = Gate(Path(sys.argv[1]), "robot-1", reboot=True)
start = int(sys.argv[2])
for number in range(start, start + 100_000):
    for event in way_in(f"r{number}"):
        gate.send(event)
        print(event.event, event.release, flush=True)
"""


def test_a_gate_killed_at_any_moment_keeps_what_it_told(folder: Path) -> None:
    rng = random.Random(1)
    for attempt in range(3):
        command = [sys.executable, "-c", KILLED, str(folder), str(attempt * 1000)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        told = [process.stdout.readline().split() for _ in range(rng.randrange(6, 40))]
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        gate = Gate(folder, "robot-1", reboot=True)
        assert gate.fault is None
        assert gate.serving is not None
        written = [(record.event["event"], record.event.get("release")) for record in gate.history()]
        assert all(tuple(words) in written for words in told)


def test_random_events_on_a_disk_that_is_cut_give_the_state_of_an_undisturbed_gate(folder: Path) -> None:
    rng = random.Random(3)
    gate, told = Gate(folder, "robot-1"), 0
    model = Gate(folder.with_name("model"), "robot-1")
    events = [event for release in "abc" for event in way_in(release)]
    for _ in range(150):
        event = rng.choice(events)
        before = (folder / "audit.jsonl").stat().st_size if told else 0
        try:
            gate.send(event)
        except FleetError:
            continue
        told += 1
        size = (folder / "audit.jsonl").stat().st_size
        if rng.random() < 0.3:  # power is cut inside of the line; its head was never written
            _cut(folder, rng.randrange(before, size - 1), model)
            told -= 1
        else:
            model.send(event)
        gate = Gate(folder, "robot-1")
        assert gate.fault is None
        assert gate.state == model.state
    assert told > 5


def _cut(folder: Path, size: int, model: Gate) -> None:
    os.truncate(folder / "audit.jsonl", size)
    head = folder / "head.json"
    records = (folder / "audit.jsonl").read_bytes().splitlines(keepends=True)
    whole = [json.loads(line) for line in records if line.endswith(b"\n")]
    if whole:
        head.write_text(json.dumps({"seq": whole[-1]["seq"], "hash": whole[-1]["hash"]}))
    else:
        head.unlink()
    (folder / "serving.json").unlink(missing_ok=True)
