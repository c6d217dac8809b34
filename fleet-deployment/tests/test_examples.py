"""The examples: one robot with its gate, and ten robots through a rollout."""

from pathlib import Path

from physai.fleet_deployment.examples import one_robot, ten_robots


def test_one_robot_lets_a_release_in_by_shadow_approval_swap_and_trial(tmp_path: Path) -> None:
    story = one_robot.play(tmp_path)
    assert (story.serving, story.stage) == ("second", "confirmed")
    assert (story.loop.mode, story.loop.steps, story.loop.held, story.loop.swaps) == ("running", 240, 0, 1)
    second = [record.event["event"] for record in story.records if record.event.get("release") == "second"]
    way = ["staged", "shadow-judged", "presented", "approved", "began", "activated"]
    assert second[: len(way)] == way
    assert set(second[len(way) :]) == {"outcome"}


def test_ten_robots_go_through_a_good_release_a_bad_one_and_partitions(tmp_path: Path) -> None:
    good, bad = ten_robots.play(tmp_path)
    assert (good.phase, good.cohort, good.serving) == ("done", "plant", {"good": 10})
    assert [said.split(" for ")[1] for said in good.commits] == ["cohort pilot", "cohort hall", "cohort plant"]
    assert (bad.phase, bad.cohort) == ("stopped", "pilot"), "no other cohort ever got it"
    assert bad.commits == ("approved bad for cohort pilot", "withdrew bad from cohort pilot")
    assert bad.serving == {"good": 10}, "also the robot that was cut off while it ran the bad one"
