"""A rollout with its journal: telemetry files in, desired releases out, once more without effect."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from physai.fleet_deployment.errors import EventLogError, GateFaultError, RolloutRefusedError
from physai.fleet_deployment.gating.sequential import Baseline
from physai.fleet_deployment.rollout import events as ev
from physai.fleet_deployment.rollout.plan import Cohort, RolloutPlan
from physai.fleet_deployment.rollout.store import Rollout, read_episodes
from physai.infrastructure.contracts import EpisodeData, EpisodeEvent

NOW = datetime(2026, 6, 3, 12, tzinfo=UTC)
PLAN = RolloutPlan(
    release="new",
    package="sha256:" + "b" * 64,
    previous="old",
    previous_package="sha256:" + "a" * 64,
    baseline=Baseline(successes=450, episodes=500),
    cohorts=(Cohort(name="pilot", robots=("p1",)), Cohort(name="hall", robots=("h1", "h2"))),
)


def told(robot: str, episode: int, success: bool, release: str = "new", package: str = PLAN.package) -> str:
    data = EpisodeData(
        policy=package,
        release=release,
        cohort="pilot",
        robot=robot,
        site="plant-1",
        task="Isaac-Reach-UR10",
        episode=episode,
        started_at=NOW,
        success=success,
        steps=10,
        duration_s=1.0,
        command=(0.0,),
        inference_p50_ms=1.0,
        inference_p99_ms=1.0,
        deadline_misses=0,
        clamped_actions=0,
        held_actions=0,
        action_mean=(0.0,),
        action_std=(0.0,),
        kpis={},
    )
    at = NOW + timedelta(seconds=episode)
    event = EpisodeEvent(id=f"{release}/{robot}/{episode}", source=f"/plant-1/{robot}", time=at, data=data)
    return event.model_dump_json() + "\n"


def begun(folder: Path) -> Rollout:
    rollout = Rollout(folder, "new", PLAN)
    rollout.send([ev.Started(at=NOW, by="anna")])
    return rollout


def test_episodes_of_telemetry_files_move_the_rollout_on_and_count_once(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    log.write_text("".join(told("p1", episode, True) for episode in range(50)) + told("p1", 50, True)[:40])
    rollout = begun(tmp_path / "rollout")
    rollout.send(read_episodes([log], PLAN))
    status = rollout.status()
    assert (status.phase, status.cohort) == ("rolling", "hall")
    assert {line.robot: line.desired for line in status.robots} == {"p1": "new", "h1": "new", "h2": "new"}
    assert status.robots[0].reported == "new"
    again = Rollout(tmp_path / "rollout", "new")
    again.send(read_episodes([log], PLAN))
    assert again.status() == status


def test_a_bad_policy_is_stopped_and_a_late_robot_learns_of_it(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    log.write_text("".join(told("p1", episode, False) for episode in range(6)))
    rollout = begun(tmp_path / "rollout")
    rollout.send(read_episodes([log], PLAN))
    assert rollout.status().phase == "stopped"
    late = Rollout(tmp_path / "rollout", "new").status()
    assert {line.desired for line in late.robots} == {"old"}


def test_a_line_cut_off_by_a_loss_of_power_never_happened(tmp_path: Path) -> None:
    rollout = begun(tmp_path / "rollout")
    log = tmp_path / "rollout" / "audit.jsonl"
    with log.open("ab") as file:
        file.write(b'{"kind":"audit-rec')
    again = Rollout(tmp_path / "rollout", "new")
    assert again.state == rollout.state
    again.send([ev.Halted(at=NOW, by="anna", reason="audit")])
    assert Rollout(tmp_path / "rollout", "new").state.halted == "anna: audit"


def test_a_tampered_journal_and_another_plan_are_refused(tmp_path: Path) -> None:
    begun(tmp_path / "rollout")
    other = PLAN.model_copy(update={"previous": "older"})
    with pytest.raises(RolloutRefusedError, match="began with another plan"):
        Rollout(tmp_path / "rollout", "new", other)
    log = tmp_path / "rollout" / "audit.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"anna"', b'"eve!"'))
    with pytest.raises(GateFaultError, match="record 1 was changed"):
        Rollout(tmp_path / "rollout", "new")


def test_a_rollout_without_a_plan_and_a_bad_line_are_named(tmp_path: Path) -> None:
    with pytest.raises(RolloutRefusedError, match="begin it with a plan"):
        Rollout(tmp_path / "none", "new")
    log = tmp_path / "events.jsonl"
    log.write_text(told("p1", 0, True) + "{}\n")
    with pytest.raises(EventLogError, match="line 2"):
        read_episodes([log], PLAN)
