"""The official task, launched for real: conditions hold, success is the task's, and runs repeat to the last bit."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.simulation


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    script = Path(__file__).parent / "simulation_session.py"
    home = {**os.environ, "PHYSAI_HOME": str(tmp_path_factory.mktemp("home"))}
    return subprocess.run([sys.executable, script], capture_output=True, text=True, env=home, timeout=300)


@pytest.fixture(scope="module")
def facts(ran: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)  # stdout holds the result and nothing else


def test_stderr_tells_of_the_start_and_of_nothing_else(ran: subprocess.CompletedProcess[str]) -> None:
    assert [line.split(":")[0].split(" after")[0] for line in ran.stderr.splitlines()] == [
        "starting Isaac Lab",
        "Isaac Lab is ready",
    ]


def test_the_robot_is_the_tasks(facts: dict[str, Any]) -> None:
    """120 Hz physics, four steps each: 30 Hz; Isaac Lab ends an episode after 12 s."""
    robot, rate_hz, horizon_s, joints, units = facts["robot"]
    assert (robot, horizon_s, units) == ("ur10", 12.0, ["rad"] * 6)
    assert rate_hz == pytest.approx(30.0)
    assert joints[0] == "shoulder_pan_joint"
    assert facts["limits"] == [pytest.approx([-6.2831853, 6.2831853])] * 6


def test_conditions_drawn_without_the_simulator_are_the_same(facts: dict[str, Any]) -> None:
    assert facts["same_draw"]


def test_the_stretched_arm_is_where_the_published_lengths_say(facts: dict[str, Any]) -> None:
    assert facts["zero_error_m"] < 1e-5


def test_the_tasks_own_success_term_sees_the_target_reached(facts: dict[str, Any]) -> None:
    assert facts["zero_success"] == [True] * 4


def test_a_slipped_encoder_changes_what_is_measured_and_not_where_the_arm_is(facts: dict[str, Any]) -> None:
    assert facts["zero_state"] == pytest.approx([0, 0, 0.25, 0, 0, 0])
    assert facts["zero_target"] == pytest.approx([1.1843, 0.256141, 0.0116, 0.5**0.5, 0.5**0.5, 0, 0])


def test_a_new_episode_leaves_the_other_environments_alone(facts: dict[str, Any]) -> None:
    assert facts["others_undisturbed"]
    assert facts["others_still_move"]


def test_an_episode_begins_at_rest_under_its_condition(facts: dict[str, Any]) -> None:
    assert facts["begun_at_rest"] == 0
    assert facts["begun_state"] == pytest.approx([0, 0, 0.25, 0, 0, 0], abs=1e-6)
    assert facts["begun_target"] == pytest.approx(facts["asked_target"])


def test_the_camera_shows_a_marker_at_the_target(facts: dict[str, Any]) -> None:
    assert facts["image_shape"] == [4, 64, 64, 3]
    assert facts["image_key"] == "observation.images.front"
    assert min(facts["orange_pixels"]) > 2
    assert facts["moved_marker_differs_by"] > 100
    assert facts["same_scene_differs_by"] <= 2  # rays start 2.5 m further on, where floats are coarser


def test_wrong_actions_and_conditions_are_refused(facts: dict[str, Any]) -> None:
    action, condition = facts["refusals"]
    assert "environment 2 is not finite" in action
    assert "joint_pos_rad has 1 numbers, the task takes 6" in condition


def test_the_expert_succeeds_and_stays(facts: dict[str, Any]) -> None:
    assert all(facts["success"])
    assert facts["final_error_m"] < 0.01


def test_the_same_conditions_give_the_same_episodes_to_the_last_bit(facts: dict[str, Any]) -> None:
    assert facts["repeats"]


def test_replayed_physics_equals_physics_launched_kernel_by_kernel(facts: dict[str, Any]) -> None:
    assert facts["replay_is_used"]
    assert facts["replay_equals_eager"]
