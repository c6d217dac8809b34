"""A rollout's decisions as commits: the next cohort, the halt and the way back, each once and with its reason."""

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from physai.fleet_deployment.cli import app
from physai.fleet_deployment.errors import RolloutRefusedError
from physai.fleet_deployment.gitops import tree as fleet_tree
from physai.fleet_deployment.gitops.halts import halt
from physai.fleet_deployment.rollout.commits import commit, plan_for
from physai.fleet_deployment.rollout.machine import RolloutState
from physai.fleet_deployment.rollout.plan import RolloutPlan
from physai.fleet_deployment.tests.conftest import Fleet
from physai.fleet_deployment.tests.test_rollout_store import told
from physai.infrastructure.contracts import Release, Window

Packages = Callable[[float], Path]

HEAD = "f" * 64
FIRST, SECOND = RolloutState(phase="rolling", cohort=0), RolloutState(phase="rolling", cohort=1)


@pytest.fixture
def planned(fleet: Fleet, packages: Packages) -> RolloutPlan:
    """A new package proposed to the pilot; the old one runs in pilot and hall."""
    fleet.release(packages(0.0), name="old")
    fleet.release(packages(0.0), name="old-hall", cohort="hall")
    fleet.propose(packages(0.1), name="new")
    return plan_for(fleet.repository, "new", {"hall": ("robot-2", "robot-3")})


def in_force(fleet: Fleet, cohort: str) -> Release:
    with fleet.repository.read() as tree:
        current = fleet_tree.read_current(tree, cohort, fleet.repository.url)
    assert current is not None
    return current


def subjects(fleet: Fleet) -> list[str]:
    command = ["git", "-C", fleet.repository.url, "log", "--format=%s", "main"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_a_plan_is_made_of_the_proposal_its_evaluation_and_what_runs_now(fleet: Fleet, planned: RolloutPlan) -> None:
    assert (planned.release, planned.previous) == ("new", "old")
    assert planned.previous_package == in_force(fleet, "pilot").package
    assert [(cohort.name, cohort.robots) for cohort in planned.cohorts] == [
        ("pilot", ("robot-1",)),
        ("hall", ("robot-2", "robot-3")),
    ]


def test_each_cohort_is_one_reviewed_step_and_a_second_look_commits_nothing(fleet: Fleet, planned: RolloutPlan) -> None:
    assert commit(fleet.repository, planned, FIRST, HEAD) == ("approved new for cohort pilot",)
    assert commit(fleet.repository, planned, FIRST, HEAD) == ()
    assert in_force(fleet, "hall").package == planned.previous_package, "the hall waits"
    (said,) = commit(fleet.repository, planned, SECOND, HEAD)
    hall = in_force(fleet, "hall")
    assert said == f"approved {hall.name} for cohort hall"
    assert (hall.package, hall.robots) == (planned.package, ("robot-2", "robot-3"))
    assert hall.approval is not None
    assert hall.approval.by == "rollout new"
    assert hall.approval.reason == "cohort pilot has passed its trial (record ffffffffffff of the rollout)"
    count = len(subjects(fleet))
    assert commit(fleet.repository, planned, SECOND, HEAD) == ()
    assert len(subjects(fleet)) == count


def test_a_stop_takes_every_cohort_back_to_the_release_before(fleet: Fleet, planned: RolloutPlan) -> None:
    commit(fleet.repository, planned, SECOND, HEAD)
    stopped = RolloutState(phase="stopped", cohort=1, why="9 of 20 episodes failed in cohort 'hall'")
    assert len(commit(fleet.repository, planned, stopped, HEAD)) == 2
    assert {in_force(fleet, cohort).name for cohort in ("pilot", "hall")} == {"old", "old-hall"}
    assert commit(fleet.repository, planned, stopped, HEAD) == ()


def test_a_halt_freezes_the_cohorts_that_wait_and_lifts_only_its_own(fleet: Fleet, planned: RolloutPlan) -> None:
    commit(fleet.repository, planned, FIRST, HEAD)
    halted = RolloutState(phase="rolling", cohort=0, halted="anna: audit")
    assert commit(fleet.repository, planned, halted, HEAD) == ("halted cohort hall",)
    assert commit(fleet.repository, planned, halted, HEAD) == ()
    assert commit(fleet.repository, planned, FIRST, HEAD) == ("lifted the halt of cohort hall",)
    halt(fleet.repository, "hall", "ben", "visitors")
    assert commit(fleet.repository, planned, FIRST, HEAD) == (), "a person's halt is theirs to lift"


def test_a_plan_for_other_robots_than_those_of_the_release_is_refused(fleet: Fleet, planned: RolloutPlan) -> None:
    pilot = planned.cohorts[0].model_copy(update={"robots": ("robot-9",)})
    other = planned.model_copy(update={"cohorts": (pilot, *planned.cohorts[1:])})
    with pytest.raises(RolloutRefusedError, match="for other robots"):
        commit(fleet.repository, other, FIRST, HEAD)


@pytest.mark.parametrize(
    ("robots", "why"),
    [((), "robots: Tuple should have at least 1 item"), (("robot-1",), "robots in two places: robot-1")],
)
def test_a_cohort_without_robots_or_with_those_of_another_is_one_line(
    fleet: Fleet, planned: RolloutPlan, robots: tuple[str, ...], why: str
) -> None:
    with pytest.raises(RolloutRefusedError, match=why):
        plan_for(fleet.repository, "new", {"hall": robots})


def test_a_first_release_has_nothing_to_return_to(fleet: Fleet, packages: Packages) -> None:
    fleet.propose(packages(0.0), name="only")
    with pytest.raises(RolloutRefusedError, match="approve its first release by hand"):
        plan_for(fleet.repository, "only", {})


def test_the_command_goes_from_telemetry_to_commits(
    fleet: Fleet, planned: RolloutPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHYSAI_FLEET_REPO", fleet.repository.url)
    monkeypatch.setenv("PHYSAI_HOME", str(fleet.root / "home"))
    path, log = fleet.root / "plan.json", fleet.root / "events.jsonl"
    words = ["rollout", "plan", "new", "--then", "hall=robot-2,robot-3", "--output", str(path)]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert RolloutPlan.read(path) == planned
    log.write_text("".join(told("robot-1", number, True, "new", planned.package) for number in range(300)))
    done = CliRunner().invoke(app, ["rollout", "step", str(path), "--events", str(log), "--by", "anna", "--json"])
    assert done.exit_code == 0, done.output
    status = json.loads(done.stdout)
    assert (status["phase"], status["cohort"]) == ("rolling", "hall")
    assert [line.split(" ")[0] for line in status["commits"]] == ["approved", "approved"]
    assert in_force(fleet, "hall").package == planned.package
    hall = in_force(fleet, "hall").name  # robots of the hall tell of it under its own name
    failed = "".join(told("robot-2", number, False, hall, planned.package) for number in range(40))
    log.write_text(failed)
    done = CliRunner().invoke(app, ["rollout", "step", str(path), "--events", str(log)])
    assert "stopped, cohort hall" in done.output
    assert in_force(fleet, "pilot").name == "old"


def test_a_release_carries_the_windows_in_which_robots_may_switch(fleet: Fleet, packages: Packages) -> None:
    night = Window.parse("mon-fri 22:00-05:00 Europe/Berlin")
    release = fleet.release(packages(0.0), windows=(night,))
    assert in_force(fleet, "pilot").windows == (night,)
    agent = fleet.agent()
    agent.find()
    agent.gate.stage(release, agent._success[release.name])
    state = agent.gate.advance(agent.condition(), datetime(2026, 6, 3, 12, tzinfo=UTC))
    assert state.candidate is not None
    assert state.candidate.stage in ("awaiting", "approved"), "it is noon in Berlin"
